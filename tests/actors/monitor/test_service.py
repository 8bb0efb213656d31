"""The whole service, from a log to its outputs, on trio's autojump clock."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import attrs
import pytest
import trio
import trio.testing
from loguru import logger

from actors.history import HistorySettings
from actors.history.history import History
from actors.history.segments import SegmentFolder
from actors.monitor import service
from actors.monitor.checkpoints import Checkpoints
from actors.monitor.restarting import FIRST_BACKOFF
from actors.monitor.service import counting_of
from actors.outputs.output import Inbox, Output, Report
from actors.sources.desk import SourceDesk
from actors.sources.files.marks import PathMark
from actors.sources.mark import Mark
from actors.sources.source import Source
from actors.state.clock import WallClock
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.counting import merged
from glancemetrics.alerting.own_watch import OwnWatch
from glancemetrics.configuration.settings import Settings
from glancemetrics.formats.combined import CombinedFormat, decode
from glancemetrics.health.health import OutputState, SourceState
from glancemetrics.history.asking import answer
from glancemetrics.history.query import Query, RecordQuery
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.planning.plan import Plan, make_plan, rules_of
from glancemetrics.planning.rules_and_targets import RulesAndTargets
from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.selecting.sql import connect
from glancemetrics.state.tree import to_bytes
from glancemetrics.traffic.aggregation import Aggregation
from glancemetrics.traffic.snapshot import Snapshot
from tests.conftest import thorough
from tests.lines import BASE, line


@attrs.define
class Recorder:
    """An output that remembers what it is sent; `before` may fail or hang."""

    name: str = "recorder"
    wants_events: bool = True
    wants_snapshots: bool = True
    wants_totals: bool = True
    before: Callable[[AlertEvent | Snapshot], object] = lambda _: None
    events: list[AlertEvent] = attrs.field(factory=list)
    snapshots: list[Snapshot] = attrs.field(factory=list)

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]

    async def run(self, inbox: Inbox, report: Report) -> None:
        report(OutputState.WORKING, "in memory")
        async with trio.open_nursery() as nursery:
            if self.wants_snapshots:
                nursery.start_soon(self._take_snapshots, inbox)
            try:
                while self.wants_events:
                    async with inbox.event() as event:
                        self.before(event)
                        self.events.append(event)
            except trio.EndOfChannel:
                return

    async def _take_snapshots(self, inbox: Inbox) -> None:
        async for snapshot in inbox.snapshots:
            self.before(snapshot)
            self.snapshots.append(snapshot)


class Run:
    """A service that runs in the background of a test."""

    def __init__(
        self, log: Path, recorder: Recorder, wall: WallClock, history: History | None = None
    ) -> None:
        self.log = log
        self.history = history
        self.recorder = recorder
        self.stop = trio.Event()
        self.ended = trio.Event()
        self.crash = trio.CancelScope()
        self._wall = wall

    async def end(self, *, crashes: bool = False) -> None:
        """Stop it, or let it be gone from one instant to the next."""
        if crashes:
            self.crash.cancel()
        else:
            self.stop.set()
        await self.ended.wait()

    def write(self, *lines: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(b"".join(lines))

    def write_now(self, count: int, **fields: object) -> None:
        self.write(line(int(self._wall()), **fields) * count)  # type: ignore[arg-type]

    async def until(self, true: Callable[[Snapshot], bool], seconds: float = 60) -> Snapshot:
        with trio.fail_after(seconds):
            while not (self.recorder.snapshots and true(self.recorder.last)):
                await trio.sleep(0.1)
        return self.recorder.last


def plan_of(written: Sequence[Rule] = (), **settings: object) -> Plan:
    told = Settings(**settings)  # type: ignore[arg-type]
    return make_plan(told, RulesAndTargets(rules=tuple(written)))


@pytest.fixture
def run(tmp_path: Path, nursery: trio.Nursery, wall: WallClock):
    def run(
        outputs: Sequence[Output] = (),
        recorder: Recorder | None = None,
        written: Sequence[Rule] = (),
        checkpoints: Checkpoints | None = None,
        wall: WallClock = wall,
        history: HistorySettings | None = None,
        **settings: object,
    ) -> Run:
        log = tmp_path / "access.log"
        recorder = recorder or Recorder()
        kept = None
        if history is not None:
            folder = SegmentFolder(checkpoints.history_folder) if checkpoints else None
            kept = History(history, wall, folder)
        started = Run(log, recorder, wall, kept)

        async def monitor() -> None:
            with started.crash:
                await service.monitor(
                    plan_of(written, **({"file": str(log), "rules": "none"} | settings)),
                    [recorder, *outputs],
                    checkpoints=checkpoints,
                    stop=started.stop,
                    wall=wall,
                    standard_input=lambda: -1,
                    history=kept,
                )
            started.ended.set()

        nursery.start_soon(monitor)
        return started

    return run


async def test_a_live_log_is_shown_within_a_refresh(clock, run) -> None:
    monitor = run()
    monitor.write_now(3)
    snapshot = await monitor.until(lambda s: s.insights.hits == 3)
    assert snapshot.health.sources[0].format == "combined"
    assert snapshot.health.sources[0].state is SourceState.FOLLOWING
    assert snapshot.insights.hit_rate == pytest.approx(0.3)


async def test_it_starts_with_what_the_longest_window_holds(clock, run) -> None:
    monitor = run()
    monitor.write(*(line(BASE - second) for second in (4000, 100, 5)))
    snapshot = await monitor.until(lambda s: s.health.records == 2)
    assert snapshot.insights.hits in (0, 1)


async def test_a_source_is_told_what_is_in_a_checkpoint_once_it_is_on_the_disk(
    clock, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path / "state", [str(tmp_path / "access.log")])
    told: list[int] = []
    on_disk: list[int] = []

    def saved(marks: Mapping[str, Mark]) -> None:
        def read(mark: Mark) -> int:
            assert isinstance(mark, PathMark)
            return mark.files[0].offset

        kept = checkpoints.load()
        assert kept is not None
        told.append(read(marks[str(tmp_path / "access.log")]))
        on_disk.append(read(kept.marks[0]))

    def make_sources(settings: Settings, desk: SourceDesk) -> list[Source]:
        desk.on_saved(saved)
        return made(settings, desk)

    made = service.make_sources
    monkeypatch.setattr(service, "make_sources", make_sources)
    monitor = run(checkpoints=checkpoints)
    monitor.write_now(3)
    await trio.sleep(20)
    monitor.write_now(3)
    await trio.sleep(20)
    await monitor.end()
    size = (tmp_path / "access.log").stat().st_size
    assert told[0] == size / 2
    assert told[-1] == size
    assert told == on_disk


async def test_high_traffic_triggers_and_recovers_in_time(clock, run) -> None:
    monitor = run(alert_threshold=2, alertwindow=0.5)
    began = trio.current_time()
    for _ in range(20):
        monitor.write_now(10)
        await trio.sleep(1)
    await monitor.until(lambda s: bool(s.alerts.firing))
    await monitor.until(lambda s: bool(s.alerts.recovered))
    assert trio.current_time() - began < 60
    kinds = [event.kind for event in monitor.recorder.events]
    assert kinds == [
        AlertEventKind.MONITORING_STARTED,
        AlertEventKind.TRIGGERED,
        AlertEventKind.RECOVERED,
    ]
    incident = monitor.recorder.events[-1].incident
    assert incident is not None
    assert incident.triggered_at - BASE == pytest.approx(7, abs=1)
    assert incident.recovered_at - BASE == pytest.approx(20 + 30 - 6, abs=1)


@pytest.mark.parametrize("crashes", [False, True], ids=["stopped", "killed"])
async def test_after_a_restart_an_open_incident_is_still_the_same(
    clock, run, tmp_path: Path, crashes: bool
) -> None:
    checkpoints = Checkpoints(tmp_path / "state", [str(tmp_path / "access.log")])
    first = run(checkpoints=checkpoints, alert_threshold=2, alertwindow=0.5)
    for _ in range(20):
        first.write_now(10)
        await trio.sleep(1)
    await first.until(lambda s: bool(s.alerts.firing))
    await trio.sleep(7)
    await first.end(crashes=crashes)
    for _ in range(10):
        first.write_now(10)
        await trio.sleep(1)
    second = run(checkpoints=checkpoints, alert_threshold=2, alertwindow=0.5)
    for _ in range(5):
        second.write_now(10)
        await trio.sleep(1)
    snapshot = await second.until(lambda s: s.insights.hits > 0)
    assert [incident.id for incident in snapshot.alerts.firing]
    await second.until(lambda s: bool(s.alerts.recovered))
    assert second.recorder.last.health.lines == 350
    (begun,) = [e for e in first.recorder.events if e.kind is AlertEventKind.TRIGGERED]
    own = [e for e in second.recorder.events if e.incident is not None]
    assert [event.kind for event in own] == [AlertEventKind.RECOVERED]
    assert begun.incident is not None
    assert own[0].incident is not None
    assert own[0].incident.id == begun.incident.id
    assert own[0].incident.duration_seconds is not None
    assert own[0].incident.duration_seconds > 30


@pytest.mark.parametrize("seed", range(thorough(2, 12)))
async def test_whatever_stops_it_it_shows_and_alerts_as_if_nothing_had(
    clock, run, tmp_path: Path, wall: WallClock, seed: int
) -> None:
    """Beside one that is never stopped; each line is of another size, so that no two are alike."""
    random = Random(seed)
    rules = read_rules(RULES, "rules.toml")
    options: dict[str, object] = {
        "written": rules,
        "alert_threshold": 25,
        "alertwindow": 0.5,
        "timewindow": 600,
        "delay": 2.0,
        "refresh": 1.0,
        "history": HistorySettings(),
    }
    steady = run(recorder=Recorder(), **options)
    checkpoints = Checkpoints(tmp_path / "state", [str(tmp_path / "access.log")])
    runs = [run(recorder=Recorder(), checkpoints=checkpoints, **options)]
    stopped_until = 0
    count = rotations = 0
    for second in range(420):
        lines = []
        for _ in range(random.randint(5, 15) + 30 * (200 <= second < 260)):
            count += 1
            host = random.choice("ab" if 100 < second < 130 else "abc")
            bad = random.random() < (0.6 if 300 <= second < 340 else 0.02)
            path = f"/{random.choice('xy')}/{random.randint(0, 60 if host == 'a' else 4)}"
            request = f"GET {path} HTTP/1.1"
            lines.append(
                line(
                    int(wall()),
                    host=f"192.0.2.{ord(host)}",
                    request=request,
                    status=500 if bad else 200,
                    size=count,
                )
            )
        steady.write(*lines)
        await trio.sleep(1)
        if second == stopped_until and runs[-1].ended.is_set():
            runs.append(run(recorder=Recorder(), checkpoints=checkpoints, **options))
        elif second > 3 and random.random() < 0.03 and not runs[-1].ended.is_set():
            await runs[-1].end(crashes=random.random() < 0.7)
            stopped_until = second + random.randint(1, 20)
        if random.random() < 0.03:
            rotations += 1
            _rotate(steady.log, rotations, compress=random.random() < 0.5)
    if runs[-1].ended.is_set():
        runs.append(run(recorder=Recorder(), checkpoints=checkpoints, **options))
    await trio.sleep(30)
    assert len(runs) > 3
    one, other = _at_one_time(steady, runs[-1])
    assert other.health.last_gap == one.health.last_gap == ""
    assert (other.health.lines, other.health.records) == (count, count)
    assert one.insights.bytes == count * (count + 1) // 2
    assert other.insights == one.insights
    assert other.alerts == one.alerts
    assert sum(one.alerts.begun.values()) > 2
    assert other.rates == one.rates
    assert one.totals is not None
    assert sum(one.totals.requests.values()) == count
    assert one.totals.response_bytes == {"": count * (count + 1) // 2}
    assert other.totals == one.totals

    def happened(*of: Run) -> dict[str, list[str]]:
        steps: dict[str, list[str]] = {}
        for event in [event for each in of for event in each.recorder.events]:
            if event.incident is not None:
                told = f"{event.kind.value} {event.time} {event.message}"
                known = steps.setdefault(event.incident.id, [])
                if told not in known:  # after a crash it may be told again
                    known.append(told)
        return steps

    assert happened(*runs) == happened(steady)
    assert len(happened(steady)) > 5
    assert answers_of(runs[-1]) == answers_of(steady)


QUESTIONS = [
    Query(measures=("hits", "bytes", "visitors", "errors", "first_seen", "last_seen")),
    Query(by=("section",), measures=("hits", "bytes")),
    Query(by=("path", "host"), where="status = 500", limit=1000),
    Query(step=10, measures=("hits", "bytes", "rate")),
    Query(step=1, by=("host",), measures=("hits", "bytes")),
    RecordQuery(limit=10_000),
]


def answers_of(run: Run) -> list[object]:
    """What a run has to say of all that it was ever given, by records and by rollups."""
    assert run.history is not None
    recorded = run.history.recorded()
    assert recorded.rollups is not None
    assert recorded.newest is not None
    of_rollups = attrs.evolve(recorded, stored=recorded.stored[-1:], since=recorded.newest)
    connection = connect()
    told: list[object] = []
    for kept, questions in ((recorded, QUESTIONS), (of_rollups, [QUESTIONS[0], QUESTIONS[3]])):
        for question in questions:
            answered = answer(question, kept, connection)
            assert (answered.grain > 0) == (kept is of_rollups)
            told.append((answered.table.to_pylist(), answered.total, answered.missing))
    return told


@pytest.mark.parametrize("rotates", [False, True])
@pytest.mark.parametrize("crashes", [False, True], ids=["stopped", "killed"])
async def test_lines_that_need_those_before_them_are_read_after_a_restart_too(
    clock, run, tmp_path: Path, wall: WallClock, crashes: bool, rotates: bool
) -> None:
    """Of two logs: one says once how its lines are written, in the other a line is cut in two."""
    w3c, cut = tmp_path / "w3c.log", tmp_path / "cri.log"
    checkpoints = Checkpoints(tmp_path / "state", [str(w3c), str(cut)])
    options: dict[str, object] = {
        "checkpoints": checkpoints, "file": [str(w3c), str(cut)], "timewindow": 600,
    }  # fmt: skip
    cri = b"2026-09-22T00:00:00.1+00:00 stdout %s "
    first, rest = line(int(wall()))[:30], line(int(wall()))[30:]
    w3c.write_bytes(b"#Fields: sc-status c-ip time date\n")
    cut.write_bytes(cri % b"F" + line(int(wall())))
    began = int(wall())
    expected = 1
    monitor = run(recorder=Recorder(), **options)
    for number in range(8):
        for log in (w3c, cut):
            if rotates and number == 5:
                log.rename(log.with_name(f"{log.name}.1"))
        moment = datetime.fromtimestamp(wall(), UTC)
        with w3c.open("ab") as file:
            file.write(f"200 192.0.2.1 {moment:%H:%M:%S %Y-%m-%d}\n".encode())
        with cut.open("ab") as file:
            file.write(cri % b"P" + first + b"\n")
        await trio.sleep(1.5)
        if number % 2:
            await monitor.end(crashes=crashes)
            await trio.sleep(3)
        with cut.open("ab") as file:
            file.write(cri % b"F" + rest)
        expected += 2
        if number % 2:
            monitor = run(recorder=Recorder(), **options)
    snapshot = await monitor.until(lambda s: s.health.records >= expected)
    await trio.sleep(30)
    snapshot = monitor.recorder.last
    assert (snapshot.health.records, snapshot.health.rejects) == (expected, 0)
    assert snapshot.health.last_gap == ""
    assert snapshot.insights.hits == expected
    assert int(wall()) - began < 600


async def test_directives_that_stand_before_the_window_hold_for_its_lines(
    clock, run, tmp_path: Path, wall: WallClock
) -> None:
    def w3c(second: int) -> bytes:
        moment = datetime.fromtimestamp(BASE + second, UTC)
        return f"200 192.0.2.1 {moment:%H:%M:%S %Y-%m-%d}\n".encode()

    log = tmp_path / "access.log"
    fields = b"#Fields: sc-status c-ip time date\n"
    log.write_bytes(fields + b"".join(map(w3c, range(-20_000, 0))))
    monitor = run(timewindow=300)
    snapshot = await monitor.until(lambda s: s.health.records > 0)
    assert (snapshot.health.records, snapshot.health.rejects) == (300, 0)
    monitor.write(w3c(int(wall()) - BASE))
    await monitor.until(lambda s: s.health.records == 301)


async def test_a_line_whose_rest_never_comes_is_waited_for_a_while(clock, run, wall) -> None:
    monitor = run(start_from="start")
    cri = b"2026-09-22T00:00:00.1+00:00 stdout %s "
    monitor.write(cri % b"F" + line(int(wall())))
    await monitor.until(lambda s: s.health.records == 1)
    monitor.write(cri % b"P" + line(int(wall()))[:-1] + b"\n")
    await trio.sleep(4)
    assert monitor.recorder.last.health.records == 1
    snapshot = await monitor.until(lambda s: s.health.records == 2, 10)
    assert snapshot.health.sources[0].state is SourceState.FOLLOWING


def _at_one_time(*runs: Run) -> list[Snapshot]:
    """The last snapshots of which the windows end together."""
    by_end = [{s.insights.end: s for s in each.recorder.snapshots} for each in runs]
    end = max(set.intersection(*map(set, by_end)))
    return [snapshots[end] for snapshots in by_end]


def _rotate(log: Path, number: int, *, compress: bool) -> None:
    """As logrotate does with `dateext`; the oldest are compressed, and none is removed."""
    old = log.with_name(f"{log.name}-{number:04}")
    log.rename(old)
    log.touch()
    before = log.with_name(f"{log.name}-{number - 1:04}")
    if compress and before.exists():
        status = before.stat()
        packed = before.with_name(f"{before.name}.gz")
        packed.write_bytes(gzip.compress(before.read_bytes()))
        os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
        before.unlink()


RULES = """
[[rule]]
name = "Failures"
metric = "error_ratio"
above = 0.3
recover_below = 0.1
window = "20s"
for = "5s"
min_hits = 20
by = "section"
[[rule]]
name = "Silence"
absence = "15s"
by = "host"
[[rule]]
name = "Surge"
change = "2x over 1m and 2m ago"
window = "30s"
keep_firing = "10s"
[[rule]]
name = "Crawlers"
metric = "distinct(path)"
above = 12
window = "10s"
by = "host"
[[rule]]
name = "New"
new = "path"
warm_up = "2m"
where = "status = 500"
window = "1m"
"""


async def test_a_replay_gives_the_incidents_that_there_were_live(
    clock, run, tmp_path: Path, wall: WallClock
) -> None:
    rules = read_rules(RULES, "rules.toml")
    monitor = run(written=rules, alert_threshold=25, alertwindow=0.5)
    random = Random(7)
    for second in range(420):
        lines = []
        for _ in range(random.randint(5, 15) + 30 * (200 <= second < 260)):
            host = random.choice("ab" if 100 < second < 130 else "abc")
            bad = random.random() < (0.6 if 300 <= second < 340 else 0.02)
            path = f"/{random.choice('xy')}/{random.randint(0, 60 if host == 'a' else 4)}"
            lines.append(
                line(
                    int(wall()),
                    host=f"192.0.2.{ord(host)}",
                    request=f"GET {path} HTTP/1.1",
                    status=500 if bad else 200,
                )
            )
        monitor.write(*lines)
        await trio.sleep(1)
    await trio.sleep(20)
    live = [event for event in monitor.recorder.events if event.incident is not None]
    # Live, time goes on after the last record.
    last = max(event.time for event in live if event.time < BASE + 420)
    alerting = Alerting(
        rules_of(Settings(alert_threshold=25, alertwindow=0.5, rules="none"), rules)
    )
    counting = counting_of(alerting)
    data = (tmp_path / "access.log").read_bytes()
    replayed = alerting.close(
        ClosedSeconds(last, tuple(merged(counting.count(decode(data).batch))))
    )
    assert replayed == [event for event in live if event.time <= last]
    assert {event.incident.rule for event in live if event.incident is not None} == {
        *("high_traffic", "Failures", "Silence", "Surge", "Crawlers", "New"),
    }


ABSENCES = """
[[rule]]
name = "No request"
absence = "15s"
[[rule]]
name = "No line"
absence = "15s"
metric = "lines"
"""


async def test_no_request_no_line_and_a_log_that_is_not_there_are_told_apart(clock, run) -> None:
    monitor = run(written=read_rules(ABSENCES, "rules.toml"))

    def told() -> list[str]:
        events = [event for event in monitor.recorder.events if event.incident is not None]
        return [event.message for event in events if event.kind is AlertEventKind.TRIGGERED]

    for _ in range(30):
        monitor.write_now(1)
        await trio.sleep(1)
    for _ in range(60):
        monitor.write(b"this is no request at all\n")
        await trio.sleep(1)
    assert [message.partition(",")[0] for message in told()] == ["No request: no requests for 15 s"]
    await trio.sleep(40)
    assert [message.partition(",")[0] for message in told()[1:]] == ["No line: no lines for 15 s"]
    assert not told()[1].endswith(")")
    for _ in range(30):
        monitor.write_now(1)
        await trio.sleep(1)
    monitor.log.rename(monitor.log.with_name("elsewhere"))
    await trio.sleep(120)
    assert [message.partition(":")[0] for message in told()[2:]] == ["No request", "No line"]
    assert all(f"({monitor.log}: is gone" in message for message in told()[2:])


class SetClock:
    """A wall clock that can be set."""

    def __init__(self, wall: WallClock) -> None:
        self._wall = wall
        self.by = 0.0

    def __call__(self) -> float:
        return self._wall() + self.by


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_costs_but_the_windows(
    clock, run, wall: WallClock, hours: int
) -> None:
    """The server's clock is the same machine's."""
    hands = SetClock(wall)
    rules = read_rules('[[rule]]\nname = "No request"\nabsence = "2m"', "rules.toml")
    monitor = run(
        written=rules, wall=hands, alert_threshold=5, alertwindow=0.5, timewindow=60, refresh=1.0
    )
    for second in range(200):
        if second == 100:
            hands.by = hours * 3600
        monitor.write(line(int(hands())) * 10)
        await trio.sleep(1)
    snapshot = await monitor.until(lambda s: s.health.lines == 2000)
    assert snapshot.insights.hits >= 550
    assert snapshot.health.late + snapshot.health.early <= 20
    events = [event for event in monitor.recorder.events if event.incident is not None]
    assert [event.kind for event in events] == [
        AlertEventKind.TRIGGERED,
        AlertEventKind.RECOVERED,
        AlertEventKind.TRIGGERED,
    ]
    way = "back" if hours < 0 else "forward"
    assert f"the clock was set {way} by 1 h 00 min - no longer watched" in events[1].message


async def test_records_out_of_order_by_minutes_are_where_they_belong(clock, run, wall) -> None:
    monitor = run(timewindow=900, alertwindow=10, alert_threshold=1e9)
    random = Random(3)
    for _ in range(300):
        now = int(wall())
        monitor.write(*(line(now - random.randint(0, 240)) for _ in range(5)))
        await trio.sleep(1)
    snapshot = await monitor.until(lambda s: s.health.records == 1500)
    await trio.sleep(70)
    snapshot = monitor.recorder.last
    assert snapshot.health.late == snapshot.health.early == 0
    assert snapshot.insights.hits == 1500


async def test_two_servers_with_different_clocks_do_not_stop_each_other(
    clock, run, wall, tmp_path: Path
) -> None:
    """One is ten minutes slow, one a minute fast: its records wait for their time."""
    slow, fast = tmp_path / "slow.log", tmp_path / "fast.log"
    monitor = run(file=[str(slow), str(fast)], timewindow=60, alertwindow=20, refresh=1.0)
    for _ in range(900):
        with slow.open("ab") as file:
            file.write(line(int(wall()) - 600, agent="slow"))
        with fast.open("ab") as file:
            file.write(line(int(wall()) + 50, agent="fast") * 2)
        await trio.sleep(1)
    snapshot = await monitor.until(lambda s: s.health.records == 2700)
    assert snapshot.health.early == 0
    # The fast one's last minute is whole; what is ten minutes old is in no window of a minute.
    assert snapshot.insights.hits == pytest.approx(120, abs=4)
    assert snapshot.health.late == 0


async def test_what_was_written_while_it_stood_still_is_read_in_its_own_time(
    clock, run, wall: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after SIGSTOP and SIGCONT: the same incidents as ever."""
    monitor = run(alert_threshold=5, alertwindow=0.5)
    for _ in range(60):
        monitor.write_now(2)
        await trio.sleep(1)
    begin = int(wall())
    for second in range(600):
        rate = 20 if 200 <= second < 300 else 2
        monitor.write(line(begin + second) * rate)
    clock.jump(600)
    for _ in range(30):
        monitor.write_now(2)
        await trio.sleep(1)
    events = [event for event in monitor.recorder.events if event.incident is not None]
    assert [event.kind for event in events] == [AlertEventKind.TRIGGERED, AlertEventKind.RECOVERED]
    incident = events[1].incident
    assert incident is not None
    assert incident.triggered_at == pytest.approx(begin + 206, abs=3)
    assert incident.recovered_at == pytest.approx(begin + 325, abs=6)


