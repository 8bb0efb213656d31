"""`Report`: the numbers of a whole log."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.errors import UsageError
from glancemetrics.native.columns import column_of
from glancemetrics.native.strings import codes_of, indices_of
from glancemetrics.native.sums import sum_groups
from glancemetrics.records.duration_bins import quantiles
from glancemetrics.records.rejects import Reject
from glancemetrics.reporting.counts import ValueCounts
from glancemetrics.reporting.panel_names import PANEL_NAMES, TIME_PANELS, Order
from glancemetrics.reporting.panels import (
    PANELS,
    Group,
    PanelSpec,
    kept_panel,
    other_panels,
    title_of,
)
from glancemetrics.reporting.slices import FROM, Base, Counted
from glancemetrics.reporting.tally import Tally
from glancemetrics.words.humane import format_bytes, format_count, format_share, requests_text
from glancemetrics.words.instants import iso_time

Int64s = npt.NDArray[np.int64]

DETAIL_ROWS = 10
"""Rows below a row, at most."""

_QUANTILES = (0.5, 0.95, 0.99)
_NEVER = np.iinfo(np.int64).min
"""Less than any sum: such a value is never among the largest."""
_NOTHING: Int64s = np.zeros(0, np.int64)
_MANY_GROUPS = 4096
"""Groups from which on it is found out first which of them may be shown."""
_ORDER = [("key", "descending"), ("hits", "descending"), ("name", "ascending")]
"""The order of rows: ties by hits, then by name, and not by what was read first."""
_TIME_ROWS = 120
"""Rows over time, at most; the step is chosen accordingly."""
_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Seconds; longer steps are months, then years."""
_DAY, _WEEK = 86_400, 604_800
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONDAY = 4 * _DAY
"""The first Monday after the epoch."""


@attrs.frozen
class Row:
    """One value of a panel."""

    name: str
    hits: int
    share: float
    """Of all hits of the report, 0 to 1."""
    visitors: int | None
    """Distinct host and agent per day; `None` if unknown."""
    bytes: int
    errors: int
    """Hits with status 4xx or 5xx."""
    total_time: float | None = None
    """Seconds; like the next three, `None` if no hit has a duration."""
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    rows: tuple[Row, ...] = ()
    """The rows it is made of, if the panel is grouped."""


@attrs.frozen
class Panel:
    """One table of a report."""

    name: str
    title: str
    rows: tuple[Row, ...]
    distinct: int
    """Number of rows without a limit; if `short`, there were more."""
    noun: str = "row"
    """What a row is, in the singular."""
    short: int = 0
    """By how much the hits of a row may be too low; 0 if they are exact."""
    order: Order = Order.HITS
    """What rows are sorted by."""

    def bars(self) -> list[float]:
        """Return how long the bar of each row is, 0 to 1: by what they are sorted by."""
        values = [_MEASURES[self.order](row) or 0 for row in self.rows]
        if not any(values):  # there are no errors, or no response times
            values = [row.hits for row in self.rows]
        largest = max(values, default=1)
        return [value / largest for value in values]


_MEASURES: dict[Order, Callable[[Row], float | None]] = {
    Order.HITS: lambda row: row.hits,
    Order.VISITORS: lambda row: row.visitors,
    Order.BYTES: lambda row: row.bytes,
    Order.ERRORS: lambda row: row.errors,
    Order.P95: lambda row: row.p95,
    Order.TOTAL_TIME: lambda row: row.total_time,
}


@attrs.frozen
class Source:
    """One file, and the result of reading it."""

    name: str
    lines: int
    rejects: int
    trouble: str | None = None
    """What could not be read, and why."""
    format: str | None = None
    """Name of its format."""


@attrs.frozen
class Rejects:
    """Lines that no format matches."""

    count: int = 0
    samples: tuple[Reject, ...] = ()


