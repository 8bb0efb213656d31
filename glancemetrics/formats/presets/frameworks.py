"""Formats of application servers and development servers."""

from __future__ import annotations

from glancemetrics.formats.fields import Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.pattern import WORD, Part, PatternFormat, literal
from glancemetrics.formats.presets.preset import Preset

_COLOUR = Part("colour", pattern=r"(?:\x1b\[[0-9;]*m)*")
_NUMBER = Part("a number", pattern=r"\d+")
_METHOD = Part("method", Field.METHOD, pattern="[A-Z]+")
_TARGET = Part("request target", Field.TARGET, pattern=WORD)
_RAW_REQUEST = Part("request line", Field.REQUEST, pattern=".*?")
_REQUEST_TIME = Part(
    "a time such as 17/May/2015 10:05:03",
    Field.FORMATTED_TIME,
    pattern=r"\d\d/[A-Z][a-z]{2}/\d{4} \d\d:\d\d:\d\d",
    strftime="%d/%b/%Y %H:%M:%S",
)
_CTIME = Part(
    "a time such as Sun May 17 10:05:03 2015",
    Field.FORMATTED_TIME,
    pattern=r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}",
    strftime="%a %b %d %H:%M:%S %Y",
)


def _uwsgi() -> tuple[LogFormat, ...]:
    def made(user: tuple[Part, ...], unit: str, field: Field) -> PatternFormat:
        return PatternFormat(
            "uwsgi",
            [
                *(literal("[pid: "), _NUMBER, literal("|app: "), Part("an application")),
                *(literal("|req: "), _NUMBER, literal("/"), _NUMBER, literal("] ")),
                *(Part("host", Field.HOST, pattern=WORD), *user),
                *(_NUMBER, literal(" vars in "), _NUMBER, literal(" bytes} ["), _CTIME),
                *(
                    literal("] "),
                    _METHOD,
                    literal(" "),
                    Part("target", Field.TARGET, pattern=".*?"),
                ),
                *(literal(" => generated "), Part("size", Field.BYTES), literal(" bytes in ")),
                *(Part("duration", field), literal(f" {unit} (")),
                *(Part("protocol", Field.PROTOCOL, pattern=WORD), literal(" ")),
                *(Part("status", Field.STATUS), literal(") "), Part("the rest of the line")),
            ],
        )

    anonymous = (literal(" () {"),)
    authenticated = (literal(" ("), Part("user", Field.USER, pattern="[^)]+"), literal(") {"))
    units = (("msecs", Field.MILLISECONDS), ("micros", Field.MICROSECONDS))
    return tuple(made(user, *unit) for user in (anonymous, authenticated) for unit in units)


def _django() -> tuple[LogFormat, ...]:
    parts = [
        *(_COLOUR, literal("["), _REQUEST_TIME, literal('] "'), _COLOUR, _RAW_REQUEST),
        *(_COLOUR, literal('" '), Part("status", Field.STATUS), literal(" ")),
        *(Part("size", Field.BYTES), _COLOUR),
    ]
    return (PatternFormat("django", parts),)


def _werkzeug() -> tuple[LogFormat, ...]:
    parts = [
        Part("the name of a logger", pattern="(?:INFO:werkzeug:)?"),
        *(Part("host", Field.HOST, pattern=WORD), literal(" - - ["), _REQUEST_TIME),
        *(literal('] "'), _COLOUR, _RAW_REQUEST, _COLOUR, literal('" ')),
        *(Part("status", Field.STATUS), literal(" "), Part("size", Field.BYTES)),
    ]
    return (PatternFormat("werkzeug", parts),)


def _morgan() -> tuple[LogFormat, ...]:
    took = Part("duration", Field.MILLISECONDS, pattern=r"\d+(?:\.\d+)?|-")
    status, size = Part("status", Field.STATUS), Part("size", Field.BYTES)
    request = (_METHOD, literal(" "), _TARGET, literal(" "))
    dev = [
        *(_COLOUR, *request, _COLOUR, status, _COLOUR, literal(" "), _COLOUR, took),
        *(literal(" ms - "), size, _COLOUR),
    ]
    tiny = [*request, status, literal(" "), size, literal(" - "), took, literal(" ms")]
    short = [
        *(
            Part("host", Field.HOST, pattern=WORD),
            literal(" "),
            Part("user", Field.USER, pattern=WORD),
        ),
        *(literal(" "), *request, Part("protocol", Field.PROTOCOL, pattern=r"HTTP/\d(?:\.\d)?")),
        *(literal(" "), status, literal(" "), size, literal(" - "), took, literal(" ms")),
    ]
    return tuple(PatternFormat("morgan", parts) for parts in (dev, tiny, short))


