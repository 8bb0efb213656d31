r"""The common and the combined log format, decoded to record batches.

    host identity user [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512
    host identity user [...] "GET / HTTP/1.1" 200 512 "referrer" "agent"

Sources: https://httpd.apache.org/docs/2.4/logs.html#common and
https://nginx.org/en/docs/http/ngx_http_log_module.html (`combined`). Lines of both may be mixed.

Two paths give the same records: the fast one hands all lines whose quotes stand where they
should to `pyarrow.csv`; the careful one matches the rest with RE2, and decides alone what is a
reject. Escapes (`\"`, `\x16`, `\\`) are kept as they were written; bytes that are not UTF-8
become `\xHH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from glancemetrics.formats.clf_time import (
    DATE_LENGTH,
    ZONE_LENGTH,
    local_seconds,
    zone_offset_seconds,
)
from glancemetrics.formats.line_scan import LineScan, scan_lines
from glancemetrics.formats.request_line import split_requests
from glancemetrics.records import SCHEMA, TEXT, empty_batch
from glancemetrics.rejects import Reject, reject_of

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

_COMMON_COLUMNS = ["host", "identity", "user", "date", "zone", "request", "status", "bytes"]
_COMBINED_COLUMNS = [*_COMMON_COLUMNS, "referrer", "agent"]

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_TIME = r"\[(\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d) ([+-]\d{4})\]"
_CAREFUL_PATTERN = (
    r"^(?P<host>[^ ]+) (?P<identity>[^ ]+) (?P<user>-|(?:[^ -]|-[^ ]).*?) "
    + _TIME.replace("(", "(?P<date>", 1).replace(" (", " (?P<zone>", 1)
    + " "
    + _QUOTED.replace("(", "(?P<request>", 1)
    + r" (?P<status>\d{3}|-) (?P<bytes>\d{1,18}|-)"
    + r"(?P<tail> "
    + _QUOTED.replace("(", "(?P<referrer>", 1)
    + " "
    + _QUOTED.replace("(", "(?P<agent>", 1)
    + r")? *$"
)

# Typed once: to infer the type of a bare value costs pyarrow 50 microseconds each time.
_DASH, _EMPTY = pa.scalar("-", pa.string()), pa.scalar("", pa.string())
_FALSE, _TRUE = pa.scalar(False, pa.bool_()), pa.scalar(True, pa.bool_())
_NULL = pa.scalar(None, pa.string())
_ZERO, _ZERO_INDEX = pa.scalar(0, pa.int64()), pa.scalar(0, pa.int32())

_SAMPLED_REJECTS = 8
"""Rejects of one chunk that are kept as samples; the rest are only counted."""


@attrs.frozen(eq=False)
class Decoded:
    """What became of the lines of one chunk: `lines == batch.num_rows + rejects`."""

    lines: int
    batch: pa.RecordBatch
    """The records, of `records.SCHEMA`, in file order."""
    rejects: int
    samples: tuple[Reject, ...]
    """Some of the rejects: the first, and the last ones."""
    format: str | None
    """`combined` or `common`, what the chunk's records are; `None` without any."""


def decode(chunk: bytes) -> Decoded:
    """Decode a chunk of whole lines, each ended by a newline."""
    scan = scan_lines(chunk)
    if not len(scan):
        return Decoded(0, empty_batch(), 0, (), None)
    parts = [
        part
        for flags, columns in (
            (scan.combined, _COMBINED_COLUMNS),
            (scan.common, _COMMON_COLUMNS),
        )
        if flags.any()
        for part in [_read_delimited(chunk, scan, flags, columns)]
    ]
    taken = np.zeros(len(scan), np.bool_)
    for part in parts:
        taken[part.lines] = True
    left = np.flatnonzero(~taken)
    rejected: Int64s = left
    if len(left):
        careful = _read_careful(chunk, scan, left)
        rejected = np.setdiff1d(left, careful.lines, assume_unique=True)
        parts.append(careful)
    samples = tuple(
        reject_of(line, explain(line))
        for line in (chunk[scan.starts[i] : scan.ends[i]] for i in _sampled(rejected))
    )
    batch = _batch(parts)
    name = "common" if scan.common.any() and not scan.combined.any() else "combined"
    return Decoded(len(scan), batch, len(rejected), samples, name if batch.num_rows else None)