@attrs.frozen
class Report:
    """The complete result of a report."""

    sources: tuple[Source, ...]
    lines: int
    """Lines read; lines in skipped parts of a file are not included."""
    filtered: int
    """Records excluded by a filter."""
    rejects: Rejects
    hits: int
    bytes: int
    errors: int
    client_errors: int
    server_errors: int
    visitors: int
    start: float | None
    """Time of the oldest record, seconds since the epoch; `None` without any."""
    end: float | None
    """Time of the newest record."""
    time_zone: str
    time_step: int
    """Seconds per row of the panel `time`; 0 if rows are months or years."""
    panels: tuple[Panel, ...]
    left_out: dict[str, str]
    """Panels without rows, and why."""
    visitors_estimated: bool = False
    unfinished: str | None = None
    """Why the report does not cover the whole log."""
    foreign: int = 0
    """Lines of other programs."""
    damaged: int = 0
    """Records with a field that could not be read and is unknown; including filtered ones."""

    def __str__(self) -> str:
        """Return it in one line; `to_json`, `to_html` and `to_frame` have the details."""
        requests = requests_text(self.hits)
        facts = [
            requests,
            f"{format_count(self.visitors)} visitors",
            f"{format_count(self.errors)} errors ({format_share(self.errors, self.hits)})",
            format_bytes(self.bytes),
        ]
        span = ""
        if self.start is not None and self.end is not None:
            span = f", {iso_time(self.start)} to {iso_time(self.end)}"
        names = ", ".join(panel.name for panel in self.panels)
        return f"Report: {', '.join(facts)}{span}; panels: {names or 'none'}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def _repr_html_(self) -> str:
        """Return the page for a notebook, in a frame of its own so that styles stay apart."""
        from html import escape  # late: for notebooks only

        page = escape(self.to_html(), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:40em;border:0"></iframe>'

    @property
    def without_requests(self) -> str:
        """The sentence where there are no requests: also how many a condition excluded."""
        if not self.filtered:
            return "No requests."
        read = requests_text(self.filtered)
        return f"{read}, none matches the condition."

    def to_html(self) -> str:
        """Return the report as one HTML page, as `-o report.html` writes it."""
        from glancemetrics.reporting.html import to_html  # late: the page knows the report

        return to_html(self)

    def to_frame(self, panel: str) -> Any:
        """Return the rows of a panel as a pandas DataFrame.

        Raises `KeyError` for an unknown or empty panel, and `ImportError` without pandas.
        """
        rows = [attrs.asdict(row, recurse=False) for row in self.panel(panel).rows]
        for row in rows:
            del row["rows"]
        return pa.Table.from_pylist(rows).to_pandas()

    def panel(self, name: str) -> Panel:
        """Return a panel by name. Raises `KeyError` with the reason if it is empty."""
        for panel in self.panels:
            if panel.name == name:
                return panel
        raise KeyError(self.left_out.get(name, f"unknown panel {name!r}"))

    def to_json(self) -> dict[str, object]:
        """Return the content of `-o report.json`. Field names are stable."""
        return {
            "start": None if self.start is None else iso_time(self.start),
            "end": None if self.end is None else iso_time(self.end),
            "time_zone": self.time_zone,
            "time_step": self.time_step,
            "lines": self.lines,
            "records": self.hits + self.filtered,
            "filtered": self.filtered,
            "rejects": self.rejects.count,
            "reject_samples": [attrs.asdict(reject) for reject in self.rejects.samples],
            "foreign": self.foreign,
            "damaged": self.damaged,
            "hits": self.hits,
            "bytes": self.bytes,
            "visitors": self.visitors,
            "errors": self.errors,
            "client_errors": self.client_errors,
            "server_errors": self.server_errors,
            "unfinished": self.unfinished,
            "sources": [attrs.asdict(source) for source in self.sources],
            "estimated": self.estimated(),
            "left_out": self.left_out,
            "panels": {
                panel.name: {
                    "title": panel.title,
                    "distinct": panel.distinct,
                    "short": panel.short,
                    "rows": [_row_json(row) for row in panel.rows],
                }
                for panel in self.panels
            },
        }

    def estimated(self) -> list[str]:
        """Return what is estimated: `visitors`, and panels whose hits may be too low."""
        names = ["visitors"] if self.visitors_estimated else []
        return names + [panel.name for panel in self.panels if panel.short]


def _row_json(row: Row) -> dict[str, object]:
    fields: dict[str, object] = {
        "name": row.name,
        "hits": row.hits,
        "share": row.share,
        "visitors": row.visitors,
        "bytes": row.bytes,
        "errors": row.errors,
    }
    if row.total_time is not None:
        fields |= {"total_time": row.total_time, "p50": row.p50, "p95": row.p95, "p99": row.p99}
    if row.rows:
        fields["rows"] = [_row_json(inner) for inner in row.rows]
    return fields


@attrs.frozen
class ReportOptions:
    """Options of a report."""

    top: int = 100
    """Rows per panel, at most."""
    order: Order = Order.HITS
    panels: frozenset[str] = frozenset(PANEL_NAMES)
    """By name; panels of extra fields have the field's name."""
    zone: ZoneInfo | None = None
    """Time zone of days and hours; `None` for UTC."""
    kept: tuple[str, ...] = ()
    """Extra fields (`--keep`). None may have the name of a panel: `UsageError`."""

    def __attrs_post_init__(self) -> None:
        for name in self.kept:
            if name in PANEL_NAMES:
                raise UsageError(f"--keep {name}: a panel of the report has this name")


def damaged_note(count: int) -> str:
    """Say how many requests have a field that could not be read."""
    requests = "request has" if count == 1 else "requests have"
    return f"{format_count(count)} {requests} an unreadable field, which counts as unknown"


def build_report(
    tally: Tally,
    options: ReportOptions,
    *,
    sources: Iterable[Source] = (),
    lines: int = 0,
    filtered: int = 0,
    rejects: Rejects | None = None,
    foreign: int = 0,
    damaged: int = 0,
    unfinished: str | None = None,
    agents_are_ready: Callable[[], None] = lambda: None,
) -> Report:
    """Build the report from a tally.

    `agents_are_ready` waits until user agents are classified, before panels of them are made.
    """
    maker = _PanelMaker(tally, options, agents_are_ready)
    panels, left_out = [], {}
    every = (*PANELS, *other_panels(), *map(kept_panel, options.kept))
    specs = [spec for spec in every if spec.name in options.panels]
    names = [name for name in TIME_PANELS if name in options.panels and tally.records]
    made = maker.all(names, specs)
    panels += [panel for name in names if (panel := made[name]) is not None]
    for spec in specs:
        panel = made[spec.name]
        if panel is None or not panel.rows:
            left_out[spec.name] = spec.missing if tally.records else "no records"
        else:
            panels.append(panel)
    return Report(
        sources=tuple(sources),
        lines=lines,
        filtered=filtered,
        rejects=rejects or Rejects(),
        foreign=foreign,
        damaged=damaged,
        hits=tally.records,
        bytes=tally.bytes,
        errors=tally.errors,
        client_errors=tally.client_errors,
        server_errors=tally.server_errors,
        visitors=tally.visitor_count(),
        start=None if tally.oldest is None else tally.oldest / 1e6,
        end=None if tally.newest is None else tally.newest / 1e6,
        time_zone="UTC" if options.zone is None else options.zone.key,
        time_step=maker.step if tally.records else 0,
        panels=tuple(panels),
        left_out=left_out,
        visitors_estimated=tally.level > 0,
        unfinished=unfinished,
    )


def more_text(panel: Panel, count: int) -> str:
    """Write how many rows more there are: `12 more URLs`, `1 more class`.

    What was let go is not counted: `at least 12 more URLs`.
    """
    plural = panel.noun + ("es" if panel.noun.endswith("s") else "s")
    about = "at least " if panel.short else ""
    return f"{about}{format_count(count)} more {panel.noun if count == 1 else plural}"


def filled(rows: Sequence[Row], step: int) -> list[Row]:
    """Insert empty rows where nothing was logged, so that the axis is linear in time."""
    if not step:
        return list(rows)
    by_start = {
        int(datetime.fromisoformat(row.name).replace(tzinfo=UTC).timestamp()): row for row in rows
    }
    empty = Row("", 0, 0.0, 0, 0, 0)
    return [by_start.get(start, empty) for start in range(min(by_start), max(by_start) + 1, step)]


class _PanelMaker:
    def __init__(
        self, tally: Tally, options: ReportOptions, agents_are_ready: Callable[[], None]
    ) -> None:
        self._tally = tally
        self._options = options
        self._agents_are_ready = agents_are_ready
        self._groups: dict[tuple[Counted, Group], pa.DictionaryArray] = {}
        self.step = _step(tally) if tally.records else 0

    def all(self, names: Sequence[str], specs: Sequence[PanelSpec]) -> dict[str, Panel | None]:
        """Make the panels over time, by name, and the others, in parallel."""
        by = self._tally.by
        bases = {base for spec in specs for base in (spec.base, spec.detail_base) if base}
        self._tally.visitors.settle()
        for _ in self._tally.each(self._tally.settle, bases):
            pass  # from here on nothing changes, so threads may share dimensions
        specs_of: dict[tuple[Counted, Group | None], list[PanelSpec]] = {}
        for spec in specs:
            specs_of.setdefault((spec.base, spec.group), []).append(spec)
        # The slowest first, so that threads end together. User agents last: they may be ready then.
        kinds = sorted(
            specs_of,
            key=lambda kind: (
                kind[0] is Base.AGENT,
                -len(by[kind[0]]) if kind[0] in by else 0,
                kind[1] is None,
            ),
        )
        makers: list[Callable[[], Iterable[tuple[str, Panel | None]]]] = [
            partial(self._of_kind, base, specs_of[base, group]) for base, group in kinds
        ]
        if names:
            makers.insert(1, lambda: [(panel.name, panel) for panel in self.over_time(names)])
        made = self._tally.each(lambda maker: maker(), makers)
        return dict(itertools.chain.from_iterable(made))

    def _of_kind(self, base: Counted, specs: Sequence[PanelSpec]) -> list[tuple[str, Panel | None]]:
        """Make the panels of one dimension and grouping."""
        if base is Base.AGENT:
            self._agents_are_ready()
        return [(spec.name, self.panel(spec)) for spec in specs]

    def panel(self, spec: PanelSpec) -> Panel | None:
        """Make a panel; `None` if it is empty."""
        base = self._tally.by.get(spec.base)
        if base is None or (spec.timed and not len(base.buckets)):
            return None
        counts = base
        gone = found = None
        order = spec.order or self._options.order
        if spec.group is not None:
            groups = self._grouped(spec.base, spec.group)
            index = self._tally.groups.get(spec.base, ()).index(spec.group)
            gone = self._tally.dropped.get((spec.base, index))
            if gone is None:
                found = _may_be_largest(base, groups, order, self._options.top)
                counts = base.summed(groups if found is None else _only(groups, found))
            else:
                counts = base.regrouped(groups)
                counts.merge(gone)
                # Everything dropped from the base is in its group.
                counts.short = gone.short
        if not len(counts):
            return None
        visitors = self._visitors(counts)
        numbers = _largest(counts, visitors, order, self._options.top)
        rows = self._rows(counts, visitors, numbers)
        if spec.detail is not None:
            same = gone is None and found is None and spec.detail_group is spec.group
            rows = self._with_details(spec, rows, numbers if same else None)
        distinct = len(counts) - (counts.other >= 0)
        if found is not None:
            distinct = len(groups.dictionary)
        title = title_of(spec.name)
        return Panel(spec.name, title, tuple(rows), distinct, spec.noun, counts.short, order)

    def _with_details(
        self, spec: PanelSpec, rows: list[Row], numbers: list[int] | None
    ) -> list[Row]:
        """Add rows below rows; `numbers` are the rows' numbers among the groups, if known."""
        base = self._tally.by.get(spec.detail_base or spec.base)
        if base is None or spec.detail is None or spec.detail_group is None:
            return rows
        groups = self._grouped(spec.detail_base or spec.base, spec.detail_group)
        shown = np.zeros(len(groups.dictionary) + 1, np.bool_)
        if numbers is None:
            names = pa.array([row.name for row in rows], pa.string())
            shown[:-1] = pc.is_in(groups.dictionary, names).to_numpy(zero_copy_only=False)
        else:
            shown[numbers] = True
        # The last one stands for values without a group.
        wanted = np.flatnonzero(shown[codes_of(groups)])
        numbers_wanted = column_of(wanted)
        joined = pc.dictionary_encode(
            pc.binary_join_element_wise(
                pc.cast(pc.take(groups, numbers_wanted), pa.string()),
                pc.cast(spec.detail(base.names, numbers_wanted), pa.string()),
                pa.scalar(FROM, pa.string()),
            )
        )
        codes = np.full(len(base), -1, np.int32)
        codes[wanted] = codes_of(joined)
        details = base.summed(pa.DictionaryArray.from_arrays(indices_of(codes), joined.dictionary))
        visitors = self._visitors(details)
        key = _sort_key(details, visitors, spec.order or self._options.order)
        names = details.names.to_pylist()
        numbers_of: dict[str, list[int]] = {}
        for number in pc.sort_indices(
            _sortable(key, details.hits, details.names), sort_keys=_ORDER
        ).to_pylist():
            own = numbers_of.setdefault(names[number].partition(FROM)[0], [])
            if len(own) < DETAIL_ROWS:
                own.append(number)
        chosen = list(itertools.chain.from_iterable(numbers_of.values()))
        labels = [names[number].partition(FROM)[2] for number in chosen]
        made = iter(self._rows(details, visitors, chosen, labels))
        of = {group: tuple(itertools.islice(made, len(own))) for group, own in numbers_of.items()}
        return [attrs.evolve(row, rows=of.get(row.name, ())) for row in rows]

    def over_time(self, names: Sequence[str]) -> list[Panel]:
        """Make the panels over time."""
        times = self._tally.by[Base.TIME]
        local = times.names.to_numpy()
        groups = [column_of(self._time_groups(name, local)) for name in names]
        return [
            self._over_time(name, counts)
            for name, counts in zip(names, times.summed_each(groups), strict=True)
        ]

    def _time_groups(self, name: str, local: Int64s) -> Int64s:
        match name:
            case "hours_of_day":
                return local // 3600 % 24
            case "weekdays":
                return (local - _MONDAY) // _DAY % 7
            case _:
                return _steps_of(local, self.step)

    def _over_time(self, name: str, counts: ValueCounts) -> Panel:
        values = counts.names.to_numpy()
        numbers = np.argsort(values)
        match name:
            case "hours_of_day":
                labels = [f"{value:02}" for value in values[numbers]]
            case "weekdays":
                labels = [_WEEKDAYS[value] for value in values[numbers]]
            case _:
                labels = [_time_label(value, self.step) for value in values[numbers].tolist()]
        rows = self._rows(counts, self._visitors(counts), numbers.tolist(), labels)
        return Panel(name, TIME_PANELS[name], tuple(rows), len(rows))

    def _grouped(self, base: Counted, group: Group) -> pa.DictionaryArray:
        """Group the values of a dimension, once for rows and the rows below them."""
        if (base, group) not in self._groups:
            groups = _grouped(group, self._tally.by[base])
            self._groups[base, group] = pc.dictionary_encode(groups)
        return self._groups[base, group]

    def _visitors(self, counts: ValueCounts) -> Int64s:
        level = self._tally.level
        visitors = counts.visitors(level)
        # Whatever is estimated, each request has one visitor.
        return np.clip(visitors, 1, counts.hits) if level or counts.short else visitors

    def _rows(
        self,
        counts: ValueCounts,
        visitors: Int64s,
        numbers: Sequence[int],
        labels: Sequence[str] | None = None,
    ) -> list[Row]:
        """Return the rows of these values, with labels instead of names if there are some."""
        chosen = np.array(numbers, np.int64)
        names = pc.take(counts.names, column_of(chosen)).to_pylist() if labels is None else labels
        other = counts.other
        columns = (counts.hits, visitors, counts.bytes, counts.errors, counts.micros)
        of_rows = zip(*(column[chosen].tolist() for column in columns), strict=True)
        rows = []
        for number, name, (hits, visits, size, errors, micros) in zip(
            numbers, names, of_rows, strict=True
        ):
            share = hits / self._tally.records
            known = None if number == other else visits
            buckets, bucket_counts = counts.quantile_buckets(number)
            row = Row(name, hits, share, known, size, errors)
            if len(buckets):
                p50, p95, p99 = quantiles(buckets, bucket_counts, _QUANTILES)
                row = attrs.evolve(row, total_time=micros / 1e6, p50=p50, p95=p95, p99=p99)
            rows.append(row)
        return rows


def _grouped(group: Group, counts: ValueCounts) -> pa.Array:
    """Group values; dropped ones belong to no known group."""
    groups = group(counts.names)
    other = counts.other
    if other < 0:
        return groups
    mask = np.zeros(len(groups), np.bool_)
    mask[other] = True
    return pc.if_else(column_of(mask), pa.scalar(None, pa.string()), pc.cast(groups, pa.string()))


def _sort_key(counts: ValueCounts, visitors: Int64s, order: Order) -> Int64s:
    match order:
        case Order.VISITORS:
            return visitors
        case Order.BYTES:
            return counts.bytes
        case Order.ERRORS:
            return counts.errors
        case Order.TOTAL_TIME:
            return counts.micros
        case Order.P95 if len(counts.buckets):
            return _p95_buckets(counts)
        case _:
            return counts.hits


def _p95_buckets(counts: ValueCounts) -> Int64s:
    """Return the bucket of each value's 95th percentile, -1 without durations."""
    owners = counts.buckets >> 32
    result = np.full(len(counts), -1, np.int64)
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))
    totals = np.add.reduceat(counts.bucket_counts, firsts)
    before = np.cumsum(counts.bucket_counts)
    start = before[firsts] - counts.bucket_counts[firsts]
    ranks = start + np.maximum(1, np.ceil(totals * 0.95 - 1e-9).astype(np.int64))
    result[owners[firsts]] = counts.buckets[np.searchsorted(before, ranks)] & 0xFFFF_FFFF
    return result


