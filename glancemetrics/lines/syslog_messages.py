r"""Syslog messages in bytes: where each one ends in a stream, and what its header says.

Sources: RFC 6587 sections 3.4.1 (octet counting) and 3.4.2 (newlines), RFC 5425 section 4.3 (TLS),
RFC 5426 section 3.1 (datagrams), RFC 3164 section 4.1 and RFC 5424 section 6 (headers).

Every byte may come from anybody: nothing here raises, and whatever is held is limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from glancemetrics.lines.splitter import LINE_LIMIT, OVERLONG_SAMPLE

MOST_COUNTED = 16 << 20
"""Bytes of a counted message that are skipped if it is too long. A larger count is not a count: it
would make everything after it disappear."""

_TRAILERS = b"\r\n\0"
_FIRST_DIGIT, _LAST_DIGIT = ord("1"), ord("9")
_COUNT = re.compile(rb"([1-9]\d{0,7}) ")
_SURE_COUNT = re.compile(rb"([1-9]\d{0,7}) (?=<\d{1,3}>)")
_UNFINISHED_COUNT = re.compile(rb"[1-9]\d{0,7}(?: (?:<\d{0,3})?)?")
_LONGEST_UNFINISHED = len(b"12345678 <191")
_END_WITH_NUL = re.compile(rb"[\n\0]")


@attrs.frozen
class Messages:
    """Messages found in a stream or in datagrams."""

    whole: list[bytes]
    """Messages without their end, none of them empty or with a newline inside."""
    overlong: list[bytes]
    """The beginnings of messages that were too long to keep."""


def as_line(message: bytes) -> bytes:
    r"""Return a message as one line without its newline; a newline inside becomes `\n`."""
    message = message.rstrip(_TRAILERS)
    return message.replace(b"\n", rb"\n") if b"\n" in message else message


def messages_of(datagrams: Iterable[bytes]) -> Messages:
    """Return the messages of datagrams, each of which holds one (RFC 5426, section 3.1)."""
    lines = [as_line(datagram) for datagram in datagrams]
    return Messages([line for line in lines if line], [])


class SyslogFraming:
    """Finds messages in one stream of bytes, however it is cut into pieces.

    RFC 6587 has two ways to end a message, and no way to tell which is used. Here a message is
    counted if it begins with a number, a space and a priority (`57 <190>`), as all counted syslog
    does. What is no syslog at all may be counted too: `57 {...}` is, if the message before it was;
    as the first one, it is if 57 bytes arrive before a newline. Everything else ends at a newline,
    also after an invalid count.
    """

    def __init__(self, *, nul_ends: bool = False, limit: int = LINE_LIMIT) -> None:
        """`nul_ends`: NUL ends a message too, as glibc's syslog(3) does on a local stream.

        `limit` is the most bytes of a message.
        """
        self._nul_ends = nul_ends
        self._limit = limit
        self._was_counted: bool | None = None
        """Whether the last message was counted; `None` before the first."""
        self._held = bytearray()
        self._need = 0
        """Bytes from which the held ones are looked at again."""
        self._end_helps = False
        """Whether they are also looked at when a newline arrives."""
        self._skipped_bytes = 0
        """Bytes left of an overlong counted message."""
        self._skips_line = False
        """Whether the rest of an overlong line is skipped."""

    @property
    def held(self) -> int:
        """Bytes that are held of an incomplete message."""
        return len(self._held)

    def feed(self, piece: bytes) -> Messages:
        """Take the next bytes of the stream; returns the messages that they complete."""
        found = Messages([], [])
        if self._skipped_bytes or self._skips_line:
            piece = self._rest_of_skipped(piece)
        if not piece:
            return found
        if self._held:
            is_enough = len(self._held) + len(piece) >= self._need
            if not is_enough and not (self._end_helps and self._has_end(piece)):
                self._held += piece
                return found
            piece = bytes(self._held) + piece
            self._held = bytearray()
        at = 0
        while 0 <= at < len(piece):
            at = self._take(piece, at, found)
        return found

    def end(self) -> Messages:
        """Return the incomplete message at the end of the stream."""
        found = Messages([], [])
        count = _SURE_COUNT.match(self._held)
        line = as_line(bytes(self._held[count.end() if count else 0 :]))
        if line:
            found.whole.append(line)
        self._held = bytearray()
        self._skipped_bytes, self._skips_line = 0, False
        return found

    def _take(self, piece: bytes, at: int, found: Messages) -> int:
        """Take the message at an offset; returns that of the next, or -1 if it is incomplete."""
        if _FIRST_DIGIT <= piece[at] <= _LAST_DIGIT:
            count = _SURE_COUNT.match(piece, at)
            if count is not None:
                return self._take_counted(piece, at, int(count[1]), count.end(), found)
            left = len(piece) - at
            if left <= _LONGEST_UNFINISHED and _UNFINISHED_COUNT.fullmatch(piece, at):
                return self._hold(piece, at, left + 1, end_helps=False)
            count = _COUNT.match(piece, at) if self._was_counted is not False else None
            if count is not None:
                size, start = int(count[1]), count.end()
                if self._was_counted:
                    return self._take_counted(piece, at, size, start, found)
                end = self._end(piece, at)
                is_line = size > self._limit or 0 <= end < start + size - 1
                if not is_line and len(piece) < start + size:
                    return self._hold(piece, at, start - at + size, end_helps=True)
                if not is_line:
                    return self._take_counted(piece, at, size, start, found)
        return self._take_line(piece, at, found)

    def _take_counted(self, piece: bytes, at: int, size: int, start: int, found: Messages) -> int:
        if size > MOST_COUNTED:
            return self._take_line(piece, at, found)
        available = len(piece) - start
        if size > self._limit:
            if available < OVERLONG_SAMPLE:
                return self._hold(piece, at, start - at + OVERLONG_SAMPLE, end_helps=False)
            found.overlong.append(piece[start : start + OVERLONG_SAMPLE])
            self._skipped_bytes = max(0, size - available)
        elif available < size:
            return self._hold(piece, at, start - at + size, end_helps=False)
        else:
            self._append(piece[start : start + size], found)
        self._was_counted = True
        return start + size

    def _take_line(self, piece: bytes, at: int, found: Messages) -> int:
        end = self._end(piece, at)
        if end < 0:
            if len(piece) - at <= self._limit:
                return self._hold(piece, at, self._limit + 1, end_helps=True)
            found.overlong.append(piece[at : at + OVERLONG_SAMPLE])
            self._skips_line = True
            end = len(piece)
        elif end - at > self._limit:
            found.overlong.append(piece[at : at + OVERLONG_SAMPLE])
        elif end > at:
            self._append(piece[at:end], found)
        else:
            return end + 1  # some senders end a counted message with a newline all the same
        self._was_counted = False
        return end + 1

    def _append(self, message: bytes, found: Messages) -> None:
        line = as_line(message)
        if len(line) > self._limit:  # by the newlines inside
            found.overlong.append(line[:OVERLONG_SAMPLE])
        elif line:
            found.whole.append(line)

    def _hold(self, piece: bytes, at: int, need: int, *, end_helps: bool) -> int:
        self._held = bytearray(memoryview(piece)[at:])
        self._need, self._end_helps = need, end_helps
        return -1

    def _end(self, piece: bytes, at: int) -> int:
        """Return the offset of the next end of a line; -1 if there is none."""
        if not self._nul_ends:
            return piece.find(b"\n", at)
        found = _END_WITH_NUL.search(piece, at)
        return -1 if found is None else found.start()

    def _has_end(self, piece: bytes) -> bool:
        return self._end(piece, 0) >= 0

    def _rest_of_skipped(self, piece: bytes) -> bytes:
        """Return what follows an overlong message."""
        if self._skips_line:
            end = self._end(piece, 0)
            if end < 0:
                return b""
            self._skips_line = False
            return piece[end + 1 :]
        rest = piece[self._skipped_bytes :]
        self._skipped_bytes = max(0, self._skipped_bytes - len(piece))
        return rest


_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_BSD_TIME = _MONTH + rb" [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,6})?"
_ISO_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_HEADER = re.compile(
    rb"(?:<\d{1,3}> ?)?(?:"
    # RFC 5424: version, time, host, program, process, message id, structured data
    rb"1 (?:-|" + _ISO_TIME + rb") ([!-~]{1,255}) ([!-~]{1,48}) [!-~]{1,128} [!-~]{1,32} [-\[]"
    # RFC 3164: time, host, program and process. A first word is a host only if a program follows,
    # or JSON: HAProxy's "timed" format has a client and its port there.
    rb"|(?:" + _BSD_TIME + rb"|(" + _ISO_TIME + rb")) +"
    rb'(?:([^ "{\[]{0,254}[^ :"{\[]) +)?'
    rb'(?:([^ :\[\]"{]{1,64})(?:\[[^\] ]{0,64}\])?:(?: |$|(?=\{))|(?=\{))'
    rb")"
)
_BARE_PRIORITY = re.compile(rb"<\d{1,3}> ?")
_HOST = re.compile(rb"[!-.0-~]{1,255}")
_PROGRAM = re.compile(rb"[!-~]{1,64}")
_NO_HOST = (b"-", b"localhost", b"127.0.0.1", b"::1")
"""What a machine calls itself that does not know its name."""

Groups = tuple[bytes | None, bytes | None, bytes | None, bytes | None]
"""Host and program of RFC 5424, host and program of RFC 3164; `None` where there is none."""
_NO_HEADER: Groups = (None, None, None, None)


def opened(message: bytes) -> tuple[Groups, bytes]:
    """Return what the header of a message says of its sender, and the line to parse.

    Of RFC 3164 the line is what follows the header: its time has no year and no zone, so it is of
    no use, and removing it later costs ten times as much as parsing the rest. The ISO time that
    rsyslog writes instead stays before the line. RFC 5424 stays as it is: its times are needed by
    lines without one, and the parser removes its header fast.
    """
    found = _HEADER.match(message)
    if found is None:
        return _NO_HEADER, _without_bare_priority(message)
    host_5424, program_5424, time, host, program = found.groups()
    groups = host_5424, program_5424, host, program
    if host_5424 is not None:
        return groups, message
    line = message[found.end() :] or message
    return groups, line if time is None else time + b" " + line


@attrs.frozen
class Sender:
    """Who sent a message, as its header says; printable ASCII only."""

    host: str = ""
    """At most 255 characters without a slash; empty: unknown."""
    program: str = ""
    """At most 64 characters; empty: unknown."""

    @classmethod
    def of(cls, groups: Groups) -> Sender:
        """Return the sender that a header names."""
        host, program = groups[0] or groups[2] or b"-", groups[1] or groups[3] or b"-"
        is_host = host not in _NO_HOST and _HOST.fullmatch(host)
        is_program = program != b"-" and _PROGRAM.fullmatch(program)
        return cls(host.decode() if is_host else "", program.decode() if is_program else "")


def _without_bare_priority(message: bytes) -> bytes:
    """Remove a priority that no other header follows, as HAProxy's "short" and "priority" have.

    Source: https://docs.haproxy.org/3.0/configuration.html#4.2-log
    """
    if not message.startswith(b"<"):
        return message
    found = _BARE_PRIORITY.match(message)
    return message if found is None else message[found.end() :] or message