def _tomcat_json() -> tuple[LogFormat, ...]:
    headers = "requestHeaders"
    return (
        JsonFormat(
            "tomcat-json",
            {
                Field.BRACKETED_TIME: "time",
                Field.HOST_OR_PORT: ("remoteAddr", "host"),
                Field.FORWARDED_FOR: f"{headers}/X-Forwarded-For",
                Field.IDENTITY: "logicalUserName",
                Field.USER: "user",
                Field.REQUEST: "request",
                Field.METHOD: "method",
                Field.TARGET: "path",
                Field.LOOSE_QUERY: "query",
                Field.PROTOCOL: "protocol",
                Field.STATUS: "statusCode",
                Field.BYTES: ("size", "byteSentNC"),
                Field.REFERRER: (f"{headers}/Referer", f"{headers}/referer"),
                Field.AGENT: (f"{headers}/User-Agent", f"{headers}/user-agent"),
                Field.VHOST: (f"{headers}/Host", f"{headers}/host", "localServerName"),
                Field.MILLISECONDS: "elapsedTime",
                Field.SECONDS: "elapsedTimeS",
            },
            requires={"time": r"^\[", "statusCode": ""},
        ),
    )


FRAMEWORKS = (
    Preset(
        "tomcat-json",
        "Tomcat's JSON access valve",
        "https://tomcat.apache.org/tomcat-9.0-doc/config/valve.html#JSON_Access_Log_Valve",
        '<Valve className="org.apache.catalina.valves.JsonAccessLogValve"\n'
        '       pattern="%h %l %u %t &quot;%r&quot; %s %b %D" />',
        '{"host":"192.0.2.7","logicalUserName":"-","user":"alice",'
        '"time":"[17/May/2015:10:05:03 +0000]","request":"GET /a?b=c HTTP/1.1",'
        '"statusCode":"200","size":"512","elapsedTime":"12"}',
        _tomcat_json,
        is_shared=True,
        notes="`elapsedTime` is read as milliseconds (Tomcat up to 9). From Tomcat 10 on, `%D` is "
        "in microseconds, which cannot be detected: use `%T` instead.",
    ),
    Preset(
        "uwsgi",
        "uWSGI by default",
        "https://uwsgi-docs.readthedocs.io/en/latest/LogFormat.html#uwsgi-default-logging",
        "uwsgi --http :8080 --wsgi-file app.py",
        "[pid: 17|app: 0|req: 1/1] 192.0.2.7 () {38 vars in 696 bytes} [Sun May 17 10:05:03 2015] "
        "GET /a?b=c => generated 512 bytes in 12 msecs (HTTP/1.1 200) 9 headers in 378 bytes "
        "(1 switches on core 3)",
        _uwsgi,
        is_shared=True,
        notes="Times have no zone: they are local time, or in `--log-timezone`.",
    ),
    Preset(
        "django",
        "Django's runserver",
        "https://docs.djangoproject.com/en/stable/ref/logging/#django-server",
        "python manage.py runserver",
        '[17/May/2015 10:05:03] "GET /a?b=c HTTP/1.1" 200 512',
        _django,
        is_shared=True,
        notes="The client is not logged. Times have no zone: they are local time, or in "
        "`--log-timezone`.",
    ),
    Preset(
        "werkzeug",
        "Werkzeug (Flask's server), and Python's http.server",
        "https://werkzeug.palletsprojects.com/en/stable/serving/",
        "flask run",
        '192.0.2.7 - - [17/May/2015 10:05:03] "GET /a?b=c HTTP/1.1" 200 512',
        _werkzeug,
        is_shared=True,
        notes="Colours and the prefix of Python's logging are removed. Times have no zone: they "
        "are local time, or in `--log-timezone`.",
    ),
    Preset(
        "morgan",
        "morgan for Node.js: dev, tiny and short",
        "https://github.com/expressjs/morgan#predefined-formats",
        "app.use(morgan('dev'))",
        "GET /a?b=c 200 12.250 ms - 512",
        _morgan,
        is_shared=True,
        notes="With or without colours. Lines have no time: the envelope's counts (Docker, "
        "Kubernetes, journald), or else the arrival time. In existing files such lines are "
        "rejected. morgan's `combined` and `common` are Apache's.",
    ),
)
