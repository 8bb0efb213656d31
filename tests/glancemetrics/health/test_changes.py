"""What goes bad is said once, and what is good again is said once."""

from __future__ import annotations

import attrs

from glancemetrics.health.changes import HealthChanges
from glancemetrics.health.health import Health, OutputHealth, OutputState, SourceHealth, SourceState

LOG = SourceHealth("a.log", SourceState.FOLLOWING)
SYSLOG = OutputHealth("syslog", OutputState.WORKING, "udp://here:514")


class Looks:
    """Looks at one source and one output after another."""

    def __init__(self) -> None:
        self.changes = HealthChanges()
        self.now = 0.0

    def look(self, *sources: SourceHealth, outputs: tuple[OutputHealth, ...] = ()) -> list[str]:
        self.now += 2
        found = self.changes.look(Health(sources=sources, outputs=outputs), self.now)
        return [f"{change.level.value} {change.text}" for change in found]


def test_a_log_that_cannot_be_read_is_told_once_and_so_is_its_end() -> None:
    looks = Looks()
    missing = attrs.evolve(LOG, state=SourceState.WAITING, detail="does not exist yet")
    assert looks.look(missing) == ["WARNING a.log: does not exist yet"]
    assert looks.look(missing) == []
    assert looks.look(LOG) == ["WARNING a.log: reading without problems again"]
    assert looks.look(LOG) == []
    blocked = attrs.evolve(LOG, state=SourceState.BLOCKED, detail="may not be read")
    assert looks.look(blocked) == ["WARNING a.log: may not be read"]


def test_a_log_that_is_missing_for_a_moment_is_being_rotated() -> None:
    looks = Looks()
    gone = attrs.evolve(LOG, state=SourceState.WAITING, detail="is gone")
    looks.look(LOG)
    assert looks.look(gone) == looks.look(gone) == looks.look(LOG) == []
    assert [looks.look(gone) for _ in range(5)] == [[], [], [], ["WARNING a.log: is gone"], []]
    assert looks.look(LOG) == ["WARNING a.log: reading without problems again"]


def test_a_source_that_ends_is_named() -> None:
    ended = attrs.evolve(LOG, state=SourceState.ENDED)
    assert Looks().look(ended) == ["INFO a.log: ended"]


def test_a_glob_that_matches_at_last_is_told() -> None:
    looks = Looks()
    pattern = SourceHealth("*.log", SourceState.WAITING, "has no matching files yet")
    assert looks.look(pattern) == ["WARNING *.log: has no matching files yet"]
    assert looks.look(LOG) == ["WARNING *.log: no longer followed, or found in the meantime"]


def test_no_command_is_shown_for_lines_that_were_received() -> None:
    looks = Looks()
    received = SourceHealth("syslog:web1/cron", SourceState.FOLLOWING, unparsed=3)
    assert looks.look(received) == ["WARNING syslog:web1/cron: lines in no known format"]
    # A file of this name is another one.
    sent = SourceHealth("WEB_1:/var/log/a", SourceState.FOLLOWING, unparsed=3)
    assert looks.look(received, sent) == ["WARNING WEB_1:/var/log/a: lines in no known format"]


def test_a_log_of_which_nothing_parses_is_told() -> None:
    looks = Looks()
    looks.look(LOG)
    odd = attrs.evolve(LOG, unparsed=1)
    (told,) = looks.look(odd)
    assert told.startswith("WARNING a.log: lines in no known format")
    assert looks.look(attrs.evolve(LOG, unparsed=9000)) == []
    known = attrs.evolve(LOG, format="combined")
    assert looks.look(known) == [
        "WARNING a.log: reading without problems again",
        "INFO a.log: format combined",
    ]
    assert looks.look(attrs.evolve(known, unparsed=20)) == []
    assert len(looks.look(attrs.evolve(known, unparsed=21))) == 1


def test_standard_input_has_a_name_in_sentences() -> None:
    piped = SourceHealth("-", SourceState.FOLLOWING, format="combined")
    assert Looks().look(piped) == ["INFO standard input: format combined"]


def test_of_many_logs_in_trouble_some_are_named_and_the_others_counted() -> None:
    looks = Looks()
    logs = [SourceHealth(f"{i}.log", SourceState.BLOCKED, "may not be read") for i in range(1_000)]
    told = looks.look(*logs)
    assert len(told) == 6
    assert told[-1] == "WARNING 995 more logs have problems"
    good = [attrs.evolve(log, state=SourceState.FOLLOWING, format="combined") for log in logs]
    told = looks.look(*good)
    assert told[5:] == [
        "WARNING 995 more logs are read again",
        "INFO 0.log and 999 more: format combined",
    ]


def test_an_output_that_fails_is_told_once_however_often_it_is_tried() -> None:
    looks = Looks()
    failing = attrs.evolve(SYSLOG, state=OutputState.RETRYING, detail="connection refused")
    assert looks.look(outputs=(SYSLOG,)) == []
    assert looks.look(outputs=(failing,)) == [
        "WARNING syslog is failing: connection refused; retrying"
    ]
    for _ in range(10):  # it works until the next event
        assert looks.look(outputs=(SYSLOG,)) == looks.look(outputs=(failing,)) == []
    told = [looks.look(outputs=(SYSLOG,)) for _ in range(10)]
    assert [one for one in told if one] == [["WARNING syslog is working again"]]


def test_another_reason_why_an_output_fails_is_told_once() -> None:
    looks = Looks()
    told = []
    for status in ("HTTP 503; 3 waiting", "HTTP 400, values refused") * 5:
        failing = attrs.evolve(SYSLOG, state=OutputState.RETRYING, detail=status)
        told += looks.look(outputs=(failing,))
        told += looks.look(outputs=(SYSLOG,))
    several = [f"HTTP 503; {count} waiting" for count in range(4, 9)]
    for status in (*several, *map("reason {}".format, "abcdefgh")):
        failing = attrs.evolve(SYSLOG, state=OutputState.RETRYING, detail=status)
        told += looks.look(outputs=(failing,))
    assert told == [
        f"WARNING syslog is failing: {status}; retrying"
        for status in (
            "HTTP 503; 3 waiting", "HTTP 400, values refused", "reason a", "reason b", "reason c"
        )
    ]  # fmt: skip
