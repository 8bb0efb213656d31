"""What a history is of, told in its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import attrs

from actors.state.state_file import PRIVATE_MODE, open_own, replace_state

_ABOUT, _REACHED = "about.json", "reached"


@attrs.frozen
class About:
    """What a history is of."""

    sources: tuple[str, ...] = ()
    """As `-f` has them."""
    kept: tuple[str, ...] = ()
    """Fields that are columns of its records beside the usual ones."""


def write_about(folder: Path, about: About) -> None:
    """Say in a history's folder what it is of. Raises `OSError`."""
    text = json.dumps({"version": 1, **attrs.asdict(about)}, ensure_ascii=False) + "\n"
    replace_state(folder / _ABOUT, text.encode("utf-8", "surrogateescape"))


def read_about(folder: Path) -> About:
    """Return what a history is of, as far as it is told."""
    try:
        told = json.loads((folder / _ABOUT).read_bytes().decode("utf-8", "replace"))
        return About(tuple(map(str, told["sources"])), tuple(map(str, told["kept"])))
    except (OSError, ValueError, KeyError, TypeError):
        return About()


def write_reached(folder: Path, second: int) -> None:
    """Say up to which second all that was logged is in a history. Raises `OSError`."""
    made = folder / "reached.new"
    descriptor = open_own(made, os.O_WRONLY | os.O_TRUNC, PRIVATE_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{second}\n")
    made.replace(folder / _REACHED)  # not to the disk at once: it comes each second


def read_reached(folder: Path) -> int | None:
    """Return that second; `None` where it is not told."""
    try:
        return int((folder / _REACHED).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
