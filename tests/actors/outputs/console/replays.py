"""Fixed traffic for the console: records, a snapshot of them, and answers as the history gives."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pyarrow as pa

from actors.outputs.console.context import Context
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.screen import asks
from actors.outputs.console.state import State
from glancemetrics.alerting.alerting import Alerts, Pending
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.health.health import AgentHealth
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.history.asking import answer
from glancemetrics.history.held_records import HeldRecords
from glancemetrics.history.query import Answer, Question
from glancemetrics.history.recorded import Recorded
from glancemetrics.incidents.incident import Incident
from glancemetrics.records.dimensions import code, live_dimensions
from glancemetrics.records.schema import SCHEMA, LogRecord, with_source
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.selecting.sql import connect
from glancemetrics.traffic.insights import Insights, TopRow
from glancemetrics.traffic.snapshot import Snapshot
from tests.actors.outputs.snapshots import health
from tests.glancemetrics.records.test_dimensions import NOTHING
from tests.lines import BASE

START = BASE - 900
"""The traffic lasts 15 minutes, up to BASE."""
(BROKEN,) = read_rules(
    '[[rule]]\nname = "Server errors"\nmetric = "status_ratio(5xx)"\nabove = 0.05\n'
    'severity = "critical"\nwindow = "2m"',
    "a",
)
RULES = {"high_traffic": high_traffic(10.0, 120), "Server errors": BROKEN}
CONTEXT = Context(
    version="0.1.0",
    started_at=BASE - 123.0,
    rules=RULES,
    incident_limit=3,
    expected="in the combined format",
    zone=UTC,
)
OUTAGE = Incident(
    "Server errors-1", "Server errors", 0.05, 120, BASE - 80, 0.12, 0.46, severity="critical"
)
BUSY = Incident("high_traffic-1", "high_traffic", 10.0, 120, BASE - 300, 12.5, 14.0)
OVER = Incident("high_traffic-0", "high_traffic", 10.0, 120, BASE - 800, 11.0, 20.0, BASE - 500)
_PATHS = ("/", "/checkout", "/api/v1/users/{}", "/static/app.css", "/blog/post-{}", "/search")
_AGENTS = ("curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0")


def records(*, is_broken: bool) -> list[LogRecord]:
    """Return ten requests a second; broken, half of the last 90 seconds fail."""
    chance = random.Random(1)
    found = []
    for second in range(START, BASE):
        for number in range(10):
            path = chance.choice(_PATHS).format(chance.randint(1, 9))
            fails = is_broken and second >= BASE - 90 and chance.random() < 0.5
            status = 503 if fails else chance.choice([200] * 18 + [304, 404])
            found.append(
                LogRecord(**{
                    **NOTHING,
                    "time": datetime.fromtimestamp(second, UTC) + timedelta(milliseconds=number),
                    "host": f"203.0.113.{chance.randint(1, 40)}",
                    "method": "GET",
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "status": status,
                    "bytes": chance.randint(200, 90_000),
                    "agent": chance.choice(_AGENTS),
                    "duration": round(chance.lognormvariate(-4, 1) * (20 if fails else 1), 4),
                })
            )  # fmt: skip
    return found


def batch_of(
    found: Iterable[LogRecord], source: str = "/var/log/access.log", server: str = ""
) -> pa.RecordBatch:
    rows = [attrs.asdict(record) for record in found]
    return with_source(pa.RecordBatch.from_pylist(rows, schema=SCHEMA), source, server)


@functools.lru_cache(maxsize=4)
def recorded(*, is_broken: bool = False) -> Recorded:
    batch = batch_of(records(is_broken=is_broken))
    return Recorded(stored=(HeldRecords.of(0, batch),), since=START, until=BASE)


@functools.lru_cache(maxsize=1)
def recorded_of_servers() -> Recorded:
    """Return the same traffic, broken, of two servers: every third request is of `web1`."""
    found = records(is_broken=True)
    parts = (("web1", found[::3]), ("sys\x1blog", [*found[1::3], *found[2::3]]))
    return Recorded(
        stored=tuple(
            HeldRecords.of(number * len(found), batch_of(part, f"{name}:/var/log/a.log", name))
            for number, (name, part) in enumerate(parts)
        ),
        since=START,
        until=BASE,
    )


AGENTS = (
    AgentHealth(name="web7", is_silent=True, last_heard=BASE - 40, version="0.1.0", host="web7",
                files=2),
    AgentHealth(name="web1", ahead=3.2, version="0.1.0", host="ip-10-0-0-1", files=1,
                lag_bytes=1200),
    AgentHealth(name="web2", trouble="sent an invalid entry (damaged)", version="0.0.9",
                host="\x1b[31mevil", files=1),
    AgentHealth(name="web3", waits=True, version="0.1.0", host="web3", files=1),
    AgentHealth(name="web4", has_ended=True, version="0.1.0", host="web4"),
)  # fmt: skip
"""Agents in every state; one has requests."""


def answer_from(question: Question, kept: Recorded) -> Answer:
    with connect(threads=1, memory="1GB") as connection:
        return answer(question, kept, connection, map, UTC)


def snapshot_of(found: list[LogRecord], **fields: Any) -> Snapshot:
    """Return the snapshot of the last ten seconds."""
    window = [one for one in found if one.time.timestamp() >= BASE - 10]
    batch = batch_of(window)
    top = {}
    for dimension in live_dimensions():
        coded = code(batch, dimension)
        names = [coded.names[one].as_py() if one >= 0 else None for one in coded.codes.tolist()]
        counts = Counter(name for name in names if name is not None)
        top[dimension] = tuple(
            TopRow(
                name,
                hits,
                sum(one.bytes or 0 for one, of in zip(window, names, strict=True) if of == name),
                sum(one.status >= 400 for one, of in zip(window, names, strict=True) if of == name),
            )
            for name, hits in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        )
    classes = Counter(f"{one.status // 100}xx" for one in window)
    insights = Insights(
        end=BASE,
        window_seconds=10,
        hits=len(window),
        bytes=sum(one.bytes or 0 for one in window),
        visitors=len({one.host for one in window}),
        known_users=0,
        client_errors=classes["4xx"],
        server_errors=classes["5xx"],
        status_classes={name: classes[name] for name in ("1xx", "2xx", "3xx", "4xx", "5xx")},
        top={one: rows for one, rows in top.items() if rows},
        estimated=frozenset(),
    )
    values: dict[str, Any] = {
        "time": float(BASE),
        "insights": insights,
        "health": health(),
        "rates": (10.0,) * 600,
    }
    return Snapshot(**(values | fields))


@functools.lru_cache(maxsize=4)
def replay(*, is_broken: bool = False) -> State:
    """Return the state of the console on this traffic, without any answer yet."""
    firing = (OUTAGE, BUSY) if is_broken else ()
    pending = (Pending("high_traffic", None, BASE - 3),) if is_broken else ()
    alerts = Alerts(firing, (OVER,), (OVER,), pending)
    shown = snapshot_of(records(is_broken=is_broken), alerts=alerts)
    return State(context=CONTEXT, views=VIEWS, shown=shown, latest=shown)


def fleet(agents: tuple[AgentHealth, ...] = AGENTS) -> State:
    """Return the state of the view of servers, of a fleet with these agents."""
    state = replay(is_broken=True)
    assert state.shown is not None
    shown = attrs.evolve(state.shown, health=attrs.evolve(state.shown.health, agents=agents))
    number = [view.name for view in VIEWS].index("servers")
    return attrs.evolve(state, shown=shown, latest=shown, view=number)


def answered(state: State, kept: Recorded | None = None) -> State:
    """Return the state with the answers to all that it asks, as long as it asks more."""
    kept = recorded() if kept is None else kept
    for _ in range(4):  # what is shown may depend on answers
        missing = [ask for ask in asks(state) if ask not in state.answers]
        if not missing:
            return state
        for ask in missing:
            state = state.with_answer(ask, answer_of(state, ask, kept))
    return state


def answer_of(state: State, ask: Ask, kept: Recorded) -> Answered:
    question = ask.question(state.now)
    try:
        return Answered.of(question, answer_from(question, kept), 0.01)
    except GlanceMetricsError as error:
        return Answered(question, error=str(error))
