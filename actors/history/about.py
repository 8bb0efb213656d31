"""Facts about a history, stored in its directory."""

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
    """A time in which nothing was read: seconds since the epoch."""

    since: int
    until: int


@attrs.frozen
class About:
    """Facts about a history."""

    sources: tuple[str, ...] = ()
    """As in `-f`."""
    kept: tuple[str, ...] = ()
    """Extra fields (`--keep`) of its records."""
    gaps: tuple[Gap, ...] = ()
    """Oldest first."""
    folder: str = ""
    """The directory that relative names of logs start from."""
    wheres: tuple[str, ...] = ()
    """The filter (`--where`) of each run; empty for all requests."""
    disk: int = 0
    """Maximum size in bytes; 0 if unknown."""
    age: int = 0
    """Maximum age in seconds, counted back from its newest record."""

    def after(self, before: About) -> About:
        """Return it with gaps and columns of the same history's earlier runs."""
        kept = distinct_names((*self.kept, *before.kept))
        wheres = dict.fromkeys((*before.wheres, *self.wheres))
        return attrs.evolve(self, kept=tuple(kept), gaps=before.gaps, wheres=tuple(wheres))

    @property
    def troubles(self) -> Iterator[str]:
        """Reasons why answers do not cover all requests: a clause each."""
        asked = [where for where in self.wheres if where]
        if asked:
            which = " or ".join(asked)
            when = "at times " if len(self.wheres) > 1 else ""
            yield f"{when}only requests matching --where {which} were kept"

    def with_gap(self, gap: Gap) -> About:
        """Return it with one more gap, or a longer one; of too many, the first is dropped."""
        before = [one for one in self.gaps if one.since != gap.since]
        return attrs.evolve(self, gaps=(*before, gap)[-_MOST_GAPS:])


@attrs.frozen
class Damaged(About):
    """Stands for facts that cannot be read."""

    path: Path = attrs.field(kw_only=True)

    @property
    def troubles(self) -> Iterator[str]:
        """That they are unknown."""
        yield f"{self.path}: damaged; skipped times and extra fields are unknown"


def write_about(folder: Path, about: About) -> None:
    """Write the facts to a history's directory. Raises `OSError`."""
    text = json.dumps({"version": 1, **attrs.asdict(about)}, ensure_ascii=False) + "\n"
    _write(folder / _ABOUT, text)


def read_about(folder: Path) -> About:
    """Return the facts, as far as they can be read."""
    try:
        fields = json.loads((folder / _ABOUT).read_bytes().decode("utf-8", "replace"))
        return About(
            sources=tuple(map(str, fields["sources"])),
            kept=tuple(map(str, fields["kept"])),
            gaps=tuple(Gap(int(gap["since"]), int(gap["until"])) for gap in fields.get("gaps", ())),
            folder=str(fields.get("folder", "")),
            wheres=tuple(map(str, fields.get("wheres", ()))),
            disk=int(fields.get("disk", 0)),
            age=int(fields.get("age", 0)),
        )
    except FileNotFoundError:
        return About()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return Damaged(path=folder / _ABOUT)


def write_reached(folder: Path, second: int, since: int | None = None) -> None:
    """Record the second up to which a history is complete, and the one it starts with.

    Raises `OSError`.
    """
    text = f"{second}\n" if since is None else f"{second} {since}\n"
    _write(folder / _REACHED, text)


def read_reached(folder: Path) -> tuple[int | None, int | None]:
    """Return these seconds; `None` if unknown."""
    try:
        numbers = [int(text) for text in (folder / _REACHED).read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        numbers = []
    reached, since, *_ = (*numbers, None, None)
    return reached, since


def last_reached_at(folder: Path) -> float | None:
    """Return when they were last recorded, in seconds since the epoch; `None` if never."""
    try:
        return (folder / _REACHED).stat().st_mtime
    except FileNotFoundError:
        return None


def keep_since(folder: Path, second: int) -> None:
    """Record for an unused history that it has nothing before a second.

    The time of its last use does not change. Raises `OSError`.
    """
    reached, since = read_reached(folder)
    times = (folder / _REACHED).stat()
    if reached is not None:
        write_reached(folder, reached, max(since or 0, second))
        os.utime(folder / _REACHED, ns=(times.st_atime_ns, times.st_mtime_ns))


def _write(path: Path, text: str) -> None:
    # Not urgent: it is rewritten every second.
    replace(path, text.encode("utf-8", "surrogateescape"), PRIVATE_MODE, is_urgent=False)