async def test_the_stock_rules_tell_of_an_output_that_fails(clock, run) -> None:
    class Fails(Recorder):
        async def run(self, inbox: Inbox, report: Report) -> None:
            raise OSError("cannot reach it")

    fails = Fails()
    fails.name = "syslog"
    monitor = run([fails], rules="stock")
    for _ in range(200):
        monitor.write_now(1)
        await trio.sleep(1)
    told = [event.message for event in monitor.recorder.events if event.incident is not None]
    (failing,) = [message for message in told if message.startswith("Output failing")]
    assert "Output failing: syslog is failing: cannot reach it, noticed at" in failing
    health = monitor.recorder.last.health
    failed = next(output for output in health.outputs if output.name == "syslog")
    assert failed.waiting >= 2
    assert failed.restarts >= 5
    assert health.memory is not None
    assert health.memory > 10_000_000
    assert monitor.recorder.last.alerts.firing


async def test_what_watches_itself_begins_anew_when_the_clock_is_set(
    clock, run, wall: WallClock
) -> None:
    hands = SetClock(wall)
    monitor = run(wall=hands, rules="stock")
    await trio.sleep(90)  # there is no log
    hands.by = -3600
    await trio.sleep(90)
    monitor.write(line(int(hands())))
    await monitor.until(lambda s: s.health.records == 1)
    await trio.sleep(40)
    events = [event for event in monitor.recorder.events if event.incident is not None]
    assert [event.kind.value for event in events] == ["triggered", "recovered"] * 2
    assert "the clock was set back by 1 h 00 min - no longer watched" in events[1].message


