"""JSON Schemas (2020-12) of what the API sends and takes, by name."""

from __future__ import annotations

from typing import Any

from glancemetrics.health.health import AgentState, OutputState, SourceState
from glancemetrics.incidents.alert_events import AlertEventKind
from glancemetrics.rules.rule import Severity

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Refer to a schema in `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(of: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": of}


def _object(fields: Schema, *, optional: tuple[str, ...] = (), about: str = "") -> Schema:
    made: Schema = {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in optional],
    }
    return {**made, "description": about} if about else made


def _or_null(schema: Schema) -> Schema:
    kind = schema.get("type")
    if isinstance(kind, str):
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
EPOCH: Schema = {"type": "number", "description": "Seconds since 1970-01-01T00:00:00Z."}
MOMENT: Schema = {"type": "string", "format": "date-time"}
_MAYBE_EPOCH = _or_null(EPOCH)
_VALUE: Schema = {"type": ["string", "number", "boolean", "null"]}
_ROW: Schema = {"type": "object", "additionalProperties": _VALUE}
_COLUMNS: Schema = {"type": "object", "additionalProperties": array(_VALUE)}
_SEVERITY: Schema = {"type": "string", "enum": [one.value for one in Severity]}

_KNOWN = {
    "since": _or_null(MOMENT),
    "until": _or_null(MOMENT),
    "exact": {**FLAG, "description": "False: from rollups; visitors ±2 %, response times ±1 %."},
    "missing": {**_or_null(TEXT), "description": "Which part of the span is unknown, and why."},
}

INCIDENT = _object(
    {
        "incident": TEXT,
        "rule": TEXT,
        "title": TEXT,
        "severity": _SEVERITY,
        "by": _or_null(TEXT),
        "group": _or_null(TEXT),
        "headline": TEXT,
        "bound": TEXT,
        "hint": TEXT,
        "value": _or_null(NUMBER),
        "value_text": TEXT,
        "peak": _or_null(NUMBER),
        "peak_text": TEXT,
        "worst_text": {**TEXT, "description": "`peak 46 %`, or `lowest 3` with a minimum."},
        "latest": _or_null(NUMBER),
        "latest_text": TEXT,
        "threshold": _or_null(NUMBER),
        "window": COUNT,
        "triggered_at": EPOCH,
        "recovered_at": _MAYBE_EPOCH,
        "duration": _or_null(COUNT),
        "flapping": FLAG,
        "expired": FLAG,
        "cause": TEXT,
        "acknowledged_at": _MAYBE_EPOCH,
        "silenced_until": _MAYBE_EPOCH,
        "closes_at": _MAYBE_EPOCH,
    }
)

ALERTS = _object(
    {
        "firing": array(ref("Incident")),
        "ended": array(ref("Incident")),
        "pending": array(
            _object({"rule": TEXT, "title": TEXT, "group": _or_null(TEXT), "since": EPOCH})
        ),
    },
    about="Incidents, newest first, and breaches that may become some.",
)

RULE = _object(
    {
        "name": TEXT,
        "title": TEXT,
        "severity": _SEVERITY,
        "metric": TEXT,
        "where": _or_null(TEXT),
        "by": _or_null(TEXT),
        "window": COUNT,
        "min_hits": COUNT,
        "bound": TEXT,
        "threshold": NUMBER,
        "above": FLAG,
        "has_limit": FLAG,
        "is_own": FLAG,
        "chart": _or_null(
            _object(
                {
                    "measures": array(TEXT),
                    "kind": {"enum": ["value", "ratio", "per_second", "count"]},
                    "unit": TEXT,
                }
            )
        ),
        "silenced_until": _MAYBE_EPOCH,
    }
)

SILENCE = _object({"pattern": TEXT, "until": EPOCH, "why": TEXT, "rules": array(TEXT)})
NEW_SILENCE = {
    **_object(
        {
            "pattern": {**TEXT, "minLength": 1, "maxLength": 500},
            "seconds": {"type": "integer", "minimum": 1, "maximum": 31_536_000},
            "why": {**TEXT, "maxLength": 500},
        },
        optional=("why",),
    ),
    "additionalProperties": False,
}
NEW_ACKNOWLEDGEMENT = {
    **_object({"incident": {**TEXT, "minLength": 1, "maxLength": 2000}}),
    "additionalProperties": False,
}
ACKNOWLEDGEMENT = _object({"incident": TEXT, "at": EPOCH})

TAKEN_LINES = _object(
    {
        "lines": {**COUNT, "description": "Lines in the body."},
        "repeated": {
            **FLAG,
            "description": "Whether a request with the same `Idempotency-Key` was taken before.",
        },
    }
)

_SOURCE = _object(
    {
        "name": TEXT,
        "state": {"enum": [one.value for one in SourceState]},
        "detail": TEXT,
        "format": _or_null(TEXT),
        "lag_bytes": COUNT,
        "unparsed": COUNT,
        "behind": NUMBER,
        "opened": FLAG,
        "last_record": _MAYBE_EPOCH,
        "note": TEXT,
    }
)
_OFFSET: Schema = {**NUMBER, "description": "Seconds that its clock is ahead of this machine's."}
_LAST_HEARD: Schema = {
    **_MAYBE_EPOCH,
    "description": "When a silent agent was last heard of; null: not since the start, or not "
    "silent.",
}
_AGENT = _object(
    {
        "name": TEXT,
        "state": {"enum": [one.value for one in AgentState]},
        "detail": {**TEXT, "description": "What is not as it should be."},
        "last_heard": _LAST_HEARD,
        "version": TEXT,
        "host": TEXT,
        "files": COUNT,
        "lag_bytes": {**_or_null(COUNT), "description": "Null if nobody knows now."},
        "clock_offset": _OFFSET,
    }
)
_OUTPUT = _object(
    {
        "name": TEXT,
        "state": {"enum": [one.value for one in OutputState]},
        "detail": TEXT,
        "lost": COUNT,
        "restarts": COUNT,
        "waiting": COUNT,
    }
)
HEALTH = _object(
    {
        **dict.fromkeys(("lines", "records", "rejects", "foreign", "damaged", "filtered"), COUNT),
        **dict.fromkeys(("late", "early", "lag_bytes", "gaps"), COUNT),
        "delay": _or_null(NUMBER),
        "lag_seconds": _or_null(NUMBER),
        "memory": _or_null(COUNT),
        "memory_limit": _or_null(COUNT),
        "last_gap": TEXT,
        "clock": {"enum": ["wall", "log"]},
        "sources": array(_SOURCE),
        "agents": array(_AGENT),
        "outputs": array(_OUTPUT),
        "reject_samples": array({"type": "object"}),
    },
    about="What the monitor knows about itself.",
)

SNAPSHOT = _object(
    {
        "time": MOMENT,
        "window": _object({"start": MOMENT, "end": MOMENT, "seconds": COUNT}),
        "hits": COUNT,
        "hit_rate": NUMBER,
        "bytes": COUNT,
        "visitors": {**COUNT, "description": "Distinct hosts."},
        "known_users": COUNT,
        "errors": COUNT,
        "client_errors": COUNT,
        "server_errors": COUNT,
        "status_classes": {"type": "object", "additionalProperties": COUNT},
        "top": {
            "type": "object",
            "additionalProperties": array(
                _object({"name": TEXT, "hits": COUNT, "bytes": COUNT, "errors": COUNT})
            ),
        },
        "estimated": array(TEXT),
        "alerts": _object({"firing": array({"type": "object"}),
                           "recovered": array({"type": "object"})}),
        "health": ref("Health"),
    },
    about="What `--json` prints at each refresh: the last seconds of traffic.",
)  # fmt: skip

ANSWER = _object(
    {
        **_KNOWN,
        "by": array(TEXT),
        "step": _or_null(COUNT),
        "groups": COUNT,
        "records": COUNT,
        "ungrouped": COUNT,
        "grain": COUNT,
        "total": _ROW,
        "rows": array(_ROW),
    },
    about="As `glancemetrics query --json` prints it.",
)
RECORDS = _object(
    {
        **_KNOWN,
        "rows": array(_ROW),
        "next": {**_or_null(TEXT), "description": "The next page, relative to this one."},
    }
)
_SERVER = _object(
    {
        "server": TEXT,
        "state": {
            "enum": [*(one.value for one in AgentState), None],
            "description": "What its agent is doing; null, as all of its agent: it has none.",
        },
        "detail": {**TEXT, "description": "Why what its agent sends is not counted."},
        "last_heard": _LAST_HEARD,
        "hits": COUNT,
        "rate": {**NUMBER, "description": "Requests per second."},
        "5xx": COUNT,
        "4xx": COUNT,
        "p95": {**_or_null(NUMBER), "description": "Seconds; null without response times."},
        "lag_bytes": {**_or_null(COUNT), "description": "Bytes that its agent has not sent."},
        "clock_offset": _or_null(_OFFSET),
        "version": _or_null(TEXT),
        "host": {**_or_null(TEXT), "description": "The name of its machine."},
        "files": {**_or_null(COUNT), "description": "Number of logs that its agent follows."},
    }
)
SERVERS = _object(
    {
        **_KNOWN,
        "version": {**TEXT, "description": "The version of the hub."},
        "rows": array(_SERVER),
    },
    about="Trouble first, then most requests. Agents are here without requests, too.",
)
SERIES = _object(
    {
        "columns": _COLUMNS,
        "total": _ROW,
        "step": _or_null(COUNT),
        "groups": COUNT,
        "since": _MAYBE_EPOCH,
        "until": _MAYBE_EPOCH,
        "known": {
            **COUNT,
            "description": "Seconds of it, without those of which nothing was read.",
        },
        "unread": {
            **array({**array(EPOCH), "minItems": 2, "maxItems": 2}),
            "description": "Those parts: from a second on, and before another.",
        },
        "grain": COUNT,
        "exact": FLAG,
        "missing": _or_null(TEXT),
    },
    about="One array a column, of the same length; null: nothing is known of that step.",
)
DIMENSIONS = _object(
    {
        "dimensions": array(_object({"name": TEXT, "title": TEXT, "live": FLAG})),
        "measures": array(TEXT),
        "kept": array(TEXT),
    }
)
FILTER = _object(
    {
        "where": {**TEXT, "description": "The condition that was meant."},
        "problem": {**TEXT, "description": "Why it is none, in a sentence; empty if it is one."},
    }
)
VALUES = _object({"values": array(_object({"value": TEXT, "hits": COUNT}))})
RAW_LINE = _object({"line": TEXT, "missing": TEXT})
RECORD = {
    **_object({"record": {"type": "object", "additionalProperties": _VALUE}}),
    "additionalProperties": False,
}
PROBLEM = _object(
    {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT},
    about="RFC 9457.",
)
ALERT_EVENT = _object(
    {
        "time": MOMENT,
        "event": {"enum": [one.value for one in AlertEventKind]},
        "message": TEXT,
    },
    about="A line of the alert log; with rule, incident, severity and values where there is one.",
)

SCHEMAS: dict[str, Schema] = {
    "AlertEvent": ALERT_EVENT,
    "Acknowledgement": ACKNOWLEDGEMENT,
    "Alerts": ALERTS,
    "Answer": ANSWER,
    "Dimensions": DIMENSIONS,
    "Filter": FILTER,
    "Health": HEALTH,
    "Incident": INCIDENT,
    "NewAcknowledgement": NEW_ACKNOWLEDGEMENT,
    "NewSilence": NEW_SILENCE,
    "Problem": PROBLEM,
    "RawLine": RAW_LINE,
    "Record": RECORD,
    "Records": RECORDS,
    "Rule": RULE,
    "Rules": _object({"rules": array(ref("Rule"))}),
    "Series": SERIES,
    "Servers": SERVERS,
    "Silence": SILENCE,
    "Silences": _object({"silences": array(ref("Silence"))}),
    "Snapshot": SNAPSHOT,
    "TakenLines": TAKEN_LINES,
    "Values": VALUES,
}
