"""Keyset pages: every row once, in order, whatever the values and whatever is added."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db.models import F, FloatField
from django.db.models.functions import Cast

from jobs.models import Job
from quantlab.web.paging import keyset_page
from quantlab.web.problem import Problem
from tests.jobs.rows import NOON, make_job

pytestmark = pytest.mark.django_db

FIELDS = {
    "created_at": "created_at",
    "started_at": "started_at",
    "sharpe": "latest_sharpe",
    "title": "title",
    "id": "id",
}
N_ROWS = 320


@pytest.fixture
def jobs():
    """320 jobs: 120 share one Sharpe, 100 have none, 100 differ in the last digits."""
    chance = random.Random(7)
    numbers = list(range(N_ROWS))
    chance.shuffle(numbers)
    rows = []
    for i, number in enumerate(numbers):
        if number < 120:
            sharpe = 0.1 + 0.2  # 0.30000000000000004: a cursor must not round
        elif number < 220:
            sharpe = None
        else:
            sharpe = 0.3 + (number - 220) * 1e-16
        rows.append(
            Job(
                id=f"job_{i:06d}",
                kind="backtest",
                title=f"{number % 3}",
                latest_sharpe=sharpe,
                created_at=NOON + timedelta(microseconds=number),
                started_at=NOON + timedelta(seconds=i) if number % 2 else None,
            )
        )
    return Job.objects.bulk_create(rows)


def read_all(order: str, *, limit: int = 50, queryset=None, between=None) -> list[Job]:
    """Follow the cursors to the end; `between` is called after each page."""
    seen: list[Job] = []
    cursor: str | None = ""
    while cursor is not None:
        page = keyset_page(
            Job.objects.all() if queryset is None else queryset,
            order=order,
            fields=FIELDS,
            limit=limit,
            cursor=cursor,
        )
        assert len(page.items) <= limit
        seen += page.items
        cursor = page.next_cursor
        if between:
            between()
    return seen


def sorted_by_hand(rows: list[Job], order: str) -> list[str]:
    """Return ids in the order asked for: without a value last, ties by id."""
    name = FIELDS[order.removeprefix("-")]
    valued = [row for row in rows if getattr(row, name) is not None]
    empty = [row for row in rows if getattr(row, name) is None]
    reverse = order.startswith("-")
    valued.sort(key=lambda row: (getattr(row, name), row.pk), reverse=reverse)
    empty.sort(key=lambda row: row.pk, reverse=reverse)
    return [row.pk for row in valued + empty]


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_every_row_comes_once_in_order(jobs, name, sign):
    order = f"{sign}{name}"

    assert [row.pk for row in read_all(order)] == sorted_by_hand(jobs, order)


@pytest.mark.parametrize("limit", [1, 7, 64, 320, 321])
def test_the_size_of_a_page_changes_nothing(jobs, limit):
    some = Job.objects.filter(pk__in=[job.pk for job in jobs[:40]])
    expected = sorted_by_hand(jobs[:40], "-sharpe")

    found = read_all("-sharpe", limit=limit, queryset=some)

    assert [row.pk for row in found] == expected


def test_the_last_page_has_no_cursor_even_when_it_is_full(jobs):
    page = keyset_page(
        Job.objects.all(), order="id", fields=FIELDS, limit=N_ROWS, cursor=""
    )

    assert len(page.items) == N_ROWS
    assert page.next_cursor is None


def test_an_empty_list_is_one_empty_page():
    page = keyset_page(Job.objects.all(), order="id", fields=FIELDS, limit=5)

    assert (page.items, page.next_cursor) == ([], None)


def test_rows_added_while_reading_shift_nothing(jobs):
    """Each page is followed by three new rows at the front: none is read twice."""
    added: list[str] = []

    def add() -> None:
        added.extend(make_job(created_at=NOON + timedelta(days=1)).pk for _ in "123")

    found = [row.pk for row in read_all("-created_at", limit=40, between=add)]

    assert found == sorted_by_hand(jobs, "-created_at")
    assert len(added) == 3 * 8


def test_rows_removed_while_reading_shift_nothing(jobs):
    expected = sorted_by_hand(jobs, "sharpe")
    first = keyset_page(Job.objects.all(), order="sharpe", fields=FIELDS, limit=30)
    Job.objects.filter(pk__in=expected[:30]).delete()  # the cursor's own row too

    rest = keyset_page(
        Job.objects.all(),
        order="sharpe",
        fields=FIELDS,
        limit=400,
        cursor=first.next_cursor or "",
    )

    assert [row.pk for row in rest.items] == expected[30:]


def test_an_annotation_may_be_the_order(jobs):
    doubled = Job.objects.annotate(
        double=Cast(F("latest_sharpe") * 2, output_field=FloatField())
    )
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = keyset_page(
            doubled, order="-d", fields={"d": "double"}, limit=90, cursor=cursor
        )
        seen += [row.pk for row in page.items]
        cursor = page.next_cursor

    assert seen == sorted_by_hand(jobs, "-sharpe")


def test_a_page_costs_one_query(jobs, django_assert_num_queries):
    with django_assert_num_queries(1):
        keyset_page(Job.objects.all(), order="-sharpe", fields=FIELDS, limit=50)


class TestRefusals:
    def test_an_unknown_order_names_the_nearest(self):
        with pytest.raises(Problem) as refusal:
            keyset_page(Job.objects.all(), order="-sharp", fields=FIELDS, limit=5)

        problem = refusal.value
        assert (problem.status, problem.code) == (422, "unknown_order")
        assert problem.advice == "Did you mean 'sharpe'?"
        assert problem.errors[0]["field"] == "order"

    @pytest.mark.parametrize("order", ["", "-", "--id", "owner", "lease_owner", "pk"])
    def test_only_listed_fields_can_be_asked_for(self, order):
        with pytest.raises(Problem, match="There is no order"):
            keyset_page(Job.objects.all(), order=order, fields=FIELDS, limit=5)

    @pytest.mark.parametrize("cursor", ["x", "a:b:c", "é", "bnVsbA", "\x00", ":" * 9])
    def test_a_cursor_that_is_none(self, cursor):
        with pytest.raises(Problem) as refusal:
            keyset_page(
                Job.objects.all(), order="id", fields=FIELDS, limit=5, cursor=cursor
            )

        assert (refusal.value.status, refusal.value.code) == (422, "bad_cursor")
        assert refusal.value.errors[0]["field"] == "cursor"

    def test_a_cursor_of_another_order(self, jobs):
        page = keyset_page(Job.objects.all(), order="id", fields=FIELDS, limit=5)

        with pytest.raises(Problem, match="in this order"):
            keyset_page(
                Job.objects.all(),
                order="-id",
                fields=FIELDS,
                limit=5,
                cursor=page.next_cursor or "",
            )

    def test_a_cursor_cannot_be_changed(self, jobs):
        page = keyset_page(Job.objects.all(), order="id", fields=FIELDS, limit=5)
        forged = "A" + (page.next_cursor or "")[1:]

        with pytest.raises(Problem, match="cursor"):
            keyset_page(
                Job.objects.all(), order="id", fields=FIELDS, limit=5, cursor=forged
            )


def test_another_field_may_break_ties(jobs):
    """Titles repeat a hundred times; `created_at` differs, and not in order of ids."""
    expected = sorted(jobs, key=lambda job: (job.title, job.created_at), reverse=True)
    seen: list[Job] = []
    cursor: str | None = ""
    while cursor is not None:
        page = keyset_page(
            Job.objects.all(),
            order="-title",
            fields=FIELDS,
            limit=50,
            cursor=cursor,
            tie="created_at",
        )
        seen += page.items
        cursor = page.next_cursor

    assert seen == expected
