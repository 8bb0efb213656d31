"""The chain of the alert log: each line has a number, and the hash of the line before it.

So nothing can be taken out, changed or put elsewhere without its being seen, as long as what comes
after it is left. What was done to the very end is seen by the head: the number and the hash of the
last line, kept in a file of its own.
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
"""Bytes: more than two events can have."""
_MOST_NUMBER = 10**18
"""More lines than anybody has written."""


@attrs.frozen
class Link:
    """Where a chain stands."""

    seq: int = 0
    """Of the last line that has a number."""
    hash: str = _NOTHING
    """SHA-256 of the last line, without its newline, in hexadecimal digits."""
    cut: bool = False
    """Whether the last line was cut short by a crash."""


@attrs.frozen
class Head:
    """The last line that was written, as a file beside the log has it."""

    seq: int
    hash: str
    """SHA-256 of the line, as of `Link`."""

    def to_bytes(self) -> bytes:
        """Return it as the file has it: always as long, so that it can be replaced in place."""
        return b"%020d %s\n" % (self.seq, self.hash.encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> Head | None:
        """Return what `to_bytes` was of; `None` if it was of nothing."""
        found = _HEAD.fullmatch(data)
        return None if found is None else cls(int(found[1]), found[2].decode())


@attrs.frozen
class Line:
    """A line of an alert log, and where it is."""

    file: str
    number: int
    """From 1."""
    text: bytes
    """Without its newline."""
    ended: bool = True
    """Whether it has one."""


@attrs.frozen
class Verdict:
    """What is to be said of a chain."""

    events: int = 0
    """Lines that are part of it."""
    first: int = 0
    """Number of the first of them; those before it are gone, as when old files are removed."""
    last: Link = Link()
    unsealed: int = 0
    """Lines before it, which an earlier version wrote without numbers."""
    cuts: int = 0
    """Lines that were cut short by a crash."""
    broken: str | None = None
    """The first place where it is not as it was written, and how so."""
    is_beyond: bool = False
    """Whether its last line came after the head: as after a crash between the two, or put there."""


def sealed(event: dict[str, object], after: Link) -> str:
    """Return the next line of a chain."""
    cut = {"cut": True} if after.cut else {}
    return json.dumps({"seq": after.seq + 1, "prev": after.hash, **cut, **event})


def link_after(lines: Iterable[bytes], head: Head | None = None) -> Link:
    """Return where a chain stands after some lines, which are its last ones.

    `head` is believed where a line differs from it, or is not there: so the next line, which holds
    the hash of what was written and not of what is found, shows that.
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
    """Follow a chain from its first line on, up to the first place where it is broken."""
    verdict = Verdict()
    before: Line | None = None
    link = Link()
    for number, line in enumerate(lines):
        if len(line.text) >= LONGEST_LINE:
            return _broken(verdict, line, "is no line that was written here: it is too long")
        event = event_of(line.text)
        if event is None:
            # Good only if the next line says so.
            verdict = attrs.evolve(verdict, cuts=verdict.cuts + 1)
        elif "seq" in event:
            # What was before the very first line may be gone, as files that are too old.
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
            return _broken(verdict, line, "is no line that was written here: it has no number")
        else:
            verdict = attrs.evolve(verdict, unsealed=verdict.unsealed + 1)
        link = _linked(link, line.text, event)
        verdict = attrs.evolve(verdict, last=link)
        before = line
    return _at_the_end(verdict, before, head)


def _at_the_end(verdict: Verdict, last: Line | None, head: Head | None) -> Verdict:
    """Look at what comes after the last line: that is nothing, or something that is missing."""
    link = verdict.last
    if link.cut and last is not None and last.ended:
        return _broken(verdict, last, "was changed: it is no event")
    if head is not None and link.seq < head.seq:
        missing = head.seq - link.seq
        lines_are = "1 line is" if missing == 1 else f"{missing} lines are"
        if last is None:
            return attrs.evolve(verdict, broken=f"{lines_are} missing: the alert log is empty")
        return _broken(verdict, last, f"is not the last one: {lines_are} missing after it")
    return attrs.evolve(verdict, is_beyond=head is not None and link.seq > head.seq)


def _wrong_by_head(seq: int, line: Line, head: Head) -> str | None:
    """Say what is wrong with a line beside the head."""
    if seq == head.seq and _hash(line.text) != head.hash:
        return "was changed after it was written"
    # A crash may be between a line and its head, and so there may be one line more.
    if seq > head.seq + 1:
        return f"was not written here: the last line that was has number {head.seq}"
    return None


def _linked(link: Link, line: bytes, event: dict[str, Any] | None) -> Link:
    """Return where a chain stands after one more line."""
    if event is None:
        # It does not hold the hash of the line before itself.
        return Link(link.seq, _hash(link.hash.encode() + line), cut=True)
    seq: object = event.get("seq")
    return Link(seq if _is_number(seq) else link.seq, _hash(line))


def _is_number(seq: object) -> TypeGuard[int]:
    return isinstance(seq, int) and not isinstance(seq, bool) and 0 < seq < _MOST_NUMBER


def _wrong(event: dict[str, Any], link: Link, is_known: bool) -> str | None:
    """Say what is wrong with a line after what was before it."""
    seq, prev = event["seq"], event.get("prev")
    if not _is_number(seq):
        return "is no line that was written here: its number is none"
    is_cut_told = event.get("cut") is True or not link.cut
    if not is_known:
        return None if is_cut_told else "was changed: it is no event"
    missing = seq - link.seq - 1
    if missing > 0 and link.seq:
        were = "line was" if missing == 1 else "lines were"
        return f"comes too soon: {missing} {were} taken out before it"
    if missing < 0:
        return f"is out of its order: it has number {seq}, after {link.seq}"
    return None if prev == link.hash and is_cut_told else "was changed after it was written"


def _broken(verdict: Verdict, line: Line, how: str) -> Verdict:
    return attrs.evolve(verdict, broken=f"{line.file}, line {line.number} {how}")


def event_of(line: bytes) -> dict[str, Any] | None:
    """Return the event that a line holds; `None` if it holds none, whatever its bytes are."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):  # RecursionError: [[[[...
        return None
    return event if isinstance(event, dict) else None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
