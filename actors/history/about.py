"""What a history is of, told in its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import attrs

from actors.state.state_file import PRIVATE_FOLDER_MODE, PRIVATE_MODE, make_folder, replace
from glancemetrics.records.schema import distinct_names

_ABOUT, _REACHED, _BEGUN = "about.json", "reached", "begun"


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

    def after(self, before: About) -> About:
        """Return it with the gaps, and the columns, of what was said of the same history before."""
        kept = distinct_names((*self.kept, *before.kept))
        return attrs.evolve(self, kept=tuple(kept), gaps=before.gaps)

    def with_gap(self, gap: Gap) -> About:
        """Return it with another gap, and without the first where they are many."""
        return attrs.evolve(self, gaps=(*self.gaps, gap)[-_MOST_GAPS:])


def write_about(folder: Path, about: About) -> None:
    """Say in a history's folder what it is of. Raises `OSError`."""
    text = json.dumps({"version": 1, **attrs.asdict(about)}, ensure_ascii=False) + "\n"
    _write(folder / _ABOUT, text)


def read_about(folder: Path) -> About:
    """Return what a history is of, as far as it is told."""
    try:
        told = json.loads((folder / _ABOUT).read_bytes().decode("utf-8", "replace"))
        gaps = tuple(Gap(int(gap["since"]), int(gap["until"])) for gap in told.get("gaps", ()))
        return About(tuple(map(str, told["sources"])), tuple(map(str, told["kept"])), gaps)
    except (OSError, ValueError, KeyError, TypeError):
        return About()


def write_reached(folder: Path, second: int, since: int | None = None) -> None:
    """Say up to which second all that was logged is in a history, and since when.

    Raises `OSError`.
    """
    text = f"{second}\n" if since is None else f"{second} {since}\n"
    _write(folder / _REACHED, text)


def read_reached(folder: Path) -> tuple[int | None, int | None]:
    """Return these seconds; `None` where one is not told."""
    return _numbers(folder / _REACHED)


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


def write_begun(folder: Path, position: int, known: int | None) -> None:
    """Say that what is written from an ordinal on has no checkpoint yet.

    What was logged before the second `known` had been read before that, if it is told. Raises
    `OSError`.
    """
    make_folder(folder, PRIVATE_FOLDER_MODE)
    _write(folder / _BEGUN, f"{position}\n" if known is None else f"{position} {known}\n")


def read_begun(folder: Path) -> tuple[int | None, int | None]:
    """Return both; no ordinal where there is a checkpoint, or nothing was written."""
    return _numbers(folder / _BEGUN)


def forget_begun(folder: Path) -> None:
    """There is a checkpoint now. Raises `OSError`."""
    (folder / _BEGUN).unlink(missing_ok=True)


def _numbers(path: Path) -> tuple[int | None, int | None]:
    """Return the two numbers in a file; `None` for one that is not there."""
    try:
        numbers = [int(text) for text in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        numbers = []
    first, second, *_ = (*numbers, None, None)
    return first, second


def _write(path: Path, text: str) -> None:
    # Not urgent: some of it comes each second.
    replace(path, text.encode("utf-8", "surrogateescape"), PRIVATE_MODE, is_urgent=False)