async def test_monitoring_tells_its_own_start_and_end(clock, run, wall: WallClock) -> None:
    monitor = run()
    await trio.sleep(30)
    monitor.stop.set()
    await monitor.ended.wait()
    first, last = monitor.recorder.events
    assert (first.kind, first.time) == (AlertEventKind.MONITORING_STARTED, BASE)
    assert (last.kind, last.time) == (AlertEventKind.MONITORING_STOPPED, BASE + 30)


async def test_what_was_read_is_drained_before_the_end(clock, run) -> None:
    monitor = run(refresh=3600.0)
    monitor.write_now(1)
    await monitor.until(lambda s: True)
    monitor.write_now(50_000)
    await trio.sleep(1.5)
    monitor.stop.set()
    with trio.fail_after(2):
        await monitor.ended.wait()
    assert monitor.recorder.last.health.records == 50_001


async def test_what_was_written_before_the_stop_is_counted(clock, run) -> None:
    monitor = run(refresh=3600.0)
    monitor.write_now(1)
    await monitor.until(lambda s: True)
    await trio.sleep(10.2)
    monitor.write_now(50_000)
    await monitor.end()
    assert monitor.recorder.last.health.records == 50_001


@pytest.fixture
def piped(tmp_path: Path, wall: WallClock):
    """A monitor of standard input, which is a file of so many lines; returns when it has ended."""

    async def piped(count: int, outputs: Sequence[Output], stop: trio.Event | None = None) -> None:
        log = tmp_path / "access.log"
        log.write_bytes(line() * count)
        with log.open("rb") as file:
            await service.monitor(
                plan_of(file="-", start_from="start"),
                outputs,
                stop=trio.Event() if stop is None else stop,
                wall=wall,
                standard_input=file.fileno,
            )

    return piped


