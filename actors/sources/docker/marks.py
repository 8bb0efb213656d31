"""How far the log of a container has been read, so that reading can resume there."""

from __future__ import annotations

from typing import ClassVar

import attrs

from glancemetrics.lines.docker_frames import Place
from glancemetrics.state.tree import State


@attrs.frozen
class DockerMark:
    """How far the log of a container has been read.

    The engine's API has no positions, only times, and lines may have the same one. Each stream is
    in the order of its times, so the time of its last line and the number of lines with that time
    say where to resume.
    """

    KIND: ClassVar = "docker"

    source: str
    """The name of the source, as `docker:web`."""
    container: str = ""
    """The container's id; another container may get the same name."""
    places: tuple[tuple[int, Place], ...] = ()
    """How far each stream was read."""
    parsing: State = None
    """The parser's state; see `Mark`."""

    def with_parsing(self, parsing: State, /) -> DockerMark:
        """Return the same position with the parser's state."""
        return attrs.evolve(self, parsing=parsing)

    def to_state(self) -> State:
        """Return the mark as plain values."""
        return {
            "kind": self.KIND,
            "source": self.source,
            "container": self.container,
            "places": [[stream, *attrs.astuple(place)] for stream, place in self.places],
            "parsing": self.parsing,
        }

    @classmethod
    def from_state(cls, state: State) -> DockerMark:
        """Restore a mark from `to_state`."""
        places = tuple((stream, Place(*place)) for stream, *place in state["places"])
        return cls(state["source"], state["container"], places, state["parsing"])
