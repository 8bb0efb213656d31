"""What a history is of, told in its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from actors.state.state_file import PRIVATE_MODE, replace
from glancemetrics.records.schema import distinct_names

_ABOUT, _REACHED = "about.json", "reached"
_MOST_GAPS = 100


@attrs.frozen
class Gap:
    """A time of which nothing was read: seconds since the epoch."""

    since: int
    until: int


@attrs.frozen
class About:
    """What a history is of."""

    sources: tuple[str, ...] = ()
    """As `-f` has them."""
    kept: tuple[str, ...] = ()
    """Fields that are columns of its records beside the usual ones."""
    gaps: tuple[Gap, ...] = ()
    """The oldest first."""
    folder: str = ""
    """In which names of logs begin that do not begin at the root."""
    wheres: tuple[str, ...] = ()
    """Which requests were kept, of each run another; empty for all of them."""
    disk: int = 0
    """Bytes that it may take; 0 where that is not told."""
    age: int = 0
    """Seconds before its newest record, after which it ends."""

    def after(self, before: About) -> About:
        """Return it with the gaps, and the columns, of what was said of the same history before."""
        kept = distinct_names((*self.kept, *before.kept))
        wheres = dict.fromkeys((*before.wheres, *self.wheres))
        return attrs.evolve(self, kept=tuple(kept), gaps=before.gaps, wheres=tuple(wheres))

    @property
    def troubles(self) -> Iterator[str]:
        """What keeps its answers from being of all requests, a clause each."""
        asked = [where for where in self.wheres if where]
        if asked:
            which = " or ".join(asked)
            when = "at times " if len(self.wheres) > 1 else ""
            yield f"{when}only requests were kept with --where {which}"

    def with_gap(self, gap: Gap) -> About:
        """Return it with another gap, or a longer one; without the first where they are many."""
        before = [one for one in self.gaps if one.since != gap.since]
        return attrs.evolve(self, gaps=(*before, gap)[-_MOST_GAPS:])


@attrs.frozen
class Damaged(About):
    """What a history is of, when that cannot be read."""

    path: Path = attrs.field(kw_only=True)

    @property
    def troubles(self) -> Iterator[str]:
        """That nobody knows."""
        yield f"{self.path} is damaged: which times were not read, and which fields kept, is lost"


def write_about(folder: Path, about: About) -> None:
    """Say in a history's folder what it is of. Raises `OSError`."""
    text = json.dumps({"version": 1, **attrs.asdict(about)}, ensure_ascii=False) + "\n"
    _write(folder / _ABOUT, text)


def read_about(folder: Path) -> About:
    """Return what a history is of, as far as it is told."""
    try:
        told = json.loads((folder / _ABOUT).read_bytes().decode("utf-8", "replace"))
        return About(
            sources=tuple(map(str, told["sources"])),
            kept=tuple(map(str, told["kept"])),
            gaps=tuple(Gap(int(gap["since"]), int(gap["until"])) for gap in told.get("gaps", ())),
            folder=str(told.get("folder", "")),
            wheres=tuple(map(str, told.get("wheres", ()))),
            disk=int(told.get("disk", 0)),
            age=int(told.get("age", 0)),
        )
    except FileNotFoundError:
        return About()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return Damaged(path=folder / _ABOUT)


def write_reached(folder: Path, second: int, since: int | None = None) -> None:
    """Say up to which second all that was logged is in a history, and since when.

    Raises `OSError`.
    """
    text = f"{second}\n" if since is None else f"{second} {since}\n"
    _write(folder / _REACHED, text)


def read_reached(folder: Path) -> tuple[int | None, int | None]:
    """Return these seconds; `None` where one is not told."""
    try:
        numbers = [int(text) for text in (folder / _REACHED).read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        numbers = []
    reached, since, *_ = (*numbers, None, None)
    return reached, since


def last_reached_at(folder: Path) -> float | None:
    """Return when that was said last: seconds since the epoch; `None` if it never was."""
    try:
        return (folder / _REACHED).stat().st_mtime
    except FileNotFoundError:
        return None


def keep_since(folder: Path, second: int) -> None:
    """Say in a history that is written no more that it has nothing before a second.

    When it was written last stays as it is. Raises `OSError`.
    """
    reached, since = read_reached(folder)
    times = (folder / _REACHED).stat()
    if reached is not None:
        write_reached(folder, reached, max(since or 0, second))
        os.utime(folder / _REACHED, ns=(times.st_atime_ns, times.st_mtime_ns))


def _write(path: Path, text: str) -> None:
    # Not urgent: some of it comes each second.
    replace(path, text.encode("utf-8", "surrogateescape"), PRIVATE_MODE, is_urgent=False)
