"""The WebSocket and Server-Sent Events over real sockets; and viewers, without any."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from starlette.websockets import WebSocket
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)

from actors.outputs.web.access import Person
from actors.outputs.web.limits import BusyError, limited
from actors.outputs.web.live import MOST_ASKS, events, serve_socket
from actors.outputs.web.viewers import Frame, Viewer, Viewers
from glancemetrics.errors import UsageError
from glancemetrics.formats.combined import decode
from glancemetrics.history.ask import Ask
from glancemetrics.history.held_records import HeldRecords
from glancemetrics.history.query import Answer, Query, Question, RecordQuery
from glancemetrics.history.recorded import Recorded
from glancemetrics.records.schema import with_source
from glancemetrics.traffic.snapshot import Snapshot
from tests.actors.outputs.console.replays import RULES, answer_from, recorded, replay
from tests.actors.outputs.feeding import event
from tests.actors.outputs.web.sites import Listening, Served, listening, served
from tests.lines import BASE, line

TOP = {"seconds": 900, "by": ["path"], "measures": ["hits", "5xx"], "limit": 5}


@asynccontextmanager
async def socket_of(
    found: Listening, query: str = "", **details: Any
) -> AsyncIterator[WebSocketConnection]:
    path, host = f"/api/v1/events{query}", f"127.0.0.1:{found.port}"
    with trio.fail_after(20):
        # One of its own it would leave open if the server refuses or closes it.
        stream = await found.connect()
        try:
            async with trio.open_nursery() as nursery:
                socket = await wrap_client_stream(nursery, stream, host, path, **details)
                async with socket:
                    # The server's first ping comes before the answer; if it came while the socket
                    # is being closed, that would be an error.
                    await socket.ping()
                    yield socket
        except ExceptionGroup as group:
            refused = group.subgroup(ConnectionRejected)
            raise group if refused is None else refused.exceptions[0] from None


async def message(socket: WebSocketConnection, kind: str = "") -> dict[str, Any]:
    """Return the next message, of a type."""
    while True:
        data = await socket.get_message()
        text = zlib.decompress(data, -15) if isinstance(data, bytes) else data
        found: dict[str, Any] = json.loads(text)
        if kind in {"", found["type"]}:
            return found


def snapshot_of(site: Served) -> Any:
    assert site.desk.latest.snapshot is not None
    return site.desk.latest.snapshot


@pytest.mark.parametrize("query", ["", "?compress=deflate"])
async def test_a_viewer_is_greeted_and_gets_snapshots_and_answers(
    query: str, tmp_path: Path
) -> None:
    async with (
        served(tmp_path, is_broken=True) as site,
        listening(site) as found,
        socket_of(found, query) as socket,
    ):
        hello = await message(socket)
        assert hello["type"] == "hello"
        assert {rule["name"] for rule in hello["rules"]} == set(RULES)
        assert hello["admin"] is False
        assert hello["windows"][0] == 10
        await site.viewers.show(snapshot_of(site))
        shown = await message(socket)
        assert (shown["type"], shown["now"], shown["hits"]) == ("snapshot", BASE, 100)
        assert shown["alerts"]["firing"][0]["severity"] == "critical"
        await socket.send_message(json.dumps({"type": "asks", "asks": {"top": TOP}}))
        answer = await message(socket)
        assert (answer["type"], answer["id"], answer["error"]) == ("answer", "top", "")
        assert answer["columns"]["path"][0] == "/checkout"
        assert len(answer["columns"]["hits"]) == 5
        assert answer["total"]["hits"] == 9000
        assert (answer["since"], answer["until"], answer["known"]) == (BASE - 900, BASE, 900)
        await site.viewers.tell(event(3))
        alert = await message(socket)
        assert alert["event"]["event"] == "triggered"


async def test_filters_narrow_what_is_asked(tmp_path: Path) -> None:
    asks = {
        "all": {"seconds": 900},
        "one": {"seconds": 900, "filters": [{"field": "path", "value": "/checkout"}]},
        "others": {"seconds": 900,
                   "filters": [{"field": "path", "value": "/checkout", "not": True}]},
        "failed": {"seconds": 900, "filters": [{"field": "path", "value": "/checkout"},
                                               {"where": "status >= 500"}]},
        "records": {"seconds": 900, "records": True, "limit": 3},
        "series": {"seconds": 600, "step": 60, "measures": ["hits", "p95"]},
        "earlier": {"seconds": 60, "shift": 60},
    }  # fmt: skip
    async with (
        served(tmp_path, is_broken=True) as site,
        listening(site) as found,
        socket_of(found) as socket,
    ):
        await site.viewers.show(snapshot_of(site))
        await socket.send_message(json.dumps({"type": "asks", "asks": asks}))
        got: dict[str, Any] = {}
        while len(got) < len(asks):
            one = await message(socket, "answer")
            assert one["error"] == "", one
            got[one["id"]] = one
    hits = {name: got[name]["total"].get("hits") for name in ("all", "one", "others", "failed")}
    assert hits["one"] + hits["others"] == hits["all"] == 9000
    assert 0 < hits["failed"] < hits["one"]
    assert len(got["records"]["columns"]["time"]) == 3
    assert got["series"]["columns"]["time"] == list(range(-(-(BASE - 600) // 60) * 60, BASE, 60))
    assert (got["earlier"]["since"], got["earlier"]["until"]) == (BASE - 120, BASE - 60)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ({}, "seconds: must be a whole number"),
        ([], "must be an object"),
        ({"seconds": 0}, "seconds: must be"),
        ({"seconds": True}, "seconds: must be"),
        ({"seconds": 1e300}, "seconds: must be"),
        ({"seconds": 60, "by": "path"}, "by: must be a list"),
        ({"seconds": 60, "by": ["pth"]}, "unknown field 'pth'"),
        ({"seconds": 60, "by": ["path", "host", "status"]}, "at most two fields"),
        ({"seconds": 60, "measures": ["hits; DROP"]}, "unknown measure"),
        ({"seconds": 60, "limit": 100_000}, "limit: must be"),
        ({"seconds": 864_000, "step": 1}, "steps are over"),
        ({"seconds": 6000, "step": 6, "by": ["path"], "limit": 1000}, "over 20,000 values"),
        ({"seconds": 60, "filters": {}}, "filters: must be a list"),
        ({"seconds": 60, "filters": [{}] * 60}, "at most 50"),
        ({"seconds": 60, "filters": [{"field": "path"}]}, "a field and a value"),
        ({"seconds": 60, "filters": [{"field": "x", "value": ""}]}, "unknown field 'x'"),
        ({"seconds": 60, "filters": [{"where": "a = 1"}]}, "no column 'a'"),
        ({"seconds": 60, "filters": [{"where": "a" * 20_000}]}, "at most 10,000"),
        ({"seconds": 60, "secnds": 1}, "unknown field 'secnds'"),
        ({"seconds": 60, "ascending": "yes"}, "ascending: must be true or false"),
    ],
)
async def test_wrong_questions_are_answered_with_why(
    ask: object, says: str, tmp_path: Path
) -> None:
    async with (
        served(tmp_path) as site,
        listening(site) as found,
        socket_of(found) as socket,
    ):
        await site.viewers.show(snapshot_of(site))
        asks = {"wrong": ask, "right": {"seconds": 60}}
        await socket.send_message(json.dumps({"type": "asks", "asks": asks}))
        got = {}
        while len(got) < 2:
            one = await message(socket, "answer")
            got[one["id"]] = one
    assert says in got["wrong"]["error"]
    assert got["right"]["error"] == ""


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("no JSON", 1007),
        ("[]", 1007),
        ("[" * 100_000, 1007),
        (b"\xff\xfe", 1007),
        ("a" * 300_000, 1009),
    ],
    ids=repr,
)
async def test_what_is_no_message_ends_the_connection(
    said: str | bytes, code: int, tmp_path: Path
) -> None:
    async with served(tmp_path) as site, listening(site) as found:
        async with socket_of(found) as socket:
            await socket.send_message(said)
            with pytest.raises(ConnectionClosed) as raised:
                await message(socket, "none")
        assert raised.value.reason.code == code
        async with socket_of(found) as other:
            assert (await message(other))["type"] == "hello"


async def test_too_many_messages_or_questions_are_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as site, listening(site) as found:
        async with socket_of(found) as socket:
            asks = {str(number): {"seconds": number + 1} for number in range(MOST_ASKS + 1)}
            await socket.send_message(json.dumps({"type": "asks", "asks": asks}))
            assert "at most 24" in (await message(socket, "answer"))["error"]
            await socket.send_message(json.dumps({"type": "unheard of"}))
            assert "unknown message" in (await message(socket, "answer"))["error"]
            with pytest.raises(ConnectionClosed) as raised:
                await _flood(socket)
        assert raised.value.reason.code == 1008


async def _flood(socket: WebSocketConnection) -> None:
    for _ in range(100):
        await socket.send_message('{"type": "pause", "paused": true}')
    await message(socket, "none")


@pytest.mark.parametrize(
    "headers", [[("Origin", "https://evil.example")], [("Origin", "null")]], ids=repr
)
async def test_a_page_of_another_site_gets_no_socket(
    headers: list[tuple[str, str]], tmp_path: Path
) -> None:
    async with served(tmp_path) as site, listening(site) as found:
        with pytest.raises(ConnectionRejected) as raised:
            async with socket_of(found, extra_headers=headers):
                pass
    assert raised.value.status_code == 403


async def test_without_a_token_there_is_no_socket(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("0123456789abcdef\n")
    async with (
        served(tmp_path, token_file=str(tmp_path / "tokens")) as site,
        listening(site) as found,
    ):
        with pytest.raises(ConnectionRejected) as raised:
            async with socket_of(found):
                pass
        assert raised.value.status_code == 401
        right = [("Authorization", "Bearer 0123456789abcdef")]
        async with socket_of(found, extra_headers=right) as socket:
            assert (await message(socket))["type"] == "hello"


async def test_who_is_removed_is_parted_with(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("0123456789abcdef\nfedcba9876543210\n")
    async with served(tmp_path, token_file=str(tokens)) as site, listening(site) as found:
        right = [("Authorization", "Bearer 0123456789abcdef")]
        other = [("Authorization", "Bearer fedcba9876543210")]
        async with (
            socket_of(found, extra_headers=right) as removed,
            socket_of(found, extra_headers=other) as kept,
        ):
            await message(removed, "hello")
            await message(kept, "hello")
            tokens.write_text("fedcba9876543210\n")
            site.site.access.refresh()
            site.viewers.dismiss(site.site.access.may_look)
            with pytest.raises(ConnectionClosed) as raised:
                await message(removed, "none")
            assert raised.value.reason.code == 1008
            await site.viewers.tell(event(1))
            assert (await message(kept))["type"] == "alert"


async def test_who_logs_out_is_parted_with(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("0123456789abcdef\n")
    async with served(tmp_path, token_file=str(tokens)) as site, listening(site) as found:
        known = site.site.access
        person = known.of_token("0123456789abcdef")
        assert person is not None
        cookies = [known.session(person) for _ in range(2)]
        ended, kept = ([("Cookie", f"glancemetrics_session={one}")] for one in cookies)
        async with (
            socket_of(found, extra_headers=ended) as gone,
            socket_of(found, extra_headers=kept) as other,
        ):
            await message(gone, "hello")
            known.end_session(cookies[0])
            site.viewers.dismiss(known.may_look)
            with pytest.raises(ConnectionClosed):
                await message(gone, "none")
            await site.viewers.tell(event(1))
            assert (await message(other, "alert"))["type"] == "alert"


async def test_viewers_are_forgotten_when_they_leave(tmp_path: Path) -> None:
    async with served(tmp_path) as site, listening(site) as found:
        for _ in range(3):
            async with socket_of(found) as socket:
                await message(socket)
                assert len(site.viewers) == 1
            with trio.fail_after(5):
                while len(site.viewers):
                    await trio.sleep(0.01)


async def test_a_goodbye_is_said(tmp_path: Path) -> None:
    async with (
        served(tmp_path) as site,
        listening(site) as found,
        socket_of(found) as socket,
    ):
        await message(socket, "hello")
        await site.viewers.say_goodbye("the monitor has ended")
        assert await message(socket) == {"type": "gone", "why": "the monitor has ended"}


async def test_events_are_sent_as_a_stream(tmp_path: Path) -> None:
    shown = replay(is_broken=True).shown
    assert shown is not None
    async with served(tmp_path, is_broken=True) as site, listening(site) as found:
        stream = await found.connect()
        await stream.send_all(
            b"GET /api/v1/events?requests=true&where=status+%3E%3D+500 HTTP/1.1\r\n"
            b"Host: localhost\r\n\r\n"
        )
        held = b""
        with trio.fail_after(10):
            while b"retry:" not in held:
                held += await stream.receive_some(1 << 16)
            before = attrs.evolve(shown.shown, end=BASE - 10)
            await site.viewers.show(attrs.evolve(shown, shown=before))
            await site.viewers.show(shown)
            await site.viewers.tell(event(1))
            while held.count(b"\n\n") < 5 or b"event: requests" not in held:
                held += await stream.receive_some(1 << 16)
    text = held.decode()
    assert "content-type: text/event-stream" in text
    assert "x-accel-buffering: no" in text  # else nginx holds events back for seconds
    kinds = [line.removeprefix("event: ") for line in text.splitlines() if line[:7] == "event: "]
    assert {"snapshot", "alert", "requests"} <= set(kinds)
    (data,) = (
        json.loads(line.removeprefix("data: "))
        for line in text.splitlines()
        if line.startswith('data: {"type":"requests"')
    )
    assert (data["since"], data["until"], data["has_more"]) == (BASE - 10, BASE, False)
    assert set(data["columns"]["status"]) == {503}


async def test_events_end_when_who_listens_is_removed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    viewers = Viewers(lambda _: {}, Counting().answer)
    person, got = Person("anna", "key"), list[str]()
    quiet = Viewer(person=person, wants_snapshots=False)
    busy = Viewer(person=person, wants_snapshots=False, follows="")

    async def listen(viewer: Viewer) -> None:
        async for text in events(viewer, viewers):
            got.append(text.partition("\n")[0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, quiet)
        nursery.start_soon(listen, busy)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        viewers.dismiss(lambda _: False)
        busy.put_requests(Frame.of("requests", {"columns": {}}))
    assert trio.current_time() - began < 1
    assert "event: requests" not in got
    assert len(viewers) == 0


async def test_a_greeting_is_made_once_for_all_who_come_and_is_never_old(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []

    async def slowly(work: Callable[[], Any]) -> Any:
        await trio.sleep(0.5)
        return work()

    def hello() -> dict[str, Any]:
        made.append(trio.current_time())
        return {"type": "hello", "made": trio.current_time()}

    monkeypatch.setattr("actors.outputs.web.viewers.in_thread", slowly)
    viewers = Viewers(lambda _: {}, Counting().answer, hello)
    greeted: list[float] = []

    async def come(after: float = 0.0, leave: float = math.inf) -> None:
        await trio.sleep(after)
        with trio.move_on_after(leave):
            viewer = Viewer()
            await viewers.greet(viewer)
            (frame,) = await viewer.frames()
            greeted.append(trio.current_time() - json.loads(frame.text)["made"])

    await come()
    await trio.sleep(3600)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(come, 0.0, 0.1)  # whoever makes it may leave
        for number in range(20):
            nursery.start_soon(come, 0.01 * number)
    assert len(greeted) == 21
    assert max(greeted) <= 1
    assert len(made) == 2


class Counting:
    """Answers, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def answer(self, question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        self.asked.append(question)
        await trio.sleep(0)
        return answer_from(question, recorded())


@asynccontextmanager
async def viewers_of(counting: Counting) -> AsyncIterator[Viewers]:
    viewers = Viewers(lambda snapshot: {"type": "snapshot", "now": snapshot.shown.end},
                      counting.answer)  # fmt: skip
    async with trio.open_nursery() as nursery:
        await nursery.start(viewers.run)
        yield viewers
        nursery.cancel_scope.cancel()


async def show(viewers: Viewers, snapshot: Snapshot) -> None:
    """Show a snapshot, and wait until the requests before it have been sent."""
    await viewers.show(snapshot)
    with trio.fail_after(20):
        while viewers._following:
            await trio.sleep(0.005)


async def test_one_computation_and_one_encoding_serve_all() -> None:
    counting = Counting()
    shown = replay().shown
    assert shown is not None
    async with viewers_of(counting) as viewers:
        several = [Viewer(is_compressed=True) for _ in range(300)]
        for viewer in several:
            await viewers.join(viewer)
            viewers.ask(viewer, {"top": Ask(seconds=900, by=("path",))})
        await viewers.show(shown)
        frames = []
        for viewer in several:
            found: list[Any] = []
            while len(found) < 2:
                found += await viewer.frames()
            frames.append({id(one.body) for one in found})
    assert len(counting.asked) == 1
    assert all(one == frames[0] for one in frames)


async def test_who_is_slow_skips_frames_but_no_alerts() -> None:
    shown = replay().shown
    assert shown is not None
    async with viewers_of(Counting()) as viewers:
        slow = Viewer()
        await viewers.join(slow)
        for number in range(20):
            moved = attrs.evolve(shown.shown, end=BASE + number)
            await viewers.show(attrs.evolve(shown, shown=moved))
            await viewers.tell(event(number))
        found = await slow.frames()
        assert [one.kind for one in found] == ["alert"] * 20 + ["snapshot"]
        assert json.loads(found[-1].text)["now"] == BASE + 19
        for number in range(600):
            await viewers.tell(event(number))
        assert (len(slow.events), slow.missed) == (500, 100)


async def test_who_follows_and_is_slow_gets_alerts_and_is_told_of_the_rest() -> None:
    shown = replay().shown
    assert shown is not None
    async with viewers_of(Counting()) as viewers:
        slow = Viewer(follows="", wants_snapshots=False)
        await viewers.join(slow)
        await viewers.tell(event(1))
        for number in range(12):
            moved = attrs.evolve(shown.shown, end=BASE - 60 + number)
            await show(viewers, attrs.evolve(shown, shown=moved))
        kinds = [one.kind for one in await slow.frames()]
    assert kinds.count("alert") == 1
    assert kinds.count("requests") == 3
    assert (slow.missed, slow.missed_requests) == (0, 8)


async def test_requests_that_come_late_are_sent_once() -> None:
    shown = replay().shown
    assert shown is not None
    held: list[HeldRecords] = []
    names = iter(range(1000))

    def arrive(*seconds: int) -> None:
        lines = b"".join(
            line(BASE + second, request=f"GET /{next(names)} HTTP/1.1") for second in seconds
        )
        first = held[-1].end if held else 0
        held.append(HeldRecords.of(first, with_source(decode(lines).batch, "a.log")))

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        return answer_from(question, Recorded(stored=tuple(held)))

    viewers = Viewers(lambda _: {"now": 0}, answer)
    async with trio.open_nursery() as nursery:
        await nursery.start(viewers.run)
        viewer = Viewer(follows="status = 200", wants_snapshots=False)
        await viewers.join(viewer)
        arrive(-5, 0)  # of before it began to follow, and of now
        sent: list[str] = []
        for step in range(6):
            moved = attrs.evolve(shown.shown, end=BASE + step)
            await show(viewers, attrs.evolve(shown, shown=moved))
            for frame in await viewer.frames() if step else ():
                sent += json.loads(frame.text)["columns"].get("path", [])
            # Of this second, of one before, of one that no window has yet, and of long ago.
            arrive(step, step - 1, step + 3, step - 4000)
        nursery.cancel_scope.cancel()
    # Not 0, 3 and 5, which were late when it began; 12, 16 and 20 are of seconds that come next.
    assert sorted(sent) == sorted(
        f"/{number}" for number in range(1, 22) if number not in {0, 3, 5, 12, 16, 20}
    )


async def test_seconds_that_could_not_be_asked_for_are_asked_for_again() -> None:
    shown = replay().shown
    assert shown is not None
    spans = []

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        assert isinstance(question, RecordQuery)
        since = question.span.since if question.after is None else question.after.second
        spans.append((since, question.span.until))
        if len(spans) == 1:
            raise BusyError("too many queries at once")
        if len(spans) == 3:
            raise UsageError("query timed out")
        return answer_from(question, recorded())

    viewers = Viewers(lambda _: {"now": 0}, answer)
    async with trio.open_nursery() as nursery:
        await nursery.start(viewers.run)
        viewer = Viewer(follows="status >= 500", wants_snapshots=False)
        await viewers.join(viewer)
        for number in range(5):
            moved = attrs.evolve(shown.shown, end=BASE - 60 + number)
            await show(viewers, attrs.evolve(shown, shown=moved))
        kinds = [one.kind for one in await viewer.frames()]
        nursery.cancel_scope.cancel()
    assert spans == [
        (BASE - 60, BASE - 59),
        (BASE - 60, BASE - 58),
        (BASE - 58, BASE - 57),
        (BASE - 57, BASE - 56),
    ]
    assert kinds == ["requests", "missed", "requests"]


async def test_ids_of_a_question_take_no_memory() -> None:
    shown = replay().shown
    assert shown is not None
    async with viewers_of(Counting()) as viewers:
        viewer = Viewer()
        await viewers.join(viewer)
        await viewers.show(shown)
        bodies = set()
        for number in range(50):
            viewers.ask(viewer, {f"id{number}": Ask(seconds=900, by=("path",))})
            with trio.fail_after(5):
                found = [one for one in await viewer.frames() if one.kind == "answer"]
                while not found:
                    found = [one for one in await viewer.frames() if one.kind == "answer"]
            bodies |= {id(one.body) for one in found}
            text = found[-1].text
            assert json.loads(text)["id"] == f"id{number}"
            assert zlib.decompress(found[-1].deflated, -15).decode() == text
        assert len(bodies) == 1


async def test_new_questions_have_a_limit(tmp_path: Path) -> None:
    async with served(tmp_path) as site, listening(site) as found, socket_of(found) as socket:
        await site.viewers.show(snapshot_of(site))
        same = {f"same{one}": TOP | {"seconds": 10 + one} for one in range(5)}
        for number in range(45):  # of 10 questions each, 5 of them new
            new = {f"new{one}": TOP | {"seconds": 100 + 5 * number + one} for one in range(5)}
            await socket.send_message(json.dumps({"type": "asks", "asks": same | new}))
        while not (answer := await message(socket, "answer"))["error"]:
            assert answer["id"] in same | new
        assert answer["error"] == "too many new questions; try again in a few seconds"


async def test_refused_questions_do_not_pile_up() -> None:
    """The client asks again and again, and reads nothing."""
    said, hear = trio.open_memory_channel[dict[str, Any]](0)

    async def never(message: object) -> None:
        if message != {"type": "websocket.accept", "subprotocol": None, "headers": []}:
            await trio.sleep_forever()

    async def asks(questions: dict[str, Any]) -> None:
        text = json.dumps({"type": "asks", "asks": questions})
        await said.send({"type": "websocket.receive", "text": text})
        await trio.testing.wait_all_tasks_blocked()

    scope = {"type": "websocket", "query_string": b"", "headers": []}
    async with viewers_of(Counting()) as viewers, trio.open_nursery() as nursery:
        socket = WebSocket(scope, hear.receive, never)
        nursery.start_soon(serve_socket, socket, viewers, (), None, "a")
        await said.send({"type": "websocket.connect"})
        with trio.fail_after(5):
            while not len(viewers):
                await trio.sleep(0.01)
        (viewer,) = viewers._viewers
        standing = {str(number): {"seconds": 1 + number} for number in range(MOST_ASKS)}
        for number in range(8):  # until there are too many new ones
            await asks({one: {"seconds": 100 * number + 1 + int(one)} for one in standing})
        for number in range(20):
            wrong = {f"{number}-{one}": {"bogus": 1} for one in range(MOST_ASKS - 9)}
            new = {f"{number}+{one}": {"seconds": 9000 + one} for one in range(9)}
            await asks(wrong | new)
        refused = [name for kind, name in viewer.waiting if kind == "answer" and name[2:]]
        assert {name[:2] for name in refused} == {"19"}
        assert len(viewer.waiting) <= 2 * MOST_ASKS + 2
        nursery.cancel_scope.cancel()


async def test_one_asker_cannot_have_all_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.outputs.web.viewers.MOST_QUESTIONS", 8)
    monkeypatch.setattr("actors.outputs.web.viewers.MOST_OF_ONE", 4)
    asks = {str(number): Ask(seconds=1 + number) for number in range(6)}
    async with viewers_of(Counting()) as viewers:
        tabs = [Viewer(asker="a"), Viewer(asker="a"), Viewer(asker="b")]
        for viewer in tabs:
            await viewers.join(viewer)
        viewers.ask(tabs[0], dict(list(asks.items())[:3]))
        with pytest.raises(UsageError, match="too many different questions from here"):
            viewers.ask(tabs[1], dict(list(asks.items())[3:]))
        # What is replaced counts no more.
        viewers.ask(tabs[0], dict(list(asks.items())[2:6]))
        viewers.ask(tabs[0], dict(list(asks.items())[:3]))
        # Nor does it help to ask while nothing is sent.
        viewers.pause(tabs[1], is_paused=True)
        with pytest.raises(UsageError, match="too many different questions from here"):
            viewers.ask(tabs[1], dict(list(asks.items())[3:]))
        viewers.ask(tabs[1], dict(list(asks.items())[3:4]))
        with pytest.raises(UsageError, match="too many different questions from here"):
            viewers.ask(tabs[0], dict(list(asks.items())[:4] + list(asks.items())[4:5]))
        viewers.ask(tabs[1], {})
        viewers.pause(tabs[1], is_paused=False)
        # What others ask, too, counts for nobody alone.
        viewers.ask(tabs[2], dict(list(asks.items())[:3]))
        viewers.ask(tabs[1], dict(list(asks.items())[3:]))
        viewers.leave(tabs[1])
        viewers.leave(tabs[0])
        viewers.ask(tabs[2], dict(list(asks.items())[:4]))


async def test_one_asker_cannot_have_all_filters_that_are_followed() -> None:
    shown = replay().shown
    assert shown is not None
    async with viewers_of(Counting()) as viewers:
        many = [
            Viewer(asker="much", follows=f"status = {number}", wants_snapshots=False)
            for number in range(100, 130)
        ]
        little = Viewer(asker="little", follows="status = 200", wants_snapshots=False)
        for viewer in (*many, little):
            await viewers.join(viewer)
        for number in range(2):
            moved = attrs.evolve(shown.shown, end=BASE - 60 + number)
            await viewers.show(attrs.evolve(shown, shown=moved))
        with trio.fail_after(10):
            kinds = [one.kind for viewer in many for one in await viewer.frames()]
            assert [one.kind for one in await little.frames()] == ["requests"]
    assert (kinds.count("requests"), kinds.count("missed")) == (10, 20)


async def test_queries_of_one_asker_leave_room_for_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        await trio.sleep(5)
        return answer_from(question, recorded())

    asked, busy = limited(slow, most=6, most_of_one=4), []

    async def ask(asker: str) -> None:
        try:
            await asked(Query(), UTC, asker)
        except BusyError:
            busy.append(asker)

    for _ in range(2):  # what was taken comes back
        async with trio.open_nursery() as nursery:
            for asker in ("a",) * 6 + ("b",) * 3:
                nursery.start_soon(ask, asker)
                await trio.testing.wait_all_tasks_blocked()
    assert sorted(busy) == ["a"] * 4 + ["b"] * 2


async def test_who_pauses_costs_nothing() -> None:
    counting = Counting()
    shown = replay().shown
    assert shown is not None
    async with viewers_of(counting) as viewers:
        viewer = Viewer()
        await viewers.join(viewer)
        viewers.pause(viewer, is_paused=True)
        viewers.ask(viewer, {"a": Ask(seconds=60)})
        await viewers.show(shown)
        await trio.sleep(0.05)
        assert (counting.asked, viewer.waiting) == ([], {})
        viewers.pause(viewer, is_paused=False)
        with trio.fail_after(5):
            kinds = [one.kind for one in await viewer.frames()]
            while "answer" not in kinds:
                kinds += [one.kind for one in await viewer.frames()]


async def test_who_joins_late_gets_what_is_known() -> None:
    counting = Counting()
    shown = replay().shown
    assert shown is not None
    async with viewers_of(counting) as viewers:
        first, second = Viewer(), Viewer(is_compressed=True)
        await viewers.join(first)
        viewers.ask(first, {"a": Ask(seconds=60)})
        await viewers.show(shown)
        with trio.fail_after(5):
            while len(first.waiting) < 2:
                await trio.sleep(0.01)
            await viewers.join(second)
            viewers.ask(second, {"b": Ask(seconds=60)})
            while len(second.waiting) < 2:
                await trio.sleep(0.01)
        found = {one.name: one for one in await second.frames()}
    assert len(counting.asked) == 1
    assert json.loads(zlib.decompress(found["b"].deflated, -15))["total"] == {"hits": 600}
