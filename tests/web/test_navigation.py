"""The side links to pages that exist, and knows where the reader is."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import include, path

from quantlab.web.navigation import LINKS, navigation, put_below


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path(
        "",
        include(
            (
                [
                    path("", empty, name="dashboard"),
                    path("model-lab", empty, name="experiment-list"),
                ],
                "experiments",
            )
        ),
    ),
    path("settings", empty, name="settings"),
]

pytestmark = pytest.mark.urls("tests.web.test_navigation")


def links_at(address: str) -> dict[str, str]:
    """Return the label and aria-current of each link, seen from one page."""
    groups = navigation(RequestFactory().get(address))["nav"]
    return {link.label: link.current for group in groups for link in group.links}


def test_a_page_appears_when_its_url_exists():
    assert list(links_at("/")) == ["Dashboard", "Experiments", "Settings"]


def test_a_group_without_pages_has_no_title():
    groups = navigation(RequestFactory().get("/"))["nav"]

    assert [group.title for group in groups] == ["", "Research", "Lab"]
    assert all(group.links for group in groups)


@pytest.mark.parametrize(
    ("address", "current"),
    [
        ("/", {"Dashboard": "page"}),
        ("/model-lab", {"Experiments": "page"}),
        ("/model-lab/runs/1", {"Experiments": "true"}),
        ("/model-laboratory", {}),
        ("/settings?saved=1", {"Settings": "page"}),
    ],
)
def test_the_current_page_is_marked(address, current):
    assert {k: v for k, v in links_at(address).items() if v} == current


def test_a_page_can_belong_elsewhere_than_its_address():
    request = RequestFactory().get("/model-lab/runs/1")
    put_below(request, "/settings")

    links = [one for group in navigation(request)["nav"] for one in group.links]
    assert {one.label: one.current for one in links if one.current} == {
        "Settings": "true"
    }


def test_no_two_pages_have_one_key():
    keys = [key for links in LINKS.values() for _, _, key in links]

    assert len(keys) == len({*keys})