def _may_be_largest(
    base: ValueCounts, groups: pa.DictionaryArray, order: Order, limit: int
) -> Int64s | None:
    """Return the numbers of the groups that may be among the largest; `None` if not worth it.

    There may be a million, such as networks: only these few are then counted in full.
    """
    size = len(groups.dictionary)
    if size < _MANY_GROUPS or order in {Order.VISITORS, Order.P95}:
        return None
    values = np.ascontiguousarray(_sort_key(base, _NOTHING, order))
    key = sum_groups(values, codes_of(groups).astype(np.int64), size)
    return _at_least(key, min(limit, size))


def _only(groups: pa.DictionaryArray, numbers: Int64s) -> pa.DictionaryArray:
    """Return some of the groups, in their order; values of others belong to none."""
    places = np.full(len(groups.dictionary) + 1, -1, np.int32)  # the last one is of code -1
    places[numbers] = np.arange(len(numbers), dtype=np.int32)
    codes = indices_of(places[codes_of(groups)])
    return pa.DictionaryArray.from_arrays(codes, pc.take(groups.dictionary, column_of(numbers)))


def _at_least(key: Int64s, limit: int) -> Int64s:
    """Return where a number is that is at least the `limit`-th of the largest ones."""
    found: Int64s = np.flatnonzero(key >= np.partition(key, -limit)[-limit])
    return found


