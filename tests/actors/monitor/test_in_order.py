"""What holds from chunk to chunk is taken forward in order, kept with marks, and not for ever."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import pytest

from actors.monitor.in_order import PIECES_SECONDS, InOrder, Parsable
from actors.sources.agents.mark import AgentMark
from actors.sources.files.identity import Identity
from actors.sources.files.marks import Head, PathMark
from actors.sources.messages import (
    AgentGone,
    Begins,
    Chunk,
    FromSource,
    Marked,
    NotLines,
    Resumes,
    SourceGone,
)
from glancemetrics.fleet.entry import EntryId
from glancemetrics.formats.followed_logs import FollowedLogs
from glancemetrics.formats.reading import Reading
from glancemetrics.health.health import SourceHealth, SourceState
from tests.glancemetrics.formats.test_followed_logs import HEADER, w3c
from tests.glancemetrics.formats.test_pieces import TEXT, cri, cut

FIRST, REST = cri(*cut(TEXT, 30)).splitlines(True)
WHOLE = cri(TEXT)
MARK = PathMark("a", ())


def chunk(lines: bytes, *, source: str = "a", mark: PathMark | None = MARK) -> Chunk:
    return Chunk(source, lines, (), caught_up=True, fresh=True, lag_bytes=7, mark=mark)


@attrs.define
class Taken:
    """What has come of messages."""

    in_order: InOrder = attrs.field(factory=lambda: InOrder(FollowedLogs(Reading())))
    now: float = 0.0

    def __call__(self, *messages: FromSource) -> list[Parsable | NotLines]:
        return [one for message in messages for one in self.in_order.take(message, self.now)]

    def later(self, seconds: float) -> list[Parsable | NotLines]:
        self.now += seconds
        return self.in_order.overdue(self.now)


@pytest.fixture
def taken() -> Taken:
    return Taken()


def lines(messages: Iterable[Parsable | NotLines]) -> list[bytes]:
    return [one.lines for one in messages if isinstance(one, Parsable)]


def last_mark(messages: Iterable[Parsable | NotLines]) -> PathMark:
    marks = [one.mark for one in messages if isinstance(one, Parsable | Marked)]
    assert isinstance(marks[-1], PathMark)
    return marks[-1]


def test_the_rest_of_a_line_is_waited_for_but_not_for_ever(taken: Taken) -> None:
    assert lines(taken(Begins("a", WHOLE), chunk(WHOLE))) == [WHOLE]
    assert taken.in_order.due == float("inf")
    assert lines(taken(chunk(FIRST))) == [b""]
    assert lines(taken.later(1.0)) == []
    assert lines(taken(chunk(REST))) == [FIRST + REST]
    assert lines(taken(chunk(FIRST))) == [b""]
    assert taken.in_order.due == taken.now + PIECES_SECONDS
    assert lines(taken.later(PIECES_SECONDS - 0.1)) == []
    found = taken.later(0.1)
    assert lines(found) == [FIRST]
    assert lines(taken.later(60)) == []
    assert isinstance(found[0], Parsable)
    assert (found[0].caught_up, found[0].fresh, found[0].lag_bytes) == (True, False, 7)


def test_each_source_waits_for_its_own_rest(taken: Taken) -> None:
    taken(Begins("a", WHOLE), Begins("b", WHOLE), chunk(FIRST))
    taken.now = 2.0
    taken(chunk(FIRST, source="b", mark=None))
    assert [one.source for one in taken.later(4.0) if isinstance(one, Parsable)] == ["a"]
    assert [one.source for one in taken.later(2.0) if isinstance(one, Parsable)] == ["b"]


def test_what_a_source_says_while_its_lines_wait_is_said_again_after_them(taken: Taken) -> None:
    taken(Begins("a", WHOLE), chunk(FIRST))
    health = SourceHealth("a", SourceState.WAITING, "is gone")
    assert taken(health) == [health]
    found = taken.later(PIECES_SECONDS)
    assert lines(found) == [FIRST]
    assert found[-1] is health


@pytest.mark.parametrize(
    "end", [SourceGone("a"), SourceHealth("a", SourceState.ENDED)], ids=["gone", "ended"]
)
def test_at_the_end_of_a_source_nothing_is_held_back(
    taken: Taken, end: SourceGone | SourceHealth
) -> None:
    taken(Begins("a", WHOLE), chunk(FIRST))
    found = taken(end)
    assert lines(found) == [FIRST]
    assert found[-1] is end
    assert taken.in_order.due == float("inf")


def test_a_mark_has_what_is_held_back_until_it_is_handed_on(taken: Taken) -> None:
    found = taken(Begins("a", WHOLE), chunk(FIRST))
    mark = last_mark(found)
    again = Taken()
    assert lines(again(Resumes(mark), Begins("a", WHOLE), chunk(REST))) == [FIRST + REST]
    alone = Taken()
    alone(Resumes(mark), Begins("a", WHOLE))
    released = alone.later(PIECES_SECONDS)
    assert lines(released) == [FIRST]
    assert last_mark(released).parsing is None
    assert last_mark(taken(Marked(MARK))).parsing == mark.parsing
    assert last_mark(taken(chunk(REST))).parsing is None


def test_a_mark_that_comes_while_lines_wait_is_that_of_their_end(taken: Taken) -> None:
    taken(Begins("a", WHOLE), chunk(FIRST))
    later = PathMark("a", (), known=(Head(Identity(1, 2), 3, b"h"),))
    taken(Marked(later))
    assert last_mark(taken.later(PIECES_SECONDS)) == later


def test_a_mark_has_the_directives_that_hold_after_it(taken: Taken) -> None:
    found = taken(chunk(HEADER + w3c(0)), chunk(w3c(1)))
    directives = [one.directives for one in found if isinstance(one, Parsable)]
    assert directives == [b"", HEADER]
    again = Taken()
    (resumed,) = again(Resumes(last_mark(found)), chunk(w3c(2)))
    assert isinstance(resumed, Parsable)
    assert resumed.directives == HEADER


def test_what_comes_under_the_name_of_a_source_that_is_gone_is_another_log(taken: Taken) -> None:
    taken(chunk(HEADER + w3c(0)), SourceGone("a"))
    (found,) = taken(chunk(w3c(1)))
    assert isinstance(found, Parsable)
    assert found.directives == b""


def test_nothing_is_kept_of_an_agent_that_is_forgotten() -> None:
    logs = FollowedLogs(Reading())
    taken = Taken(InOrder(logs))
    mark = AgentMark.of("redis://h/0", "web1", EntryId(1, 1))
    taken(Marked(mark))
    before = logs.log(mark.source)
    taken(AgentGone("web1", mark.source))
    assert logs.log(mark.source) is not before
