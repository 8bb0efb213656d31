"""The chain of the alert log: each line has a number, and the hash of the line before it.

So nothing can be taken out, changed or put elsewhere without its being seen, as long as what comes
after it is left. Of lines that were taken away at the very end nothing tells, but what was sent
elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import attrs

_NOTHING = "0" * 64


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


def sealed(event: dict[str, object], after: Link) -> str:
    """Return the next line of a chain."""
    cut = {"cut": True} if after.cut else {}
    return json.dumps({"seq": after.seq + 1, "prev": after.hash, **cut, **event})


def link_after(lines: Iterable[bytes]) -> Link:
    """Return where a chain stands after some lines, which are its last ones."""
    link = Link()
    for line in lines:
        link = _linked(link, line, _event(line))
    return link


def verify(lines: Iterable[Line]) -> Verdict:
    """Follow a chain from its first line on, up to the first place where it is broken."""
    verdict = Verdict()
    before: Line | None = None
    link = Link()
    for number, line in enumerate(lines):
        event = _event(line.text)
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
    if link.cut and before is not None and before.ended:
        return _broken(verdict, before, "was changed: it is no event")
    return verdict


def _linked(link: Link, line: bytes, event: dict[str, Any] | None) -> Link:
    """Return where a chain stands after one more line."""
    if event is None:
        # It does not hold the hash of the line before itself.
        return Link(link.seq, _hash(link.hash.encode() + line), cut=True)
    seq = event.get("seq")
    return Link(seq if isinstance(seq, int) else link.seq, _hash(line))


def _wrong(event: dict[str, Any], link: Link, is_known: bool) -> str | None:
    """Say what is wrong with a line after what was before it."""
    seq, prev = event["seq"], event.get("prev")
    if not isinstance(seq, int):
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


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