@pytest.fixture
def slow_threads(clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine so busy that whatever a thread does takes seconds."""

    async def slowly(work: Callable[..., object], *arguments: object, **_: object) -> object:
        await trio.sleep(2 * service.DRAIN_SECONDS)
        return work(*arguments)

    monkeypatch.setattr(trio.to_thread, "run_sync", slowly)


async def test_all_of_standard_input_is_counted_however_long_that_takes(
    clock, slow_threads: None, piped
) -> None:
    recorder = Recorder()
    await piped(200_000, [recorder])
    assert recorder.last.health.records == 200_000


async def test_each_file_that_tail_names_is_a_source_with_its_own_format(
    clock, wall, tmp_path: Path
) -> None:
    recorder = Recorder()
    json_line = (
        b'{"time":"%s","remote_addr":"198.51.100.7","request":"GET /j HTTP/1.1","status":200}'
    )
    told = json_line % datetime.fromtimestamp(BASE, UTC).isoformat().encode()
    log = tmp_path / "piped"
    log.write_bytes(
        b"==> a\x1b[2J.log <==\n" + line() * 3 + b"\n==> b.log <==\n" + (told + b"\n") * 2
    )
    with log.open("rb") as file:
        await service.monitor(
            plan_of(file="-", start_from="start"), [recorder],
            stop=trio.Event(), wall=wall, standard_input=file.fileno,
        )  # fmt: skip
    health = recorder.last.health
    assert (health.lines, health.records, health.rejects, health.foreign) == (8, 5, 0, 3)
    assert [(one.name, one.state, one.format) for one in health.sources] == [
        ("a\x1b[2J.log", SourceState.ENDED, "combined"),
        ("b.log", SourceState.ENDED, "json"),
    ]
    assert recorder.last.insights.hits == 5


async def test_an_output_has_all_the_time_it_takes_when_standard_input_has_ended(
    clock, piped
) -> None:
    @attrs.define
    class Slow(Recorder):
        async def _take_snapshots(self, inbox: Inbox) -> None:
            async for snapshot in inbox.snapshots:
                await trio.sleep(1000)
                self.snapshots.append(snapshot)

    slow = Slow("slow")
    await piped(1000, [slow])
    assert slow.last.health.records == 1000


async def test_a_stop_ends_what_still_counts_standard_input(
    clock, slow_threads: None, piped
) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(piped, 200_000, [Recorder()], stop)
        await trio.sleep(10)
        began = trio.current_time()
        stop.set()
    assert trio.current_time() - began <= 2 * service.DRAIN_SECONDS + 0.1


async def test_an_output_that_keeps_failing_does_not_hold_up_the_end(clock, piped) -> None:
    def fail(what: object) -> None:
        raise OSError(111, "Connection refused")

    began = trio.current_time()
    recorder = Recorder()
    await piped(1000, [recorder, Recorder("broken", wants_snapshots=False, before=fail)])
    assert recorder.last.health.records == 1000
    assert trio.current_time() - began < 60


async def test_a_servers_clock_that_is_slow_is_told_and_raises_an_alert(clock, run, wall) -> None:
    monitor = run(rules="stock")
    await trio.sleep(3)
    for _ in range(100):
        monitor.write(line(int(wall()) - 3000) * 5)
        await trio.sleep(1)
    source = monitor.recorder.last.health.sources[0]
    assert source.behind == pytest.approx(3000, abs=2)
    (alert,) = [e for e in monitor.recorder.events if e.incident and "clock" in e.incident.rule]
    assert "50 min behind this machine's clock" in alert.message
    await trio.sleep(300)
    # That nothing comes says nothing of the clock.
    assert monitor.recorder.events[-1] is alert
    for _ in range(150):
        monitor.write(line(int(wall())) * 5)
        await trio.sleep(1)
    assert monitor.recorder.last.health.sources[0].behind == 0
    assert monitor.recorder.events[-1].kind is AlertEventKind.RECOVERED


async def test_a_servers_clock_that_is_fast_is_told_too(
    clock, run, wall, logged: list[str]
) -> None:
    monitor = run(rules="stock")
    await trio.sleep(3)
    for _ in range(100):
        monitor.write(line(int(wall()) + 1800) * 5)
        await trio.sleep(1)
    assert monitor.recorder.last.health.sources[0].behind == pytest.approx(-1800, abs=2)
    (alert,) = [e for e in monitor.recorder.events if e.incident and "clock" in e.incident.rule]
    assert "30 min ahead of this machine's clock" in alert.message
    assert any("WARNING" in text and "30 min ahead of" in text for text in logged)


@pytest.mark.parametrize("seconds", [45, 100])
async def test_a_buffered_log_is_no_slow_clock(clock, run, wall, seconds: int) -> None:
    monitor = run(rules="stock")
    await trio.sleep(3)
    for _ in range(4):
        await trio.sleep(seconds)
        now = int(wall())
        monitor.write(*(line(now - age) for age in range(seconds - 1, -1, -1)))
        await trio.sleep(3)
        assert monitor.recorder.last.health.sources[0].behind == 0


async def test_a_missing_file_is_told_and_awaited(clock, run) -> None:
    monitor = run()
    snapshot = await monitor.until(lambda s: bool(s.health.sources))
    assert snapshot.health.sources[0].state is SourceState.WAITING
    assert "does not exist yet" in snapshot.health.sources[0].detail
    monitor.write_now(1)
    await monitor.until(lambda s: s.insights.hits == 1)


async def test_an_old_log_is_replayed_in_its_own_time(clock, run, tmp_path: Path) -> None:
    with (tmp_path / "access.log").open("wb") as file:
        for second in range(200):
            file.write(line(BASE - 1_000_000 + second) * (1 + second // 50))
    monitor = run(start_from="start", alert_threshold=1.5, alertwindow=1)
    snapshot = await monitor.until(lambda s: s.health.records == 500)
    assert snapshot.insights.end == BASE - 1_000_000 + 200
    # All of an old log is shown.
    assert (snapshot.insights.hits, snapshot.insights.window_seconds) == (500, 200)
    (alert,) = [e for e in monitor.recorder.events if e.kind is AlertEventKind.TRIGGERED]
    # Of the minute before, 29 seconds with one line and 31 with two: 91 > 90.
    assert alert.time == BASE - 1_000_000 + 81


async def test_an_output_that_fails_is_started_again_and_misses_nothing(clock, run) -> None:
    failures = iter([OSError(28, "No space left on device")] * 3)

    def fail_three_times(what: object) -> None:
        if isinstance(what, AlertEvent):
            for error in failures:
                raise error

    broken = Recorder("broken", before=fail_three_times, wants_snapshots=False)
    monitor = run([broken])
    await monitor.until(lambda s: any(o.state is OutputState.RETRYING for o in s.health.outputs))
    snapshot = await monitor.until(lambda s: s.health.outputs[1].restarts == 3)
    assert snapshot.health.outputs[0].state is OutputState.WORKING
    await trio.sleep(10 * FIRST_BACKOFF)
    assert [event.kind for event in broken.events] == [AlertEventKind.MONITORING_STARTED]


@pytest.fixture
def logged():
    """What the program logs of itself at the default level."""
    said: list[str] = []
    sink = logger.add(said.append, level="INFO", format="{level} {message}")
    yield said
    logger.remove(sink)


async def test_what_goes_bad_is_logged_once_and_once_when_it_is_good_again(
    clock, run, logged: list[str]
) -> None:
    is_down = True

    def refuse(what: object) -> None:
        if is_down and isinstance(what, AlertEvent):
            raise ConnectionRefusedError(111, "Connection refused")

    monitor = run([Recorder("target", before=refuse, wants_snapshots=False)])
    await trio.sleep(300)
    is_down = False
    monitor.write_now(1)
    await trio.sleep(120)
    await monitor.end()
    log = str(monitor.log)
    assert [line.strip() for line in logged] == [
        f"INFO following {log}; alerts go to: recorder (in memory), target",
        f"WARNING {log}: does not exist yet; waiting for it",
        "WARNING target is failing: Connection refused; retrying",
        f"WARNING {log}: reading without problems again",
        f"INFO {log}: format combined",
        "WARNING target is working again",
    ]


async def test_an_output_that_hangs_slows_nothing_else(clock, run) -> None:
    @attrs.define
    class Hung(Recorder):
        async def run(self, inbox: Inbox, report: Report) -> None:
            await trio.sleep_forever()

    monitor = run([Hung("hung")])
    for _ in range(30):
        monitor.write_now(1)
        await trio.sleep(1)
    assert monitor.recorder.last.health.records >= 28
    monitor.stop.set()
    with trio.fail_after(2 * service.DRAIN_SECONDS + 0.5):
        await monitor.ended.wait()


async def test_a_slow_output_gets_the_latest_snapshot(clock, run) -> None:
    @attrs.define
    class Slow(Recorder):
        async def _take_snapshots(self, inbox: Inbox) -> None:
            async for snapshot in inbox.snapshots:
                self.snapshots.append(snapshot)
                await trio.sleep(20)

    slow = Slow("slow")
    run([slow], refresh=1.0)
    await trio.sleep(100)
    times = [round(snapshot.time - BASE) for snapshot in slow.snapshots]
    assert 4 <= len(times) <= 7
    assert all(
        later - earlier == pytest.approx(20, abs=2.1)
        for earlier, later in itertools.pairwise(times[1:])
    )


async def test_rejects_are_told_with_the_first_line(clock, run) -> None:
    monitor = run(start_from="start")
    monitor.write(b"not a log line\n", line(BASE), b"nor this\n")
    snapshot = await monitor.until(lambda s: s.health.lines == 3)
    assert (snapshot.health.records, snapshot.health.rejects) == (1, 2)
    assert snapshot.health.reject_samples[0].line == "not a log line"


async def test_lines_survive_rotation_under_load(clock, run) -> None:
    monitor = run()
    for number in range(10):
        monitor.write_now(100)
        await trio.sleep(1.2)
        monitor.log.rename(monitor.log.with_suffix(f".{number}"))
        monitor.write_now(7)
        await trio.sleep(1.2)
    await monitor.until(lambda s: s.health.records == 1070)


async def test_a_failure_of_the_parser_ends_it_all(
    clock, tmp_path: Path, wall: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the parser is broken")

    monkeypatch.setattr("actors.monitor.parsing.guarded_decode", broken)
    log = tmp_path / "access.log"
    log.write_bytes(line() * 1000)
    recorder = Recorder()
    with pytest.raises(ExceptionGroup) as failure:
        await service.monitor(
            plan_of(file=str(log)),
            [recorder],
            stop=trio.Event(),
            wall=wall,
            standard_input=lambda: -1,
        )
    assert failure.group_contains(RuntimeError, match="the parser is broken")
    assert recorder.events[-1].kind is AlertEventKind.MONITORING_STOPPED


async def test_a_line_that_breaks_a_parser_is_one_reject(
    clock, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode_all = CombinedFormat.decode

    def fragile(self: CombinedFormat, chunk: bytes | memoryview, *rest: object) -> object:
        if b"deep" in bytes(chunk):
            raise RecursionError
        return decode_all(self, chunk, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(CombinedFormat, "decode", fragile)
    monitor = run(start_from="start")
    monitor.write(line(BASE - 5), b"deep\n", line(BASE - 4))
    snapshot = await monitor.until(lambda s: s.health.lines == 3)
    assert (snapshot.health.records, snapshot.health.rejects) == (2, 1)


async def test_a_log_in_another_format_is_followed(clock, run, wall) -> None:
    monitor = run(format="$msec $remote_addr $request_time", start_from="window")
    monitor.write(*(b"%d.250 h%d 0.5\n" % (int(wall()) - 7200 + i * 370, i) for i in range(20)))
    monitor.write(b"half a line is none\n")
    snapshot = await monitor.until(lambda s: s.health.rejects == 1)
    assert snapshot.health.sources[0].format == "given"
    # Those before the longest window are not read: the place is found by the times of lines.
    assert 0 < snapshot.health.records < 20


async def test_a_server_that_writes_another_format_is_understood_and_that_is_said(
    clock, run
) -> None:
    monitor = run(start_from="start")
    monitor.write(line(BASE))
    await monitor.until(lambda s: s.health.records == 1)
    later = datetime.fromtimestamp(BASE + 1, UTC).isoformat()
    in_json = json.dumps({"time": later, "remote_addr": "::1", "request": "GET / HTTP/1.1"})
    monitor.write(f'{in_json[:-1]},"status":200}}\n'.encode())
    snapshot = await monitor.until(lambda s: s.health.records == 2)
    (source,) = snapshot.health.sources
    assert source.detail == "format changed from combined to json + combined"
    assert snapshot.health.rejects == 0
    monitor.write(b'{"level":"info","msg":"another program"}\n')
    snapshot = await monitor.until(lambda s: s.health.foreign == 1)
    assert snapshot.health.lines == 3
    await trio.sleep(61)
    monitor.write(line(BASE))
    snapshot = await monitor.until(lambda s: s.health.lines == 4)
    assert snapshot.health.sources[0].detail == ""


@pytest.mark.parametrize("damage", ["bytes", "aggregation", "alerting", "own"])
async def test_a_damaged_state_is_told_and_all_begins_anew(
    clock, run, tmp_path: Path, wall: WallClock, damage: str
) -> None:
    checkpoints = Checkpoints(tmp_path / "state", [str(tmp_path / "access.log")])
    parts = {"aggregation": to_bytes({}), "alerting": to_bytes({"end": 3, "watches": 7})}
    if damage != "aggregation":
        whole = Aggregation(window_seconds=10, alert_window_seconds=10, limits={})
        parts["aggregation"] = to_bytes(whole.to_state())
    if damage != "alerting":
        parts["alerting"] = to_bytes(Alerting(()).to_state())
    own = {"lives": 3} if damage == "own" else OwnWatch(()).to_state()
    checkpoints.save(wall() - 5, (), **parts, own=own, undelivered={})
    if damage == "bytes":
        checkpoints.path.write_bytes(b"what is this")
    monitor = run(checkpoints=checkpoints, alert_threshold=2, alertwindow=0.5)
    for _ in range(12):
        monitor.write_now(10)
        await trio.sleep(1)
    await monitor.until(lambda s: bool(s.alerts.firing))
    snapshot = await monitor.until(lambda s: s.health.lines == 120)
    assert snapshot.health.gaps == 1
    assert "starting over; lines since the last run" in snapshot.health.last_gap


@pytest.mark.parametrize("rules", ["stock", "off"])
async def test_what_watches_itself_goes_on_after_a_restart(
    clock, run, tmp_path: Path, rules: str
) -> None:
    checkpoints = Checkpoints(tmp_path / "state", [str(tmp_path / "access.log")])
    first = run(checkpoints=checkpoints, rules="stock")
    await trio.sleep(90)  # there is no log
    await first.end()
    (begun,) = (event.incident for event in first.recorder.events if event.incident is not None)
    assert begun.rule == "Log unreadable"
    second = run(checkpoints=checkpoints, rules=rules)
    await second.until(lambda s: bool(s.alerts.firing) == (rules == "stock"))
    second.write_now(1)
    await second.until(lambda s: s.health.records == 1)
    await trio.sleep(30)
    (over,) = (event for event in second.recorder.events if event.incident is not None)
    assert over.kind is AlertEventKind.RECOVERED
    assert over.incident is not None
    assert over.incident.id == begun.id
    assert over.incident.expired == (rules == "off")


async def test_after_more_than_a_day_all_begins_anew_and_that_is_said(
    clock, run, tmp_path: Path, wall: WallClock
) -> None:
    checkpoints = Checkpoints(tmp_path / "state", [str(tmp_path / "access.log")])
    first = run(checkpoints=checkpoints, alert_threshold=2, alertwindow=0.5)
    for _ in range(20):
        first.write_now(10)
        await trio.sleep(1)
    await first.until(lambda s: bool(s.alerts.firing))
    await first.end()
    await trio.sleep(2 * 86_400)
    second = run(checkpoints=checkpoints, alert_threshold=2, alertwindow=0.5)
    second.write_now(10)
    snapshot = await second.until(lambda s: s.insights.hits > 0)
    assert snapshot.health.gaps == 1
    assert "no run for 2 d" in snapshot.health.last_gap
    (over,) = [event for event in second.recorder.events if event.incident is not None]
    assert over.kind is AlertEventKind.RECOVERED
    assert "no run for 2 d" in over.message


async def test_what_an_output_had_not_delivered_it_does_after_a_restart(
    clock, run, tmp_path: Path
) -> None:
    class Stuck(Recorder):
        name = "stuck"

        async def run(self, inbox: Inbox, report: Report) -> None:
            await trio.sleep_forever()

    class Works(Recorder):
        name = "stuck"

    checkpoints = Checkpoints(tmp_path / "state", [str(tmp_path / "access.log")])
    first = run([Stuck()], checkpoints=checkpoints, alert_threshold=2, alertwindow=0.5)
    for _ in range(20):
        first.write_now(10)
        await trio.sleep(1)
    await first.until(lambda s: bool(s.alerts.firing))
    await trio.sleep(10)
    await first.end(crashes=True)
    works = Works()
    second = run([works], checkpoints=checkpoints, alert_threshold=2, alertwindow=0.5)
    await trio.sleep(5)
    kinds = [event.kind for event in works.events]
    assert kinds == [
        AlertEventKind.MONITORING_STARTED,
        AlertEventKind.TRIGGERED,
        AlertEventKind.MONITORING_STARTED,
    ]
    await second.end()


CACHED = """\
[[rule]]
name = "Misses"
metric = "hits"
above = 5
window = "30s"
by = "upstream_cache_status"
"""


async def test_a_field_that_is_kept_is_counted_filtered_and_watched(clock, run, wall) -> None:
    kept = ["upstream_cache_status"]
    monitor = run(
        written=read_rules(CACHED, "rules.toml", kept=kept),
        format='$remote_addr [$time_local] "$request" $status $upstream_cache_status',
        keep=kept,
        where="upstream_cache_status <> 'BYPASS'",
        top_limit=2,
        timewindow=60,
    )

    def cached(count: int, state: str) -> bytes:
        stamp = datetime.fromtimestamp(int(wall()), UTC)
        when = stamp.strftime("%d/%b/%Y:%H:%M:%S +0000")
        return f'192.0.2.7 [{when}] "GET /a HTTP/1.1" 200 {state}\n'.encode() * count

    counts = {"HIT": 3, "MISS": 9, "BYPASS": 20, "-": 1, "STALE": 1}
    monitor.write(*(cached(count, state) for state, count in counts.items()))
    snapshot = await monitor.until(lambda s: bool(s.alerts.firing))

    (incident,) = snapshot.alerts.firing
    assert (incident.by, incident.group) == ("upstream_cache_status", "MISS")
    told = snapshot.to_json()
    assert [(row["name"], row["hits"]) for row in told["top"]["upstream_cache_status"]] == [
        ("MISS", 9),
        ("HIT", 3),
    ]
    assert told["health"]["filtered"] == 21
