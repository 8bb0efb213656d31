"""All kinds of marks, one a line: how each is read back from plain values."""

from __future__ import annotations

from collections.abc import Callable

from actors.sources.files.marks import PathMark
from actors.sources.mark import Mark
from glancemetrics.state.tree import State

_KINDS: dict[str, Callable[[State], Mark]] = {
    PathMark.KIND: PathMark.from_state,
}


def mark_from_state(state: State) -> Mark:
    """Return the mark that `to_state` was of. Raises what comes of values that are none.

    One without a kind was written when there were none but those of paths.
    """
    return _KINDS[state.get("kind", PathMark.KIND)](state)
