"""Classifies the user agents of a column: a million agents are of a few hundred kinds."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.strings import codes_of, indices_of
from glancemetrics.records.user_agents import UserAgent, classify

Int32s = npt.NDArray[np.int32]

Classify = Callable[[Iterable[list[str]]], Iterable[Sequence[UserAgent]]]
"""Classifies the agents of each part."""

_PART = 1 << 14
"""Agents converted to Python strings at a time."""


def classify_here(parts: Iterable[list[str]]) -> Iterator[list[UserAgent]]:
    """Classify the agents of each part in this process."""
    return map(classify, parts)


@attrs.frozen(eq=False)
class AgentKinds:
    """The kinds of some user agents."""

    kinds: tuple[UserAgent, ...]
    codes: Int32s
    """The index of the kind of each agent."""

    def named(self, name_of: Callable[[UserAgent], str | None]) -> pa.DictionaryArray:
        """Name each agent by its kind; null for those without a name."""
        names = pc.dictionary_encode(pa.array([name_of(kind) for kind in self.kinds], pa.string()))
        indices = indices_of(codes_of(names)[self.codes])
        return pa.DictionaryArray.from_arrays(indices, names.dictionary)


_known: dict[int, tuple[weakref.ref[pa.Array], AgentKinds]] = {}
"""Results by the `id` of a column, while that column exists: panels group it several times."""
_classifying = threading.Lock()
"""Threads make panels of the same column: one of them classifies it, and the others wait."""


def kinds_of(agents: pa.StringArray, classify_parts: Classify = classify_here) -> AgentKinds:
    """Return the kinds of agents; cached per column."""
    key = id(agents)
    with _classifying:
        if key not in _known:
            kinds = _kinds_of(agents, classify_parts)
            _known[key] = weakref.ref(agents, lambda _: _known.pop(key)), kinds
        return _known[key][1]


def _kinds_of(agents: pa.StringArray, classify_parts: Classify) -> AgentKinds:
    parts = (agents.slice(start, _PART).to_pylist() for start in range(0, len(agents), _PART))
    numbers: dict[UserAgent, int] = {}
    codes = [np.zeros(0, np.int32)]
    for classified in classify_parts(parts):
        # Agents of a kind share one object: comparing its fields would take longer.
        of_part = {id(agent): agent for agent in classified}
        known = {key: numbers.setdefault(agent, len(numbers)) for key, agent in of_part.items()}
        of_each = (known[id(agent)] for agent in classified)
        codes.append(np.fromiter(of_each, np.int32, len(classified)))
    return AgentKinds(tuple(numbers), np.concatenate(codes))