def _largest(counts: ValueCounts, visitors: Int64s, order: Order, limit: int) -> list[int]:
    """Return the numbers of the largest values; ties by hits, then by name; `(other)` last."""
    key = np.array(_sort_key(counts, visitors, order))
    other = counts.other
    if other >= 0:
        key[other] = _NEVER
    limit = min(limit, len(key) - (other >= 0))
    if limit <= 0:
        return [other] if other >= 0 else []
    # There may be millions: only those are compared that may be among the largest.
    found = _at_least(key, limit)
    # Of names that all tie, there may be a gigabyte: these are not copied.
    names = counts.names if len(found) == len(key) else pc.take(counts.names, column_of(found))
    columns = _sortable(key[found], counts.hits[found], names)
    chosen = pc.select_k_unstable(columns, k=limit, sort_keys=_ORDER)
    numbers: list[int] = found[chosen.to_numpy()].tolist()
    return [*numbers, other] if other >= 0 else numbers


def _sortable(key: Int64s, hits: Int64s, names: pa.Array) -> pa.RecordBatch:
    """Return what `_ORDER` compares of each value."""
    return pa.record_batch({"key": column_of(key), "hits": column_of(hits), "name": names})


def _step(tally: Tally) -> int:
    """Choose the seconds per row over time: round, and not too many rows; 0 for months."""
    assert tally.oldest is not None
    assert tally.newest is not None
    span = (tally.newest - tally.oldest) / 1e6
    for step in _STEPS:
        if step >= tally.time_step and span / step <= _TIME_ROWS:
            return step
    return 0


def _steps_of(local: Int64s, step: int) -> Int64s:
    if step == 0:
        months = local.astype("datetime64[s]").astype("datetime64[M]")
        if len(np.unique(months)) > _TIME_ROWS:
            months = months.astype("datetime64[Y]").astype("datetime64[M]")
        starts: Int64s = months.astype("datetime64[s]").astype(np.int64)
        return starts
    offset = _MONDAY if step == _WEEK else 0
    return (local - offset) // step * step + offset


def _time_label(second: int, step: int) -> str:
    """Write when a row begins, as briefly as its step allows."""
    moment = datetime.fromtimestamp(second, UTC)
    if step == 0:
        return f"{moment:%Y-%m}"
    return f"{moment:%Y-%m-%d}" if step >= _DAY else f"{moment:%Y-%m-%d %H:%M}"
