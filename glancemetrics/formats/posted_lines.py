"""Lines in the bodies of HTTP requests, by the server that wrote them.

A body is plain text, or a sequence of JSON values: an array, one value per line, or one after the
other (RFC 8259; https://github.com/ndjson/ndjson-spec). Each value becomes one line as it was sent,
so that a log in JSON stays one, and the format takes off what a shipper put around its lines.

Sources: https://vector.dev/docs/reference/configuration/sinks/http/;
https://docs.fluentbit.io/manual/pipeline/outputs/http.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Iterator

import attrs
import pyarrow as pa

from glancemetrics.formats.envelopes import names_of_servers
from glancemetrics.lines.splitter import LINE_LIMIT, Lines, without_overlong

_STEP = 1 << 17
_WINDOW = LINE_LIMIT + _STEP
"""Characters that are looked at for one JSON value, which is refused if it does not end there. To
decode one holds up all other threads, for 30 ms at most."""
_SPACE = " \t\n\r"
_ANY_SPACE = re.compile(f"[{_SPACE}]*")
_LINES_AT_A_TIME = 2000
MOST_SERVERS = 1000
"""Servers in one body; the lines of further ones are of the sender."""
MOST_NAME = 253
"""Characters of a server's name (RFC 1035, section 2.3.4, as text)."""


class BodyKind(enum.Enum):
    """What a body holds."""

    TEXT = "text"
    LINES_OF_JSON = "lines of JSON"
    JSON = "JSON"


class NotLinesError(ValueError):
    """A body is not what its media type says; the text says why, for people."""


@attrs.frozen
class ServerLines:
    """Lines of one server."""

    server: str
    lines: bytes
    """Whole lines, each ended by a newline."""
    overlong: tuple[bytes, ...] = ()
    """The beginnings of lines that were too long to keep."""

    @property
    def count(self) -> int:
        """How many lines there are, with those that are too long."""
        return self.lines.count(b"\n") + len(self.overlong)


def posted_lines(
    body: bytes, kind: BodyKind, server: str, may_be: Callable[[str], bool] | None = None
) -> tuple[ServerLines, ...]:
    """Return the lines of a body by server, in the order of their first lines.

    They are of `server`, unless they are objects of a shipper that name another one and `may_be`
    allows that name. Raises `NotLinesError`; text never does.
    """
    lines = _json_lines(body) if kind is BodyKind.JSON else body
    if lines and not lines.endswith(b"\n"):
        lines += b"\n"
    found = without_overlong(lines)
    if kind is BodyKind.TEXT or may_be is None or not found.whole:
        return (ServerLines(server, found.whole, found.overlong),) if found else ()
    return tuple(_by_server(found, server, may_be))


def is_server_name(text: str) -> bool:
    """Tell whether a text can be the name of a server: short, visible, in one word."""
    return 0 < len(text) <= MOST_NAME and text.isprintable() and not any(map(str.isspace, text))


def _by_server(found: Lines, own: str, may_be: Callable[[str], bool]) -> Iterator[ServerLines]:
    lines = [line + b"\n" for line in found.whole.split(b"\n")[:-1]]
    by_server: dict[str, list[bytes]] = {}
    allowed: dict[str, str] = {"": own}
    for start in range(0, len(lines), _LINES_AT_A_TIME):
        some = lines[start : start + _LINES_AT_A_TIME]
        texts = pa.array([line.decode("utf-8", "replace") for line in some], pa.string())
        for line, name in zip(some, names_of_servers(texts), strict=True):
            server = allowed.get(name)
            if server is None:
                has_room = len(by_server) < MOST_SERVERS
                is_allowed = has_room and is_server_name(name) and may_be(name)
                server = allowed[name] = name if is_allowed else own
            by_server.setdefault(server, []).append(line)
    if found.overlong:
        by_server.setdefault(own, [])
    for server, of_server in by_server.items():
        yield ServerLines(server, b"".join(of_server), found.overlong if server == own else ())


def _json_lines(body: bytes) -> bytes:
    """Return each value of a sequence or an array of JSON values as a line."""
    # What is not UTF-8 stays as it is.
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff").strip(_SPACE)
    is_array = text.startswith("[")
    lines: list[bytes] = []
    base, window, at = 0, text[:_WINDOW], 1 if is_array else 0
    needs_comma = False
    while True:
        at = _end_of_space(window, at)
        if at > _STEP or at == len(window):
            base, at = base + at, 0
            window = text[base : base + _WINDOW]
        if not window:
            break
        if is_array and window[at] == "]":
            if base + at + 1 < len(text):
                raise NotLinesError("the JSON array is followed by something else")
            is_array = False
            break
        if needs_comma:
            if window[at] != ",":
                raise NotLinesError("the body is not JSON: a comma is missing")
            at, needs_comma = at + 1, False
            continue
        value, end = _value(window, at, is_last=base + len(window) == len(text))
        lines.append(_line(value, window[at:end]))
        at, needs_comma = end, is_array
    if is_array:
        raise NotLinesError("the JSON array has no end")
    return b"".join(lines)


def _end_of_space(text: str, at: int) -> int:
    found = _ANY_SPACE.match(text, at)
    return at if found is None else found.end()


def _value(window: str, at: int, *, is_last: bool) -> tuple[object, int]:
    try:
        value, end = _DECODER.raw_decode(window, at)
        if is_last or end < len(window) or window[at] in '{["':
            return value, end
        raise NotLinesError("the body is not JSON: a number is too long")  # it may go on
    except NotLinesError:
        raise
    except RecursionError:
        raise NotLinesError("the body is not JSON: too many levels") from None
    except ValueError:
        if is_last:
            raise NotLinesError("the body is not JSON") from None
        limit = f"{LINE_LIMIT >> 20} MiB"
        raise NotLinesError(f"the body is not JSON, or a value is over {limit}") from None


_DECODER = json.JSONDecoder()


def _line(value: object, text: str) -> bytes:
    if isinstance(value, str):  # a line as it is
        text = value.removesuffix("\n").replace("\n", r"\n")
    elif "\n" in text or "\r" in text:  # between values only: inside of texts they are escaped
        text = text.replace("\n", " ").replace("\r", " ")
    try:
        return text.encode("utf-8", "surrogateescape") + b"\n"
    except UnicodeEncodeError:  # halves of characters, as JSON may write them
        return text.encode("utf-8", "surrogatepass") + b"\n"
