"""What programs rely on: links to pages, times in their zone, signs of life, lost alerts."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path

import attrs
import pytest
import trio

from actors.outputs.web import live
from actors.outputs.web.viewers import Viewer, Viewers
from glancemetrics.history.query import Answer, Question
from glancemetrics.http_api.answer_arrow import answer_of
from tests.actors.client.monitors import LINES, monitor, until_read, write_log
from tests.actors.outputs.console.replays import answer_from, recorded, replay
from tests.actors.outputs.feeding import event
from tests.actors.outputs.web.sites import served
from tests.lines import BASE


async def test_each_form_of_a_page_names_the_next_one(tmp_path: Path) -> None:
    async with served(tmp_path, is_broken=True) as site, site.client() as client:
        for form in ("json", "csv", "arrow"):
            path = f"/api/v1/records?limit=100&format={form}&timezone=Asia/Tokyo"
            page = await client.get(path)
            assert page.links["next"]["rel"] == "next"
            following = page.links["next"]["url"]
            assert following.startswith(("?since=", "?until="))
            assert f"format={form}" in following
            assert "timezone=Asia%2FTokyo" in following
            if form == "json":
                assert page.json()["next"] == following
        last = await client.get("/api/v1/records?limit=10&where=status+%3D+999")
        assert "link" not in last.headers
        assert last.json()["next"] is None


async def test_a_page_carries_the_texts_of_its_own_requests(tmp_path: Path) -> None:
    async with served(tmp_path, is_broken=True) as site, site.client() as client:
        few = await client.get("/api/v1/records?limit=2&format=arrow")
    table = answer_of(few.content).table
    assert len(table.column("host").combine_chunks().dictionary) <= 2
    assert len(few.content) < 8000


def test_sentences_have_times_in_the_zone_of_the_question(tmp_path: Path) -> None:
    import glancemetrics as gm

    write_log(tmp_path / "access.log")
    with monitor(tmp_path / "access.log", tmp_path / "state") as running:
        until_read(running.url, LINES)
        with gm.connect(running.url) as client:
            for zone, said in (("Asia/Tokyo", "23:13:20 JST"), (None, "14:13:20 UTC")):
                answer = client.query(since="2026-09-20", timezone=zone)
                assert answer.missing == f"no data before 2026-09-21 {said}"
            (page,) = client.records(since="2026-09-20", timezone="Asia/Tokyo", limit=1)
            assert page.missing == "no data before 2026-09-21 23:13:20 JST"


async def answered(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
    await trio.sleep(0)
    return answer_from(question, recorded())


async def test_a_quiet_stream_shows_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "QUIET_SECONDS", 0.02)
    viewers = Viewers(lambda _: {"type": "snapshot"}, answered)
    stream = live.events(Viewer(wants_snapshots=False), viewers)
    with trio.fail_after(10):
        assert await anext(stream) == "retry: 3000\n\n"
        assert await anext(stream) == ": nothing new\n\n"
        await viewers.tell(event(1))
        assert (await anext(stream)).startswith("event: alert\n")
    await stream.aclose()  # type: ignore[attr-defined]
    assert not len(viewers)


async def test_alerts_that_a_slow_reader_missed_are_counted() -> None:
    viewers = Viewers(lambda _: {"type": "snapshot"}, answered)
    stream = live.events(Viewer(), viewers)
    await anext(stream)
    for number in range(600):
        await viewers.tell(event(number))
    found = [await anext(stream) for _ in range(501)]
    assert found[0] == 'event: missed\ndata: {"type":"missed","events":100}\n\n'
    assert all(one.startswith("event: alert\n") for one in found[1:])
    await viewers.tell(event(1))
    assert (await anext(stream)).startswith("event: alert\n"), "said once"
    await stream.aclose()  # type: ignore[attr-defined]


async def test_requests_that_are_followed_may_be_chosen_by_a_field_of_keep() -> None:
    asked: list[Question] = []

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        asked.append(question)
        return await answered(attrs.evolve(question, kept=(), where=None))

    shown = replay().shown
    assert shown is not None
    viewers = Viewers(lambda _: {"type": "snapshot"}, answer, kept=("cache",))
    async with trio.open_nursery() as nursery:
        await nursery.start(viewers.run)
        viewer = Viewer(follows="cache = 'HIT'", wants_snapshots=False)
        await viewers.join(viewer)
        for end in (BASE - 1, BASE):
            await viewers.show(attrs.evolve(shown, shown=attrs.evolve(shown.shown, end=end)))
        with trio.fail_after(10):
            (frame,) = await viewer.frames()
        nursery.cancel_scope.cancel()
    assert (asked[0].kept, asked[0].where) == (("cache",), "cache = 'HIT'")
    assert frame.kind == "requests"
