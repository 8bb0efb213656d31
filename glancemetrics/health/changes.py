"""What to log of a monitor's health: what goes bad, once, and when it is good again, once.

Without a screen the program's own log is the only place where a person sees that a log cannot be
read, that nothing in it can be parsed, or that an output fails.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from glancemetrics.health.health import Health, OutputHealth, OutputState, SourceHealth, SourceState

_GONE_SECONDS = 5.0
"""For so long a log that was read may be missing: rotation renames it before it makes a new one."""
_STEADY_SECONDS = 10.0
"""For so long an output must work after it failed: some fail only at the next event."""
_UNPARSED_LINES = 20
"""In a row, from which a log of which other lines were read is in trouble."""
_MOST_NAMED = 5
"""Logs and outputs that are named at a time; of others it is said how many they are."""


class Level(enum.Enum):
    """How much a change matters to whoever runs the monitor."""

    INFO = "INFO"
    WARNING = "WARNING"


@attrs.frozen
class Change:
    """Something that is no longer as it was."""

    level: Level
    text: str
    """One sentence, of which names and details may come from elsewhere: escape it."""


@attrs.define
class _Trouble:
    since: float
    told: str = ""
    """What was said to be wrong."""
    good_since: float | None = None


class HealthChanges:
    """Finds what has changed from one look at the health to the next."""

    def __init__(self) -> None:
        self._sources: dict[str, _Trouble] = {}
        """{source: what is wrong with it}"""
        self._outputs: dict[str, _Trouble] = {}
        """{output: what is wrong with it}"""
        self._formats: dict[str, str] = {}
        """{source: the format that was told}"""
        self._read: set[str] = set()
        """Sources that were being read at some time."""
        self._ended: set[str] = set()

    def look(self, health: Health, now: float) -> list[Change]:
        """Return what has changed; `now` in seconds of any clock that moves forward."""
        return [
            *self._source_changes({source.name: source for source in health.sources}, now),
            *self._output_changes(health.outputs, now),
            *self._format_changes(health.sources),
        ]

    def _source_changes(self, sources: Mapping[str, SourceHealth], now: float) -> Iterator[Change]:
        bad: list[str] = []
        good: list[str] = []
        for name, source in sources.items():
            wrong = _wrong_with(source)
            trouble = self._sources.get(name)
            if wrong:
                if trouble is None:
                    trouble = self._sources[name] = _Trouble(now)
                is_rotated = source.state is SourceState.WAITING and name in self._read
                patience = _GONE_SECONDS if is_rotated else 0
                if trouble.told != wrong and now - trouble.since >= patience:
                    trouble.told = wrong
                    bad.append(f"{name} {wrong}")
            elif trouble is not None:
                del self._sources[name]
                if trouble.told:
                    good.append(f"{name} is read without trouble now")
            if source.state in (SourceState.READING, SourceState.FOLLOWING):
                self._read.add(name)
            elif source.state is SourceState.ENDED and name not in self._ended:
                self._ended.add(name)
                yield Change(Level.INFO, source.detail or f"{name} has ended")
        gone = [name for name in self._sources if name not in sources]
        good += [
            f"{name} is no longer followed, or was found"
            for name in gone
            if self._sources[name].told
        ]
        for name in gone:
            del self._sources[name]
        self._read &= sources.keys()
        yield from _changes(bad, "more logs are in trouble")
        yield from _changes(good, "more logs are being read")

    def _output_changes(self, outputs: Iterable[OutputHealth], now: float) -> Iterator[Change]:
        for output in outputs:
            trouble = self._outputs.get(output.name)
            if output.state is OutputState.RETRYING:
                if trouble is None:
                    trouble = self._outputs[output.name] = _Trouble(now)
                    yield Change(Level.WARNING, f"{output.name} fails: {output.detail}; retrying")
                trouble.good_since = None
            elif trouble is not None and output.state is OutputState.WORKING:
                trouble.good_since = now if trouble.good_since is None else trouble.good_since
                if now - trouble.good_since >= _STEADY_SECONDS:
                    del self._outputs[output.name]
                    yield Change(Level.WARNING, f"{output.name} works again")

    def _format_changes(self, sources: Iterable[SourceHealth]) -> Iterator[Change]:
        found: dict[str, list[str]] = {}
        known = {source.name: source.format for source in sources if source.format is not None}
        for name, written in known.items():
            if self._formats.get(name) != written:
                found.setdefault(written, []).append(name)
        self._formats = known
        for written, names in found.items():
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            yield Change(Level.INFO, f"{names[0]}{more}: format {written}")


def clock_text(source: SourceHealth) -> str:
    """Say that a server's clock is slow or fast, after the name of its log."""
    minutes = max(1, round(abs(source.behind) / 60))
    way = "behind" if source.behind > 0 else "ahead of"
    asked = "clock" if source.behind > 0 else "clock or time zone"
    return f"has records {minutes:,} min {way} this machine's clock: is the server's {asked} right?"


def _wrong_with(source: SourceHealth) -> str:
    if source.is_unread:
        return source.detail
    if source.behind:
        return clock_text(source)
    if source.state is SourceState.FOLLOWING and source.format is None and source.detail:
        return source.detail  # what is there is no text
    if source.unparsed > (0 if source.format is None else _UNPARSED_LINES):
        command = f"glancemetrics formats {shlex.quote(source.name)}"
        return f"has lines in no known format (`{command}` shows why)"
    return ""


def _changes(texts: Sequence[str], more: str) -> Iterator[Change]:
    for text in texts[:_MOST_NAMED]:
        yield Change(Level.WARNING, text)
    if len(texts) > _MOST_NAMED:
        yield Change(Level.WARNING, f"{len(texts) - _MOST_NAMED:,} {more}")
