r"""The common and the combined log format, decoded to record batches.

    host identity user [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512
    host identity user [...] "GET / HTTP/1.1" 200 512 "referrer" "agent"

Sources: https://httpd.apache.org/docs/2.4/logs.html#common and
https://nginx.org/en/docs/http/ngx_http_log_module.html (`combined`). Lines of both may be mixed.

Two paths give the same records: the fast one takes fields by their place from all lines whose
quotes, time and spaces stand where they should; the careful one matches the rest with RE2, and
decides alone what is a reject. Escapes (`\"`, `\x16`, `\\`) are kept as they were written; bytes
that are not UTF-8 become `\xHH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.formats.clf_time import (
    BRACKETED_LENGTH,
    local_seconds,
    seconds_at,
    zone_offset_seconds,
)
from glancemetrics.formats.line_fields import LineFields
from glancemetrics.formats.line_scan import LineScan, scan_lines
from glancemetrics.formats.request_line import split_requests
from glancemetrics.records import SCHEMA, TEXT, empty_batch
from glancemetrics.rejects import Reject, reject_of

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

_U = np.uint64
_SPACE, _BACKSLASH = b" \\"
_BYTE, _NIBBLE = _U(0xFF), _U(0x0F)
_ALL_SPACES = _U(int.from_bytes(b" " * 8, "little"))
_STATUS_SPACES = _U(0x00FF_0000_00FF_0000)
"""The third and the seventh byte."""
_TWO_DASHES = _U(int.from_bytes(b" - - ", "little") << 24)
_SHORTEST_HEAD = len("h - - [17/May/2015:10:05:03 +0000] ")
_SHORTEST_TAIL = len('" 200 5')

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
_ZERO_INDEX, _NO_INDEX = pa.scalar(0, pa.int32()), pa.scalar(-1, pa.int32())

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
    read = _read_by_position(chunk, scan)
    parts = [] if read is None else [read]
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
    common = (scan.quote_counts == 2).any() and not (scan.quote_counts == 6).any()
    name = "common" if common else "combined"
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


def _read_by_position(chunk: bytes, scan: LineScan) -> _Columns | None:
    """Read the lines whose quotes, time and spaces stand where the format has them.

    The quotes divide a line, and before the first one everything but host, identity and user has
    a fixed width; so each field's place is known without looking at what is between.
    """
    shaped = scan.plain & ((scan.quote_counts == 2) | (scan.quote_counts == 6))
    lines = np.flatnonzero(shaped)
    starts, ends = scan.starts[lines], scan.ends[lines]
    opening, closing = scan.quotes(lines, 2)
    roomy = (opening - starts >= _SHORTEST_HEAD) & (ends - closing >= _SHORTEST_TAIL)
    if not roomy.all():
        lines, starts, ends = lines[roomy], starts[roomy], ends[roomy]
        opening, closing = opening[roomy], closing[roomy]
    if not len(lines):
        return None
    fields = LineFields(chunk)
    text = fields.text
    combined = scan.quote_counts[lines] == 6
    edges = [opening, closing, closing, closing, closing, closing]
    size_ends = ends
    # `/" 200 5`: a byte of the request, the quote, the status between spaces. A backslash before
    # a closing quote may escape it: only the careful path can tell.
    after = fields.words(closing - 1)
    good = (after & _BYTE) != _BACKSLASH
    good &= (after & _STATUS_SPACES) == _STATUS_SPACES & _ALL_SPACES
    digits = (after >> _U(24)) & _U(0xFFFFFF)
    good &= (digits & _U(0xF0F0F0)) == _U(0x303030)
    good &= ((digits + _U(0x060606)) & _U(0xF0F0F0)) == _U(0x303030)
    status = (digits & _NIBBLE) * _U(100) + ((digits >> _U(8)) & _NIBBLE) * _U(10)
    status += (digits >> _U(16)) & _NIBBLE
    if combined.any():
        quotes = scan.quotes(lines[combined], 6)
        edges = [_placed(edge, combined, quote) for edge, quote in zip(edges, quotes, strict=True)]
        _, _, third, fourth, fifth, sixth = quotes
        size_ends = _placed(ends, combined, third - 1)
        tail = (text[third - 1] == _SPACE) & (text[fourth + 1] == _SPACE)
        tail &= (fifth == fourth + 2) & (sixth == ends[combined] - 1)
        tail &= (text[fourth - 1] != _BACKSLASH) & (text[sixth - 1] != _BACKSLASH)
        good &= _placed(np.ones(len(lines), np.bool_), combined, tail)
    _, _, third, fourth, fifth, sixth = edges
    bracket = opening - BRACKETED_LENGTH - 1
    seconds, timed = seconds_at(fields, bracket)
    good &= timed
    sizes, sized = fields.integers(closing + 6, np.maximum(size_ends, closing + 6))
    good &= sized
    heads = _read_heads(fields, starts, bracket)
    good &= heads.good
    # Where a field is not good its edges may be anything, so those lines are dropped only here.
    columns: dict[str, pa.Array] = {
        **heads.columns,
        "request": fields.strings(opening + 1, closing).dictionary_encode(),
        "bytes": sizes,
        "referrer": fields.strings(
            np.minimum(third + 1, fourth), fourth, combined
        ).dictionary_encode(),
        "agent": fields.strings(np.minimum(fifth + 1, sixth), sixth, combined).dictionary_encode(),
    }
    statuses = pa.array(status.astype(np.uint16))
    if good.all():
        return _Columns(lines, seconds, statuses, columns)
    keep = pa.array(np.flatnonzero(good))
    return _Columns(
        lines[good],
        seconds[good],
        statuses.take(keep),
        {name: column.take(keep) for name, column in columns.items()},
    )


def _placed(values: Any, flags: Bools, others: Any) -> Any:
    """Put `others` where `flags` are set."""
    if flags.all():
        return others
    values = values.copy()
    values[flags] = others
    return values


@attrs.frozen(eq=False)
class _Heads:
    columns: dict[str, pa.Array]
    """Host, identity and user."""
    good: Bools


def _read_heads(fields: LineFields, starts: Int64s, brackets: Int64s) -> _Heads:
    """Read `host identity user` before the bracket; nearly always the last two are dashes."""
    host_ends = brackets - 5
    before = fields.words(host_ends)
    named = np.flatnonzero((before << _U(24)) != _TWO_DASHES)
    good = ((before >> _U(32)) & _BYTE) == _SPACE
    columns = dict.fromkeys(("identity", "user"), pa.nulls(len(starts), TEXT))
    if len(named):
        head, end = starts[named], brackets[named] - 1
        host_end = head + _first_spaces(fields, head, end)
        identity = np.minimum(host_end + 1, end)
        identity_end = identity + _first_spaces(fields, identity, end)
        user = np.minimum(identity_end + 1, end)
        host_ends[named] = host_end
        good[named] &= (host_end < identity) & (identity < identity_end) & (user < end)
        users = fields.strings(user, end).dictionary_encode()
        # As the careful pattern has it: a user that begins with `- ` or a space is none.
        wrong = pc.match_substring_regex(users.dictionary, "^(- | )")
        good[named] &= ~_by_row(wrong.to_numpy(zero_copy_only=False), users)
        identities = fields.strings(identity, identity_end).dictionary_encode()
        columns = {
            "identity": _spread(identities, named, len(starts)),
            "user": _spread(users, named, len(starts)),
        }
    hosts = fields.strings(starts, host_ends).dictionary_encode()
    spaced = pc.match_substring(hosts.dictionary, " ").to_numpy(zero_copy_only=False)
    empty = pc.equal(hosts.dictionary, _EMPTY).to_numpy(zero_copy_only=False)
    good &= ~_by_row(spaced | empty, hosts)
    return _Heads({"host": hosts, **columns}, good)


def _first_spaces(fields: LineFields, starts: Int64s, ends: Int64s) -> Int64s:
    """Return how many bytes stand before the first space of each field; all of them if none."""
    found: Int64s = pc.find_substring(fields.strings(starts, ends, dash=False), " ").to_numpy()
    return np.where(found < 0, ends - starts, found)


def _spread(encoded: pa.DictionaryArray, rows: Int64s, size: int) -> pa.DictionaryArray:
    """Put the values of some rows where they belong among all; the others are null."""
    if encoded.null_count == len(encoded):
        return pa.nulls(size, TEXT)
    indices = np.full(size, -1, np.int32)
    indices[rows] = encoded.indices.fill_null(_NO_INDEX).to_numpy()
    return pa.DictionaryArray.from_arrays(pa.array(indices, mask=indices < 0), encoded.dictionary)


def _by_row(flags: Bools, encoded: pa.DictionaryArray) -> Bools:
    """Spread flags of distinct values over the rows; false where a row has none."""
    if not len(flags):
        return np.zeros(len(encoded), np.bool_)
    rows: Bools = flags[encoded.indices.fill_null(_ZERO_INDEX).to_numpy()]
    if encoded.null_count:
        rows &= encoded.is_valid().to_numpy(zero_copy_only=False)
    return rows


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
    # What is null has the index -1, which points at the last of the new ones: it is null too.
    new = np.append(distinct.indices.fill_null(_NO_INDEX).to_numpy(), np.int32(-1))
    indices = new[encoded.indices.fill_null(_NO_INDEX).to_numpy()]
    nulls = encoded.null_count or values.null_count
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, mask=indices < 0 if nulls else None), distinct.dictionary
    )


def _null_dashes(strings: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(strings, _DASH), _NULL, strings)


def _seconds(dates: pa.DictionaryArray, zones: pa.DictionaryArray) -> tuple[Int64s, Bools]:
    """Return each row's second since the epoch (UTC), and whether it names a real one."""
    seconds, good_dates = local_seconds(dates.dictionary)
    offsets, good_zones = zone_offset_seconds(zones.dictionary)
    date, zone = dates.indices.to_numpy(), zones.indices.to_numpy()
    return seconds[date] - offsets[zone], good_dates[date] & good_zones[zone]


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
