"""What to log about the monitor's health: each problem once, and its end once.

Without a screen the program's own log is the only place where a person sees that a log cannot be
read, that its lines cannot be parsed, or that an output fails.
"""

from __future__ import annotations

import enum
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from glancemetrics.health.health import Health, OutputHealth, OutputState, SourceHealth, SourceState
from glancemetrics.words.addresses import called

_GONE_SECONDS = 5.0
"""How long a log may be missing while it is rotated: rename first, then a new file."""
_STEADY_SECONDS = 10.0
"""How long an output must work before its failure is over: some fail only at the next event."""
_UNPARSED_LINES = 20
"""Unparsed lines in a row after which a log that was parsed before has a problem."""
_MOST_KINDS = 5
"""Different problems of an output that are logged until it works again."""
_NUMBERS = re.compile(r"\d+ waiting")
_RECEIVED = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*:", re.ASCII)
"""Matches the name of a source that is no file here: `syslog:web1/nginx`, `WEB_1:/var/log/a`."""
_MOST_NAMED = 5
"""Logs and outputs named at a time; the rest are counted."""


class Level(enum.Enum):
    """How much a change matters to whoever runs the monitor."""

    INFO = "INFO"
    WARNING = "WARNING"


@attrs.frozen
class Change:
    """Something that is no longer as it was."""

    level: Level
    text: str
    """One sentence. It holds names and details from elsewhere: escape it."""


@attrs.define
class _Trouble:
    since: float
    reported: str = ""
    """The problem that was logged."""
    kinds: set[str] = attrs.field(factory=set)
    """The problems of an output that were logged, without their numbers."""
    good_since: float | None = None


class HealthChanges:
    """Finds what changed since the last look at the health."""

    def __init__(self) -> None:
        self._sources: dict[str, _Trouble] = {}
        """{source: its problem}"""
        self._outputs: dict[str, _Trouble] = {}
        """{output: its problem}"""
        self._formats: dict[str, str] = {}
        """{source: the format that was logged}"""
        self._read: set[str] = set()
        """Sources that have been read at some time."""
        self._ended: set[str] = set()

    def look(self, health: Health, now: float) -> list[Change]:
        """Return what changed; `now` in seconds of any clock that moves forward."""
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
                if trouble.reported != wrong and now - trouble.since >= patience:
                    trouble.reported = wrong
                    bad.append(wrong)
            elif trouble is not None:
                del self._sources[name]
                if trouble.reported:
                    good.append(f"{called(name)}: reading without problems again")
            if source.state in (SourceState.READING, SourceState.FOLLOWING):
                self._read.add(name)
            elif source.state is SourceState.ENDED and name not in self._ended:
                self._ended.add(name)
                yield Change(Level.INFO, source.detail or f"{called(name)}: ended")
        gone = [name for name in self._sources if name not in sources]
        good += [
            f"{called(name)}: no longer followed, or found in the meantime"
            for name in gone
            if self._sources[name].reported
        ]
        for name in gone:
            del self._sources[name]
        self._read &= sources.keys()
        yield from _changes(bad, "more logs have problems")
        yield from _changes(good, "more logs are read again")

    def _output_changes(self, outputs: Iterable[OutputHealth], now: float) -> Iterator[Change]:
        for output in outputs:
            trouble = self._outputs.get(output.name)
            if output.state is OutputState.RETRYING:
                if trouble is None:
                    trouble = self._outputs[output.name] = _Trouble(now)
                kind = _NUMBERS.sub("", output.detail)
                if kind not in trouble.kinds and len(trouble.kinds) < _MOST_KINDS:
                    trouble.kinds.add(kind)
                    text = f"{output.name} is failing: {output.detail}; retrying"
                    yield Change(Level.WARNING, text)
                trouble.good_since = None
            elif trouble is not None and output.state is OutputState.WORKING:
                trouble.good_since = now if trouble.good_since is None else trouble.good_since
                if now - trouble.good_since >= _STEADY_SECONDS:
                    del self._outputs[output.name]
                    yield Change(Level.WARNING, f"{output.name} is working again")

    def _format_changes(self, sources: Iterable[SourceHealth]) -> Iterator[Change]:
        found: dict[str, list[str]] = {}
        known = {source.name: source.format for source in sources if source.format is not None}
        for name, format_name in known.items():
            if self._formats.get(name) != format_name:
                found.setdefault(format_name, []).append(name)
        self._formats = known
        for format_name, names in found.items():
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            yield Change(Level.INFO, f"{called(names[0])}{more}: format {format_name}")


def clock_text(source: SourceHealth) -> str:
    """Say that a server's clock is slow or fast; follows the name of its log."""
    minutes = max(1, round(abs(source.behind) / 60))
    way = "behind" if source.behind > 0 else "ahead of"
    cause = "clock" if source.behind > 0 else "clock or time zone"
    return f"has records {minutes:,} min {way} this machine's clock; check the server's {cause}"


def _wrong_with(source: SourceHealth) -> str:
    """Return the problem of a source in a sentence; nothing without one."""
    if source.is_unread:
        return f"{source.called}: {source.detail}" if source.detail else source.called
    if source.behind:
        return f"{source.called} {clock_text(source)}"
    if source.state is SourceState.FOLLOWING and source.format is None and source.detail:
        return f"{source.called}: {source.detail}"  # not a text file
    if source.unparsed > (0 if source.format is None else _UNPARSED_LINES):
        what = f"{source.name}: lines in no known format"
        if _RECEIVED.match(source.name):
            return what
        return f"{what}; to see why: glancemetrics formats {shlex.quote(source.name)}"
    return ""


def _changes(texts: Sequence[str], more: str) -> Iterator[Change]:
    for text in texts[:_MOST_NAMED]:
        yield Change(Level.WARNING, text)
    if len(texts) > _MOST_NAMED:
        yield Change(Level.WARNING, f"{len(texts) - _MOST_NAMED:,} {more}")
