"""What the user agents of a column are: of a million, most are of a few hundred kinds."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.strings import codes_of, indices_of
from glancemetrics.records.user_agents import UserAgent, classify

Int32s = npt.NDArray[np.int32]

Classify = Callable[[Iterable[list[str]]], Iterable[Sequence[UserAgent]]]
"""Tells of each agent of each part what it is."""

_PART = 1 << 14
"""Agents that are Python strings at a time."""


def classify_here(parts: Iterable[list[str]]) -> Iterator[list[UserAgent]]:
    """Tell of the agents of each part what they are, in this process."""
    return map(classify, parts)


@attrs.frozen(eq=False)
class AgentKinds:
    """Which kind each of some user agents is of."""

    kinds: tuple[UserAgent, ...]
    codes: Int32s
    """By agent, which of the kinds."""

    def named(self, name_of: Callable[[UserAgent], str | None]) -> pa.DictionaryArray:
        """Name each agent by its kind; null for those without a name."""
        names = pa.array([name_of(kind) for kind in self.kinds], pa.string()).dictionary_encode()
        indices = indices_of(codes_of(names)[self.codes])
        return pa.DictionaryArray.from_arrays(indices, names.dictionary)


_known: dict[int, tuple[weakref.ref[pa.Array], AgentKinds]] = {}
"""By the `id` of a column, for as long as there is that column: panels group it several times."""


def kinds_of(agents: pa.StringArray, classify_parts: Classify = classify_here) -> AgentKinds:
    """Tell which kind each agent is of; to ask again for the same column costs nothing."""
    key = id(agents)
    if key not in _known:
        kinds = _kinds_of(agents, classify_parts)
        _known[key] = weakref.ref(agents, lambda _: _known.pop(key)), kinds
    return _known[key][1]


def _kinds_of(agents: pa.StringArray, classify_parts: Classify) -> AgentKinds:
    parts = (agents.slice(start, _PART).to_pylist() for start in range(0, len(agents), _PART))
    numbers: dict[UserAgent, int] = {}
    codes = [np.zeros(0, np.int32)]
    for told in classify_parts(parts):
        of_part = (numbers.setdefault(agent, len(numbers)) for agent in told)
        codes.append(np.fromiter(of_part, np.int32, len(told)))
    return AgentKinds(tuple(numbers), np.concatenate(codes))
