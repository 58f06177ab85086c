"""The stream of a job: nothing missing, nothing twice, whoever is slow or cut off."""

from __future__ import annotations

import asyncio
import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest
from django.db import connections, transaction

from jobs import hub as hub_module
from jobs import lease, sse
from jobs.events import append_events
from jobs.hub import Hub
from jobs.models import Job, JobStatus
from tests.jobs.rows import make_job
from tests.loops import run_async

SEED = 20261121


def sent(text: str) -> list[dict]:
    """Return the events of a stream as a browser understands them."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if line[0] != ":"
        )
        if "data" in fields:
            event = json.loads(fields["data"])
            assert fields["id"] == str(event["seq"])
            assert fields["event"] == event["type"]
            events.append(event)
    return events


def seqs(text: str) -> list[int]:
    return [event["seq"] for event in sent(text)]


def tell(job: Job, n: int = 1) -> None:
    with transaction.atomic():
        append_events(job.pk, [("result", {"expr_hash": "8f0c"})] * n)


@pytest.mark.django_db
class TestAnswer:
    """What Django answers, before anything is live."""

    @pytest.fixture
    def job(self):
        job = make_job("running")
        tell(job, 3)
        return job

    @pytest.fixture
    def ended(self, job):
        lease.finish(job.pk, "test", JobStatus.SUCCEEDED)
        return job

    def test_everything_from_the_first_event_to_done(self, client, ended):
        response = client.get(
            f"/api/jobs/{ended.pk}/stream", headers={"Accept-Encoding": "gzip"}
        )

        assert response["Content-Type"] == "text/event-stream"
        assert response["X-Accel-Buffering"] == "no"
        assert response["Cache-Control"] == "no-store"
        text = response.content.decode()
        assert text.startswith("retry: 1000\n\nid: 1\nevent: result\ndata: {")
        assert seqs(text) == [1, 2, 3, 4]
        assert sent(text)[-1]["status"] == "succeeded"
        assert not response.has_header(sse.FOLLOW)

    def test_a_job_at_work_is_followed_from_there(self, client, job):
        response = client.get(f"/api/jobs/{job.pk}/stream")

        assert seqs(response.content.decode()) == [1, 2, 3]
        assert response[sse.FOLLOW] == f"{job.pk} 3"

    def test_who_comes_back_says_where_they_were(self, client, ended):
        address = f"/api/jobs/{ended.pk}/stream"

        asked = client.get(f"{address}?last_event_id=2")
        told = client.get(f"{address}?last_event_id=1", headers={"Last-Event-ID": "3"})

        assert seqs(asked.content.decode()) == [3, 4]
        assert seqs(told.content.decode()) == [4]

    def test_who_has_seen_the_end_is_told_to_stay_away(self, client, ended):
        response = client.get(f"/api/jobs/{ended.pk}/stream?last_event_id=4")

        assert (response.status_code, response.content) == (204, b"")

    def test_events_that_are_gone_are_summed_up(self, client, ended):
        ended.events.all().delete()

        events = sent(client.get(f"/api/jobs/{ended.pk}/stream").content.decode())

        assert [event["type"] for event in events] == ["progress", "done"]
        assert [event["seq"] for event in events] == [3, 4]

    @pytest.mark.parametrize("seq", ["-1", "5", "two", "", "9" * 30])
    def test_an_event_that_never_was_is_refused(self, client, ended, seq):
        address = f"/api/jobs/{ended.pk}/stream"
        for response in (
            client.get(address, {"last_event_id": seq}),
            client.get(address, headers={"Last-Event-ID": seq}),
        ):
            assert response.status_code == 422
            [error] = response.json()["error"]["details"]["errors"]
            assert error["field"].lower().replace("-", "_") == "last_event_id"

    def test_it_needs_the_key_like_the_rest(self, client, ended, settings):
        settings.QUANT_API_KEY = "k"
        address = f"/api/jobs/{ended.pk}/stream"

        assert client.get(address).status_code == 401
        assert client.get(address, headers={"X-API-Key": "k"}).status_code == 200

    def test_it_is_in_the_description(self, client):
        paths = client.get("/api/openapi.json").json()["paths"]

        operation = paths["/api/jobs/{job_id}/stream"]["get"]
        assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
        assert {p["name"] for p in operation["parameters"]} == {
            *("job_id", "last_event_id", "Last-Event-ID")
        }


@pytest.fixture
def hub(transactional_db, monkeypatch):
    """A hub of this test alone, in a hurry."""
    monkeypatch.setattr(hub_module, "POLL_S", 0.005)
    hub = Hub()
    monkeypatch.setattr(sse, "hub", hub)
    yield hub
    assert hub._inboxes == hub._known == {}  # who left has left nothing behind
    hub._reader.shutdown()


@pytest.fixture
def writer():
    """Run a function as a worker does: elsewhere, on its own connection."""
    with ThreadPoolExecutor(1) as pool:

        def write(function, *args):
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(pool, function, *args)

        yield write
        pool.submit(connections.close_all)


async def collect(frames, known: list[int], n: int | None = None) -> list[int]:
    """Read events into `known`: until the stream ends, or until there are `n`."""
    async with aclosing(frames) as frames:
        async for text in frames:
            known += seqs(text)
            if n is not None and len(known) >= n:
                break
    return known


class TestLive:
    def test_events_arrive_as_they_are_written_and_done_ends_it(self, hub, writer):
        job = make_job("running")
        tell(job, 2)

        async def scene():
            late = asyncio.create_task(collect(sse.follow(hub, job.pk, 0), []))
            on_time = asyncio.create_task(collect(sse.follow(hub, job.pk, 2), []))
            await writer(tell, job)
            await writer(tell, job, 3)
            await writer(lease.finish, job.pk, "test", JobStatus.SUCCEEDED)
            return await asyncio.gather(late, on_time)

        assert run_async(scene()) == [[1, 2, 3, 4, 5, 6, 7], [3, 4, 5, 6, 7]]

    def test_random_cuts_lose_nothing_and_repeat_nothing(
        self, hub, writer, monkeypatch
    ):
        monkeypatch.setattr(hub_module, "INBOX_SIZE", 7)
        jobs = [make_job("running"), make_job("running")]
        rng = random.Random(SEED)

        async def client(job):
            known: list[int] = []
            while not known or known[-1] != 201:
                seq = known[-1] if known else 0
                frames = sse.follow(hub, job.pk, seq)
                await collect(frames, known, len(known) + rng.randint(1, 60))
                await asyncio.sleep(rng.choice([0, 0.002, 0.03]))  # away for a while
            return known

        async def work(job):
            left = 200
            while left:
                n = min(rng.randint(1, 12), left)
                await writer(tell, job, n)
                left -= n
                await asyncio.sleep(rng.choice([0, 0.001, 0.01]))
            await writer(lease.finish, job.pk, "test", JobStatus.SUCCEEDED)

        async def scene():
            clients = [client(job) for job in jobs for _ in range(15)]
            return (await asyncio.gather(*clients, *map(work, jobs)))[: len(clients)]

        assert run_async(scene()) == [list(range(1, 202))] * 30

    def test_a_slow_client_gets_everything_from_the_table(
        self, hub, writer, monkeypatch
    ):
        monkeypatch.setattr(hub_module, "INBOX_SIZE", 4)
        job = make_job("running")

        async def scene():
            known: list[int] = []
            async with aclosing(sse.follow(hub, job.pk, 0)) as frames:
                await writer(tell, job)
                known += seqs(await anext(frames))
                [inbox] = hub._inboxes[job.pk]
                for _ in range(6):  # it does not read, and its inbox stays small
                    await writer(tell, job, 3)
                    while hub._known[job.pk] < await writer(last_seq, job):
                        await asyncio.sleep(0.005)
                    assert len(inbox._events) <= 4
                known += seqs(await anext(frames))
            return known

        assert run_async(scene()) == list(range(1, 20))

    def test_everybody_together_is_one_query_a_turn(
        self, hub, writer, django_assert_num_queries
    ):
        jobs = [make_job("running") for _ in range(20)]
        known = {job.pk: 0 for job in jobs}

        with django_assert_num_queries(1):
            hub_module._news(known)
        for job in jobs:
            tell(job, 2)
        with django_assert_num_queries(2):
            last_seqs, news = hub_module._news(known)
        assert set(last_seqs.values()) == {2}
        assert [[e["seq"] for e in news[job.pk]] for job in jobs] == [[1, 2]] * 20

    def test_silence_is_broken_by_comments(self, hub, monkeypatch):
        monkeypatch.setattr(sse, "HEARTBEAT_S", 0.01)
        job = make_job()

        async def scene():
            async with aclosing(sse.follow(hub, job.pk, 0)) as frames:
                return [await anext(frames) for _ in range(2)]

        assert run_async(scene()) == [":\n\n", ":\n\n"]

    def test_a_job_that_is_deleted_ends_the_stream(self, hub, writer):
        job = make_job()
        pk = job.pk

        async def scene():
            reading = asyncio.create_task(collect(sse.follow(hub, pk, 0), []))
            await asyncio.sleep(0)
            await writer(job.delete)
            return await reading

        assert run_async(scene()) == []

    def test_a_hub_that_closes_ends_all_streams_and_begins_none(self, hub):
        jobs = [make_job() for _ in range(3)]

        async def scene():
            reading = [
                asyncio.create_task(collect(sse.follow(hub, job.pk, 0), []))
                for job in jobs
            ]
            await asyncio.sleep(0)
            hub.close()
            ended = await asyncio.gather(*reading)
            return [*ended, await collect(sse.follow(hub, jobs[0].pk, 0), [])]

        assert run_async(scene()) == [[], [], [], []]


def last_seq(job: Job) -> int:
    return Job.objects.get(pk=job.pk).last_seq


class Connection:
    """A client of an ASGI application that begins a stream of `job` at event `seq`."""

    def __init__(self, job: Job, seq: int) -> None:
        self.follow = f"{job.pk} {seq}".encode()
        self.sent: list[dict] = []
        self.gone = asyncio.Event()

    async def django(self, scope, receive, send) -> None:
        headers = [(b"X-Lab-Follow", self.follow), (b"Content-Length", b"13")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"retry: 1000\n\n"})

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message) -> None:
        self.sent.append(message)

    async def run(self) -> None:
        await sse.with_streams(self.django)({}, self.receive, self.send)

    @property
    def body(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()


class TestConnection:
    def test_django_begins_and_the_hub_goes_on(self, hub, writer):
        job = make_job("running")

        async def scene():
            connection = Connection(job, 0)
            running = asyncio.create_task(connection.run())
            await writer(tell, job, 2)
            await writer(lease.finish, job.pk, "test", JobStatus.SUCCEEDED)
            await running
            return connection

        connection = run_async(scene())

        assert connection.sent[0]["headers"] == []
        assert connection.body.startswith("retry: 1000\n\nid: 1\n")
        assert seqs(connection.body) == [1, 2, 3]
        assert [m["more_body"] for m in connection.sent[1:]][-1] is False
        assert all(m["more_body"] for m in connection.sent[1:-1])

    def test_a_client_that_leaves_is_forgotten(self, hub):
        job = make_job("running")

        async def scene():
            connection = Connection(job, 0)
            running = asyncio.create_task(connection.run())
            while not hub._inboxes:
                await asyncio.sleep(0)
            connection.gone.set()
            await running
            return connection.body

        assert run_async(scene()) == "retry: 1000\n\n"

    def test_other_answers_pass_unchanged(self):
        start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"Content-Length", b"1")],
        }
        body = {"type": "http.response.body", "body": b"x"}
        sent = []

        async def page(scope, receive, send):
            await send(dict(start))
            await send(dict(body))

        async def send(message):
            sent.append(message)

        run_async(sse.with_streams(page)({}, None, send))

        assert sent == [start, body]
