"""Windows end where everything of all servers is known, as long as they are heard of."""

from __future__ import annotations

from glancemetrics.traffic.event_clock import ClockMode, EventClock

NOW = 1_790_000_000.0


def clock() -> EventClock:
    made = EventClock(ClockMode.AUTO, horizon_seconds=60)
    made.observe("a", int(NOW) - 1, True, NOW)
    return made


def test_the_server_that_is_furthest_behind_decides() -> None:
    made = clock()
    assert made.held_up(NOW - 1, NOW) == NOW - 1
    made.read_until("web1", NOW - 3)
    made.read_until("web2", NOW - 2)
    assert made.held_up(NOW - 1, NOW) == NOW - 3
    made.read_until("web1", None)
    assert made.held_up(NOW - 1, NOW) == NOW - 2
    made.read_until("web2", NOW)
    assert made.held_up(NOW - 1, NOW) == NOW - 1


def test_it_holds_up_the_others_by_the_longest_window_at_most() -> None:
    made = clock()
    made.read_until("web1", 0.0)
    assert made.held_up(NOW - 1, NOW) == NOW - 60


def test_an_old_log_waits_for_nobody() -> None:
    made = EventClock(ClockMode.AUTO, horizon_seconds=60)
    made.observe("a", 1_000_000_000, True, NOW)
    made.read_until("web1", NOW - 3)
    assert made.held_up(1_000_000_001.0, NOW) == 1_000_000_001.0
