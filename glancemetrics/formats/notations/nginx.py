"""nginx's `log_format`.

Source: https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format, and for the variables
https://nginx.org/en/docs/http/ngx_http_core_module.html#variables.
"""

from __future__ import annotations

import json
import re

from glancemetrics.formats.fields import Field
from glancemetrics.formats.notations.notation import CUSTOM, NotationError, leaves
from glancemetrics.formats.pattern import Part, literal

VARIABLES = {
    "remote_addr": Field.HOST,
    "remote_user": Field.USER,
    "time_local": Field.CLF_TIME,
    "time_iso8601": Field.ISO_TIME,
    "msec": Field.EPOCH_SECONDS,
    "request": Field.REQUEST,
    "request_method": Field.METHOD,
    "request_uri": Field.TARGET,
    "uri": Field.PATH,
    "document_uri": Field.PATH,
    "args": Field.QUERY,
    "query_string": Field.QUERY,
    "server_protocol": Field.PROTOCOL,
    "status": Field.STATUS,
    "body_bytes_sent": Field.BYTES,
    "bytes_sent": Field.BYTES,
    "http_referer": Field.REFERRER,
    "http_user_agent": Field.AGENT,
    "host": Field.VHOST,
    "http_host": Field.VHOST,
    "server_name": Field.VHOST,
    "request_time": Field.SECONDS,
    "http_x_forwarded_for": Field.FORWARDED_FOR,
    "proxy_add_x_forwarded_for": Field.FORWARDED_FOR,
    "http_forwarded": Field.FORWARDED,
    "proxy_protocol_addr": Field.FORWARDED_FOR,
    "upstream_response_time": Field.UPSTREAM_SECONDS,
}
"""Other variables are ignored: modules and `map` define variables of any name."""

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_STRING = re.compile(r"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s;'"]+))""", re.DOTALL)
_STATEMENT = re.compile(r"\s*log_format\s+(\S+)(?:\s+escape=\w+)?")


def statement(text: str) -> tuple[str, str]:
    """Return the name and the format of a whole `log_format ...;`, or of a bare format."""
    head = _STATEMENT.match(text)
    if head is None:
        stripped = text.strip()
        quoted = len(stripped) > 1 and stripped[0] == stripped[-1] == "'"
        return CUSTOM, stripped[1:-1] if quoted else stripped
    at, pieces = head.end(), []
    while text[at:].strip(" \t\r\n;"):
        at = len(text) - len(text[at:].lstrip())
        string = _STRING.match(text, at)
        if string is None:
            raise NotationError("expected a quoted text, closed by a quote", at)
        single, double, bare = string.groups()
        quoted_text = single if single is not None else double
        pieces.append(bare if quoted_text is None else re.sub(r"\\(.)", _unescaped, quoted_text))
        at = string.end()
    return head[1], "".join(pieces)


def json_paths(definition: str) -> dict[Field, list[str]] | None:
    """Return the paths of variables in a JSON format; `None` for other formats."""
    if not definition.lstrip().startswith("{"):
        return None
    # Variables for numbers stand without quotes.
    quoted = re.sub(r'"?\$(?:\{(\w+)\}|(\w+))"?', r'"$\1\2"', definition)
    try:
        value = json.loads(quoted)
    except json.JSONDecodeError:
        return None
    fields: dict[Field, list[str]] = {}
    for path, text in leaves(value):
        field = VARIABLES.get(text.removeprefix("$")) if text.startswith("$") else None
        if field is not None:
            fields.setdefault(field, []).append(path)
    return fields


def parts_of(definition: str) -> list[Part]:
    """Split a definition into parts. Raises `NotationError`."""
    parts = []
    at = 0
    while at < len(definition):
        if definition[at] != "$":
            end = definition.find("$", at)
            end = len(definition) if end < 0 else end
            parts.append(literal(definition[at:end]))
            at = end
            continue
        variable = _VARIABLE.match(definition, at)
        if variable is None:
            raise NotationError("expected the name of a variable after $", at)
        name = variable[1] or variable[2]
        # nginx may try several upstreams in turn: their variables are lists.
        is_list = name.startswith("upstream_") and name not in VARIABLES
        parts.append(Part(f"${name}", VARIABLES.get(name), is_list=is_list, name=name))
        at = variable.end()
    return parts


def _unescaped(match: re.Match[str]) -> str:
    # Same as ngx_conf_read_token() in nginx's ngx_conf_file.c; not documented.
    known = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "'": "'", "\\": "\\"}
    return known.get(match[1], match[0])