def _sampled(rejected: Int64s) -> Int64s:
    if len(rejected) <= _SAMPLED_REJECTS:
        return rejected
    return np.concatenate([rejected[:1], rejected[1 - _SAMPLED_REJECTS :]])


@attrs.frozen(eq=False)
class _Columns:
    """Records read by one path: raw columns, and the number of the line that each came from."""

    lines: Int64s
    time: Int64s
    """Seconds since the epoch."""
    status: pa.Array
    table: dict[str, pa.Array]
    """Dictionary-encoded text and int64 `bytes`, by column name."""


def _read_delimited(chunk: bytes, scan: LineScan, flags: Bools, names: list[str]) -> _Columns:
    lines = np.flatnonzero(flags)
    text = chunk if len(lines) == len(scan) else _gather(chunk, scan, flags)
    try:
        table, skipped = _read_csv(text, names, pa.int64())
        good = np.ones(table.num_rows, np.bool_)
    except pa.ArrowInvalid:
        # Some size is no number; only now is it worth looking which.
        table, skipped = _read_csv(text, names, TEXT)
        sizes, good = _integers(table.column("bytes").combine_chunks())
        table = table.set_column(names.index("bytes"), "bytes", sizes)
    if skipped:
        lines = np.delete(lines, np.array(skipped) - 1)
    columns = {name: _one_chunk(table.column(name)) for name in names}
    good &= ~pc.less(columns["bytes"], _ZERO).fill_null(_FALSE).to_numpy(zero_copy_only=False)
    for name in ("host", "identity", "user"):
        good &= _not_empty(columns[name])
    seconds, timed = _seconds(columns.pop("date"), columns.pop("zone"), bracketed=True)
    status, known = _statuses(columns.pop("status"))
    good &= timed & known
    if good.all():
        return _Columns(lines, seconds, status, columns)
    keep = pa.array(np.flatnonzero(good))
    return _Columns(
        lines[good],
        seconds[good],
        status.take(keep),
        {name: column.take(keep) for name, column in columns.items()},
    )


