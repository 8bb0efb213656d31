"""Formats of names and values."""

from __future__ import annotations

from glancemetrics.formats.fields import Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.pairs import LOGFMT_LINE, LTSV_LINE, PairsFormat, from_logfmt, from_ltsv
from glancemetrics.formats.presets.any_json import usual_names
from glancemetrics.formats.presets.preset import Preset

_MARKS = ((Field.STATUS,), (Field.REQUEST, Field.TARGET))
_LTSV_NOTATION = "label:value separated by tabs"
_LOGFMT_NOTATION = "name=value separated by spaces"


def _ltsv() -> tuple[LogFormat, ...]:
    names = usual_names()
    # In LTSV `host` is the client, unless another label is.
    names[Field.HOST_OR_PORT] += ("host",)
    names[Field.VHOST] = tuple(name for name in names[Field.VHOST] if name != "host")
    names[Field.FORWARDED_FOR] += ("forwardedfor",)
    names[Field.IDENTITY] = ("ident",)
    names[Field.MICROSECONDS] += ("reqtime_microsec",)
    names[Field.UPSTREAM_SECONDS] += ("apptime", "upstream_apptime")
    return (
        PairsFormat(
            JsonFormat("ltsv", names, marks=_MARKS), from_ltsv, _LTSV_NOTATION, b":", LTSV_LINE
        ),
    )


def _logfmt() -> tuple[LogFormat, ...]:
    objects = JsonFormat("logfmt", usual_names(), marks=_MARKS)
    return (PairsFormat(objects, from_logfmt, _LOGFMT_NOTATION, b"=", LOGFMT_LINE),)


def _heroku() -> tuple[LogFormat, ...]:
    objects = JsonFormat(
        "heroku",
        {
            Field.FORWARDED_FOR: "fwd",
            Field.METHOD: "method",
            Field.TARGET: "path",
            Field.PROTOCOL: "http_version",
            Field.STATUS: "status",
            Field.BYTES: "bytes",
            Field.VHOST: "host",
            Field.CONNECT_DURATION: "connect",
            Field.DURATION: "service",
        },
        requires={"method": ".", "path": ".", "dyno": "", "service": ""},
    )
    return (PairsFormat(objects, from_logfmt, _LOGFMT_NOTATION, b"=", LOGFMT_LINE),)


def _lograge() -> tuple[LogFormat, ...]:
    names: dict[Field, str | tuple[str, ...]] = {
        Field.HOST_OR_PORT: ("remote_ip", "ip", "client_ip", "remote_addr"),
        Field.USER: ("user", "user_id"),
        Field.METHOD: "method",
        Field.TARGET: "path",
        Field.STATUS: "status",
        Field.VHOST: "host",
        Field.AGENT: ("user_agent", "ua"),
        Field.MILLISECONDS: "duration",
    }
    requires = {"method": ".", "path": ".", "controller": "", "action": "", "status": ""}
    timed = {**names, Field.TIME: ("time", "timestamp", "ts", "@timestamp")}
    return tuple(
        PairsFormat(objects, from_logfmt, _LOGFMT_NOTATION, b"=", LOGFMT_LINE)
        for objects in (
            JsonFormat("lograge", names, requires, excludes={"time": "", "timestamp": ""}),
            JsonFormat("lograge", timed, requires),
        )
    )


PAIRS = (
    Preset(
        "ltsv",
        "labeled tab-separated values",
        "http://ltsv.org/",
        "log_format ltsv 'time:$time_local\\thost:$remote_addr\\treq:$request\\tstatus:$status'\n"
        "                '\\tsize:$body_bytes_sent\\treferer:$http_referer\\tua:$http_user_agent'\n"
        "                '\\treqtime:$request_time\\tvhost:$host';",
        "time:17/May/2015:10:05:03 +0000\thost:192.0.2.7\treq:GET /a?b=c HTTP/1.1\tstatus:200\t"
        "size:512\treferer:-\tua:curl/8.5.0\treqtime:0.012\tvhost:example.com",
        _ltsv,
        notes="Labels may be those of ltsv.org, or any name known from JSON. `host` is the client.",
    ),
    Preset(
        "heroku",
        "Heroku's router",
        "https://devcenter.heroku.com/articles/http-routing#heroku-router-log-format",
        "heroku drains:add https://...",
        "at=info method=GET "
        'path="/a?b=c" host=example.herokuapp.com request_id=f00d fwd="192.0.2.7" dyno=web.1 '
        "connect=1ms service=11ms status=200 bytes=512 protocol=https",
        _heroku,
        is_shared=True,
        notes="`duration` is the sum of `connect` and `service`. The time is that of the syslog "
        "prefix, or the arrival time. The last address of `fwd` connected to the router. Lines of "
        "dynos are foreign.",
    ),
    Preset(
        "lograge",
        "lograge: Ruby on Rails on one line",
        "https://github.com/roidrage/lograge#readme",
        "config.lograge.enabled = true",
        "method=GET path=/a?b=c format=html "
        "controller=HomeController action=index status=200 duration=12.00 view=8.20 db=1.31",
        _lograge,
        is_shared=True,
        notes="Time and client are only logged if configured. Without a time, the envelope's "
        "counts, or else the arrival time. `duration` is in milliseconds.",
    ),
    Preset(
        "logfmt",
        "logfmt, as Go's log/slog and others write it",
        "https://pkg.go.dev/log/slog#TextHandler",
        "slog.New(slog.NewTextHandler(os.Stdout, nil))",
        "time=2015-05-17T10:05:03.250Z level=INFO msg=request method=GET path=/a?b=c status=200 "
        "bytes=512 duration=12ms remote_addr=192.0.2.7:50112",
        _logfmt,
        is_shared=True,
        notes="Names may be any name known from JSON. Durations need a unit in the name or in the "
        "value.",
    ),
)
