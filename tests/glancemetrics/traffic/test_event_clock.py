"""The event clock: the wall where the log is live, the records where it is of the past."""

from __future__ import annotations

from glancemetrics.traffic.event_clock import ClockMode, EventClock
from tests.lines import BASE

WALL = BASE + 0.25


def clock(mode: ClockMode = ClockMode.AUTO) -> EventClock:
    return EventClock(mode, horizon_seconds=120)


def test_without_any_record_nobody_knows() -> None:
    assert clock().now(WALL) is None
    assert clock(ClockMode.WALL).now(WALL) == WALL
    silent = clock()
    silent.observe("a", None, True, WALL)
    assert silent.now(WALL) is None


def test_a_live_log_read_to_its_end_has_the_wall_clock_also_when_it_is_silent() -> None:
    live = clock()
    live.observe("a", BASE - 50, True, WALL)
    assert live.now(WALL) == WALL
    assert live.now(WALL + 9000) == WALL + 9000


def test_while_a_log_is_being_read_it_is_the_newest_record() -> None:
    lagging = clock()
    lagging.observe("a", BASE - 50, False, WALL)
    assert lagging.now(WALL) == BASE - 50
    lagging.observe("a", BASE - 20, True, WALL)
    assert lagging.now(WALL) == WALL


def test_a_log_of_the_past_has_the_time_of_its_records() -> None:
    past = clock()
    past.observe("a", BASE - 9000, False, WALL)
    assert past.now(WALL) == BASE - 9000
    past.observe("a", BASE - 8000, True, WALL)
    assert past.now(WALL) == BASE - 7999
    assert not past.live


def test_a_log_of_the_past_that_reaches_the_present_is_live_from_then_on() -> None:
    log = clock()
    log.observe("a", BASE - 9000, False, WALL)
    log.observe("a", BASE - 1, True, WALL)
    assert log.now(WALL) == WALL
    assert log.now(WALL + 9000) == WALL + 9000


def test_the_slowest_source_holds_the_others_back_but_only_so_far() -> None:
    two = clock()
    two.observe("a", BASE - 60, False, WALL)
    two.observe("b", BASE, True, WALL)
    assert two.now(WALL) == BASE - 60
    two.observe("a", BASE - 500, False, WALL)
    assert two.now(WALL) == BASE - 60
    far = clock()
    far.observe("a", BASE - 500, False, WALL)
    far.observe("b", BASE, True, WALL)
    assert far.now(WALL) == BASE - 120
    far.forget("a")
    assert far.now(WALL) == WALL


def test_it_is_never_ahead_of_the_wall_clock() -> None:
    ahead = clock()
    ahead.observe("a", BASE + 40, False, WALL)
    assert ahead.now(WALL) == WALL
    log = clock(ClockMode.LOG)
    log.observe("a", BASE + 40, True, WALL)
    assert log.now(WALL) == WALL


def test_it_can_be_told_which_clock_to_follow() -> None:
    wall, log = clock(ClockMode.WALL), clock(ClockMode.LOG)
    for told in (wall, log):
        told.observe("a", BASE - 9000, True, WALL)
    assert wall.now(WALL) == WALL
    assert log.now(WALL) == BASE - 8999
    log.observe("a", BASE - 2, True, WALL)
    assert log.now(WALL + 50) == BASE - 1