def _read_csv(
    text: bytes, names: list[str], size_type: pa.DataType
) -> tuple[pa.Table, Sequence[int]]:
    """Read lines as CSV; also returns the (1-based) rows with a wrong number of columns."""
    skipped: list[int] = []

    def skip(row: csv.InvalidRow) -> str:
        skipped.append(row.number)
        return "skip"

    table = csv.read_csv(
        pa.BufferReader(text),
        # One block, so that each column has one dictionary; one thread, as the parser runs
        # several chunks side by side and rows are numbered only then.
        read_options=csv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=names
        ),
        parse_options=csv.ParseOptions(
            delimiter=" ",
            quote_char='"',
            double_quote=False,
            escape_char=False,
            newlines_in_values=False,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=csv.ConvertOptions(
            check_utf8=False,  # the line scan did
            column_types=dict.fromkeys(names, TEXT) | {"bytes": size_type},
            null_values=["-"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    return table, skipped


def _gather(chunk: bytes, scan: LineScan, flags: Bools) -> bytes:
    """Join the flagged lines, run by run."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    firsts, afters = edges[::2], edges[1::2]
    stops = np.append(scan.starts, len(chunk))
    view = memoryview(chunk)
    return b"".join(
        view[start:stop]
        for start, stop in zip(scan.starts[firsts].tolist(), stops[afters].tolist(), strict=True)
    )


def _read_careful(chunk: bytes, scan: LineScan, lines: Int64s) -> _Columns:
    texts = [
        _decoded(chunk[start:end])
        for start, end in zip(scan.starts[lines].tolist(), scan.ends[lines].tolist(), strict=True)
    ]
    matches = pc.extract_regex(pa.array(texts, pa.string()), _CAREFUL_PATTERN)
    matched = matches.is_valid().to_numpy(zero_copy_only=False)
    lines = lines[matched]
    matches = matches.filter(pa.array(matched))
    fields = dict(zip([field.name for field in matches.type], matches.flatten(), strict=True))
    seconds, good = _seconds(
        fields.pop("date").dictionary_encode(), fields.pop("zone").dictionary_encode()
    )
    status, _ = _statuses(_null_dashes(fields.pop("status")).dictionary_encode())
    fields["bytes"] = _null_dashes(fields["bytes"]).cast(pa.int64())
    plain = pc.equal(fields.pop("tail"), _EMPTY)
    for name in ("referrer", "agent"):
        fields[name] = pc.if_else(plain, _NULL, fields[name])
    keep = pa.array(np.flatnonzero(good))
    return _Columns(
        lines[good],
        seconds[good],
        status.take(keep),
        {
            name: (column if name == "bytes" else _null_dashes(column).dictionary_encode()).take(
                keep
            )
            for name, column in fields.items()
        },
    )


def _decoded(line: bytes) -> str:
    return line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")


def _batch(parts: list[_Columns]) -> pa.RecordBatch:
    parts = [part for part in parts if len(part.lines)]
    if not parts:
        return empty_batch()
    batches = [_part_batch(part) for part in parts]
    if len(batches) == 1:
        return batches[0]
    # Records stay in file order, whichever path read them.
    order = np.argsort(np.concatenate([part.lines for part in parts]), kind="stable")
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    return table.take(pa.array(order)).combine_chunks().to_batches()[0]


def _part_batch(part: _Columns) -> pa.RecordBatch:
    size = len(part.lines)
    requests = part.table["request"]
    parts = split_requests(requests.dictionary.cast(pa.string()))
    columns: dict[str, pa.Array] = {
        "time": pa.array(part.time * 1_000_000).cast(pa.timestamp("us", tz="UTC")),
        "method": _recode(requests, parts.method),
        "path": _recode(requests, parts.path),
        "query": _recode(requests, parts.query),
        "protocol": _recode(requests, parts.protocol),
        "vhost": _recode(requests, parts.vhost),
        "request": _recode(requests, parts.malformed),
        "status": part.status,
        **{
            name: part.table[name]
            for name in ("host", "identity", "user", "bytes", "referrer", "agent")
            if name in part.table
        },
    }
    return pa.RecordBatch.from_arrays(
        [
            columns[field.name] if field.name in columns else pa.nulls(size, field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )


def _recode(encoded: pa.DictionaryArray, values: pa.Array) -> pa.DictionaryArray:
    """Put one value for each of the dictionary's values in its place."""
    if values.null_count == len(values):
        return pa.nulls(len(encoded), TEXT)
    distinct = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        distinct.indices.take(encoded.indices), distinct.dictionary
    )


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _not_empty(encoded: pa.DictionaryArray) -> Bools:
    empty = pc.index(encoded.dictionary, _EMPTY).as_py()
    if empty < 0:
        return np.ones(len(encoded), np.bool_)
    others = pc.not_equal(encoded.indices, pa.scalar(empty, pa.int32())).fill_null(_TRUE)
    flags: Bools = others.to_numpy(zero_copy_only=False)
    return flags


def _null_dashes(strings: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(strings, _DASH), _NULL, strings)


def _seconds(
    dates: pa.DictionaryArray, zones: pa.DictionaryArray, bracketed: bool = False
) -> tuple[Int64s, Bools]:
    """Return each row's second since the epoch (UTC), and whether it names a real one."""
    skip = int(bracketed)
    seconds, good_dates = local_seconds(dates.dictionary, skip)
    offsets, good_zones = zone_offset_seconds(zones.dictionary)
    good_dates &= _exact(dates.dictionary, DATE_LENGTH + skip, "[" if bracketed else "", "")
    good_zones &= _exact(zones.dictionary, ZONE_LENGTH + skip, "", "]" if bracketed else "")
    date = dates.indices.fill_null(_ZERO_INDEX).to_numpy()
    zone = zones.indices.fill_null(_ZERO_INDEX).to_numpy()
    if not len(seconds) or not len(offsets):
        return np.zeros(len(date), np.int64), np.zeros(len(date), np.bool_)
    good: Bools = good_dates[date] & good_zones[zone]
    if dates.null_count or zones.null_count:
        good &= pc.and_(dates.is_valid(), zones.is_valid()).to_numpy(zero_copy_only=False)
    return seconds[date] - offsets[zone], good


def _exact(strings: pa.StringArray, length: int, prefix: str, suffix: str) -> Bools:
    exact = pc.and_(
        pc.equal(pc.binary_length(strings), pa.scalar(length, pa.int32())),
        pc.and_(pc.starts_with(strings, prefix), pc.ends_with(strings, suffix)),
    )
    exact_flags: Bools = exact.fill_null(_FALSE).to_numpy(zero_copy_only=False)
    return exact_flags


def _statuses(encoded: pa.DictionaryArray) -> tuple[pa.Array, Bools]:
    """Return statuses as numbers (null for `-`), and which rows have three digits or `-`."""
    numbers: list[int | None] = [
        int(text) if re.fullmatch(r"[0-9]{3}", text) else None
        for text in encoded.dictionary.to_pylist()
    ]
    known = np.array([number is not None for number in numbers] or [True], np.bool_)
    good: Bools = known[encoded.indices.fill_null(_ZERO_INDEX).to_numpy()]
    if encoded.null_count:
        good |= encoded.is_null().to_numpy(zero_copy_only=False)
    return pa.array(numbers, pa.uint16()).take(encoded.indices), good


def _integers(encoded: pa.DictionaryArray) -> tuple[pa.Array, Bools]:
    """Return sizes as numbers (null for `-`), and which rows have one to 18 digits or `-`."""
    texts = encoded.cast(pa.string())
    good = pc.match_substring_regex(texts, r"^[0-9]{1,18}$").fill_null(_TRUE)
    numbers = pc.if_else(good, texts, _NULL).cast(pa.int64())
    return numbers, good.to_numpy(zero_copy_only=False)


def explain(line: bytes) -> str:
    """Say in one clause why a rejected line is neither common nor combined."""
    text = _decoded(line)
    if not text.strip():
        return "the line is empty"
    time = re.search(_TIME, text)
    if time is None:
        return "no time such as [17/May/2015:10:05:03 +0000]"
    if not _seconds(*(pa.array([time[i]], pa.string()).dictionary_encode() for i in (1, 2)))[1][0]:
        return f"{time[0]} is not a time"
    if not re.fullmatch(r"[^ ]+ [^ ]+ (?:-|(?:[^ -]|-[^ ]).*) ", text[: time.start()]):
        return "host, identity and user should stand before the time, a space between"
    for pattern, reason in _EXPECTED_AFTER_TIME:
        match = re.match(pattern, text[time.end() :])
        if match is None:
            return reason
    return "more follows where the line should end"


def _expectations() -> Iterable[tuple[str, str]]:
    request = f" {_QUOTED}"
    yield ' "', "no request in double quotes after the time"
    yield request, "the quote around the request never closes"
    yield rf"{request} (?:[0-9]{{3}}|-)(?: |$)", "the status after the request is not three digits"
    size = rf"{request} (?:[0-9]{{3}}|-) (?:[0-9]{{1,18}}|-)"
    yield rf"{size}(?: |$)", "the size after the status is not a number"
    yield rf"{size} *$|{size} {_QUOTED}", "the referrer after the size is not in double quotes"
    yield (
        rf"{size} *$|{size} {_QUOTED} {_QUOTED}",
        "the user agent after the referrer is not in double quotes",
    )


_EXPECTED_AFTER_TIME = tuple(_expectations())
