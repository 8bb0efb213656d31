"""The hash chain of the alert log: each line has a number and the hash of the line before.

So no line can be removed, changed or moved without notice, as long as the lines after it remain.
Changes to the very end are found by the head: number and hash of the last line, in a separate file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, TypeGuard

import attrs

_NOTHING = "0" * 64
_HEAD = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")
LONGEST_LINE = 1 << 18
"""Bytes: more than any two events have."""
_MOST_NUMBER = 10**18
"""More lines than anybody has written."""


@attrs.frozen
class Link:
    """The end of a chain so far."""

    seq: int = 0
    """Number of the last numbered line."""
    hash: str = _NOTHING
    """SHA-256 of the last line, without its newline, in hexadecimal."""
    cut: bool = False
    """Whether a crash cut the last line short."""


@attrs.frozen
class Head:
    """The last line written, according to the file beside the log."""

    seq: int
    hash: str
    """SHA-256 of the line, as in `Link`."""

    def to_bytes(self) -> bytes:
        """Return the file's content, always of the same length: it can be replaced in place."""
        return b"%020d %s\n" % (self.seq, self.hash.encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> Head | None:
        """Parse the file's content; `None` if it is invalid."""
        found = _HEAD.fullmatch(data)
        return None if found is None else cls(int(found[1]), found[2].decode())


@attrs.frozen
class Line:
    """A line of an alert log, and where it stands."""

    file: str
    number: int
    """From 1."""
    text: bytes
    """Without the newline."""
    ended: bool = True
    """Whether it ends with a newline."""


@attrs.frozen
class Verdict:
    """The result of verifying a chain."""

    events: int = 0
    """Numbered lines."""
    first: int = 0
    """Number of the first of them; earlier ones are gone, for example with deleted old files."""
    last: Link = Link()
    unsealed: int = 0
    """Lines before it without numbers, written by an earlier version."""
    cuts: int = 0
    """Lines cut short by a crash."""
    broken: str | None = None
    """The first place where it is not as it was written, and what is wrong."""
    is_beyond: bool = False
    """Whether its last line is newer than the head: after a crash in between, or when added."""


def sealed(event: dict[str, object], after: Link) -> str:
    """Return the next line of a chain."""
    cut = {"cut": True} if after.cut else {}
    return json.dumps({"seq": after.seq + 1, "prev": after.hash, **cut, **event})


def link_after(lines: Iterable[bytes], head: Head | None = None) -> Link:
    """Return the end of the chain that these last lines form.

    `head` wins where a line differs from it or is missing: then the next line holds the hash of
    what was written, not of what is found, and so reveals the change.
    """
    link = Link()
    for line in lines:
        link = _linked(link, line, event_of(line))
        if head is not None and link.seq == head.seq and not link.cut:
            link = Link(head.seq, head.hash)
    if head is not None and link.seq < head.seq:
        return Link(head.seq, head.hash)
    return link


def verify(lines: Iterable[Line], head: Head | None = None) -> Verdict:
    """Follow a chain from its first line up to the first place where it is broken."""
    verdict = Verdict()
    before: Line | None = None
    link = Link()
    for number, line in enumerate(lines):
        if len(line.text) >= LONGEST_LINE:
            return _broken(verdict, line, "was not written by GlanceMetrics: it is too long")
        event = event_of(line.text)
        if event is None:
            # Valid only if the next line confirms it.
            verdict = attrs.evolve(verdict, cuts=verdict.cuts + 1)
        elif "seq" in event:
            # What preceded the very first line may be gone, like deleted old files.
            is_known = number > 1 or (number == 1 and not link.cut)
            wrong = _wrong(event, link, is_known)
            if wrong is not None:
                is_before = wrong.startswith("was changed") and before is not None
                return _broken(verdict, before if is_before and before else line, wrong)
            wrong = None if head is None else _wrong_by_head(event["seq"], line, head)
            if wrong is not None:
                return _broken(verdict, line, wrong)
            verdict = attrs.evolve(
                verdict, events=verdict.events + 1, first=verdict.first or event["seq"]
            )
        elif verdict.events:
            return _broken(verdict, line, "was not written by GlanceMetrics: it has no number")
        else:
            verdict = attrs.evolve(verdict, unsealed=verdict.unsealed + 1)
        link = _linked(link, line.text, event)
        verdict = attrs.evolve(verdict, last=link)
        before = line
    return _at_the_end(verdict, before, head)


def _at_the_end(verdict: Verdict, last: Line | None, head: Head | None) -> Verdict:
    """Check what should follow the last line: nothing, or something is missing."""
    link = verdict.last
    if link.cut and last is not None and last.ended:
        return _broken(verdict, last, "was changed: it is not an event")
    if head is not None and link.seq < head.seq:
        missing = head.seq - link.seq
        lines_are = "1 line is" if missing == 1 else f"{missing} lines are"
        if last is None:
            return attrs.evolve(verdict, broken=f"{lines_are} missing: the alert log is empty")
        return _broken(verdict, last, f"is not the last one: {lines_are} missing after it")
    return attrs.evolve(verdict, is_beyond=head is not None and link.seq > head.seq)


def _wrong_by_head(seq: int, line: Line, head: Head) -> str | None:
    """Compare a line with the head; return what is wrong."""
    if seq == head.seq and _hash(line.text) != head.hash:
        return "was changed after it was written"
    # After a crash between a line and its head there may be one line more.
    if seq > head.seq + 1:
        return f"was added: the last line written has number {head.seq}"
    return None


def _linked(link: Link, line: bytes, event: dict[str, Any] | None) -> Link:
    """Return the end of a chain after one more line."""
    if event is None:
        # A cut line does not hold the hash of the line before.
        return Link(link.seq, _hash(link.hash.encode() + line), cut=True)
    seq: object = event.get("seq")
    return Link(seq if _is_number(seq) else link.seq, _hash(line))


def _is_number(seq: object) -> TypeGuard[int]:
    return isinstance(seq, int) and not isinstance(seq, bool) and 0 < seq < _MOST_NUMBER


def _wrong(event: dict[str, Any], link: Link, is_known: bool) -> str | None:
    """Compare a line with the one before; return what is wrong."""
    seq, prev = event["seq"], event.get("prev")
    if not _is_number(seq):
        return "was not written by GlanceMetrics: its number is invalid"
    is_cut_marked = event.get("cut") is True or not link.cut
    if not is_known:
        return None if is_cut_marked else "was changed: it is not an event"
    missing = seq - link.seq - 1
    if missing > 0 and link.seq:
        were = "line was" if missing == 1 else "lines were"
        return f"follows a gap: {missing} {were} removed before it"
    if missing < 0:
        return f"is out of order: it has number {seq}, after {link.seq}"
    return None if prev == link.hash and is_cut_marked else "was changed after it was written"


def _broken(verdict: Verdict, line: Line, how: str) -> Verdict:
    return attrs.evolve(verdict, broken=f"{line.file}, line {line.number} {how}")


def event_of(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line; `None` if there is none, whatever its bytes are."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):  # RecursionError: [[[[...
        return None
    return event if isinstance(event, dict) else None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
