"""The output of `glancemetrics formats FILE`: the detected format, or how to set one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from textwrap import wrap

import attrs

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.detection import Detection, detect, nearest
from glancemetrics.formats.extended import UNIT_HINT
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.kept_fields import (
    keepable_names,
    not_keepable,
    path_text,
    paths_called,
)
from glancemetrics.formats.lines import line_bounds
from glancemetrics.formats.log_format import (
    Decoded,
    LineContext,
    LogFormat,
    reject_samples,
)
from glancemetrics.formats.pairs import PairsFormat
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.reading import Reading
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.formats.w3c import NO_FIELDS
from glancemetrics.records.rejects import Reject
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_count

_SHOWN_CANDIDATES = 6
_SHOWN_REJECTS = 3
_LINE_CELLS = 76
"""Shown width of a log line."""
_BEFORE_MARK = 50
_NO_KEY = "no key for"
_SAMPLED_RECORDS = 100
"""Records that are checked for unused keys."""
_KEY_LINES = 6
_FIELDS = re.compile(rb"^#Fields:", re.MULTILINE)
_UNREAD_FIELDS = (
    "its values do not match the #Fields line before it, or that line has no date and time"
)


def list_formats() -> str:
    """Return the named formats, one per line."""
    width = max(map(len, PRESETS))
    lines = [f"{preset.name.ljust(width)}  {preset.title}" for preset in PRESETS.values()]
    return "\n".join(lines) + "\n"


def explain_log(name: str, sample: bytes, reading: Reading) -> str:
    """Describe the format of a log from a sample of its lines, each ended by a newline."""
    return "\n".join(_explained(name, sample, reading)) + "\n"


def is_read(sample: bytes, reading: Reading) -> bool:
    """Tell whether a format reads any of some lines, or there is no line yet."""
    log_format: LogFormat = reading.given or AutoFormat(
        detect(sample, reading.context).format, learns=False
    )
    decoded = guarded_decode(log_format, sample, reading.context)
    return bool(decoded.batch.num_rows) or not decoded.lines


def _explained(name: str, sample: bytes, reading: Reading) -> Iterator[str]:
    detection = detect(sample, reading.context)
    log_format: LogFormat = reading.given or AutoFormat(detection.format, learns=False)
    decoded = guarded_decode(log_format, sample, reading.context)
    if not decoded.lines:
        yield f"{visible(name)}: no lines yet"
        return
    if decoded.batch.num_rows:
        given = " (set by --format)" if reading.given is not None else ""
        yield f"{visible(name)}: {visible(log_format.name)}{given}"
    elif reading.given is None:
        yield f"{visible(name)}: no known format matches"
    else:
        yield f"{visible(name)}: no line is {visible(log_format.expected)}, set by --format"
    yield f"  {_count(decoded.lines, 'line')} read: {_outcome(decoded)}"
    yield from _candidates(detection)
    if decoded.batch.num_rows:
        yield from _first_record(decoded)
        yield from _unused_keys(sample, decoded, log_format, reading.context.kept)
        yield from _not_keepable(log_format, reading.context.kept)
        yield from _hints(sample, log_format, reading.context)
    yield from _rejects(sample, decoded, log_format)
    if not decoded.batch.num_rows:
        yield from _NEXT_STEPS


def _outcome(decoded: Decoded) -> str:
    parts = [
        _count(decoded.batch.num_rows, "record"),
        _count(decoded.rejects, "reject"),
        f"{format_count(decoded.foreign)} from other programs",
    ]
    if len(decoded.damaged):
        parts.append(f"{format_count(len(decoded.damaged))} damaged")
    return ", ".join(parts)


def _count(count: int, noun: str) -> str:
    return f"{format_count(count)} {noun}{'' if count == 1 else 's'}"


def _candidates(detection: Detection) -> Iterator[str]:
    if not detection.candidates:
        return
    yield ""
    yield f"Formats that match some of {_count(detection.lines, 'line')}"
    width = max(len(one.name) for one in detection.candidates[:_SHOWN_CANDIDATES])
    for one in detection.candidates[:_SHOWN_CANDIDATES]:
        columns = _count(one.columns, "column")
        yield f"  {one.name.ljust(width)}  {_count(one.records, 'line')}, {columns}"
    hidden = len(detection.candidates) - _SHOWN_CANDIDATES
    if hidden > 0:
        yield f"  and {hidden} more"


def _first_record(decoded: Decoded) -> Iterator[str]:
    yield ""
    yield "First record"
    record = decoded.batch.slice(0, 1).to_pylist()[0]
    names = decoded.batch.schema.names
    width = max(map(len, names))
    for column in names:
        value = record[column]
        if isinstance(value, datetime):
            text = value.astimezone(UTC).isoformat(sep=" ").replace("+00:00", " UTC")
        elif value is None:
            text = "–"
        elif isinstance(value, float):
            text = f"{value:g} s"
        else:
            text = visible(str(value))
        yield f"  {visible(column.ljust(width))}  {text}"


def _not_keepable(log_format: LogFormat, kept: Sequence[str]) -> Iterator[str]:
    """List the `--keep` fields that the format does not have, and the ones it has."""
    lacking = not_keepable(kept, log_format)
    if lacking:
        yield ""
        names = ", ".join(keepable_names(log_format)) or "none"
        yield f"--keep {visible(','.join(lacking))}: no such field; available: {visible(names)}"


def _unused_keys(
    sample: bytes, decoded: Decoded, log_format: LogFormat, kept: Sequence[str]
) -> Iterator[str]:
    """List the keys of objects, or names of pairs, that the format does not use."""
    stream = log_format.known if isinstance(log_format, AutoFormat) else log_format
    if not isinstance(stream, StreamFormat):
        return
    formats = [one for one in stream.formats if isinstance(one, JsonFormat | PairsFormat)]
    if not formats:
        return
    starts, ends = line_bounds(sample)
    unused: dict[str, None] = {}
    for number in decoded.line[:_SAMPLED_RECORDS].tolist():
        text = sample[starts[number] : ends[number]].decode("utf-8", "backslashreplace")
        text = stream.without_envelopes(text)
        each = [one.unused_keys(text) for one in formats]
        unused |= dict.fromkeys(key for key in each[0] if all(key in keys for keys in each))
    known = {path_text(path) for name in kept for path in paths_called(name)}
    unused = {key: None for key in unused if key not in known}
    if not unused:
        return
    yield ""
    yield "Unused keys"
    yield from wrap(
        visible(", ".join(unused)),
        _LINE_CELLS,
        initial_indent="  ",
        subsequent_indent="  ",
        max_lines=_KEY_LINES,
        placeholder=" …",
    )


def _hints(sample: bytes, log_format: LogFormat, context: LineContext) -> Iterator[str]:
    """Name ambiguous fields, and the option that says what they are."""
    stream = log_format.known if isinstance(log_format, AutoFormat) else log_format
    for one in stream.formats if isinstance(stream, StreamFormat) else ():
        hint = ""
        if isinstance(one, PatternFormat):
            hint = one.hint
        elif isinstance(one, JsonFormat) and context.duration_unit is None:
            unitless = one.unitless(sample)
            hint = f"{visible(unitless)}: {UNIT_HINT}" if unitless else ""
        if hint:
            yield f"  {hint}"


def _rejects(sample: bytes, decoded: Decoded, log_format: LogFormat) -> Iterator[str]:
    stream = log_format.known if isinstance(log_format, AutoFormat) else log_format
    for reject in reject_samples(sample, decoded, log_format)[:_SHOWN_REJECTS]:
        yield ""
        yield "Rejected line"
        is_row = _FIELDS.search(sample) and reject.reason.startswith("no known format")
        shown = attrs.evolve(reject, reason=_UNREAD_FIELDS) if is_row else reject
        yield from _marked(shown, stream if isinstance(stream, StreamFormat) else None)


def _marked(reject: Reject, stream: StreamFormat | None) -> Iterator[str]:
    """Show a reject with a mark where the closest format stops matching."""
    text, reason = reject.line, reject.reason
    if stream is not None and stream.envelopes:
        text = stream.without_envelopes(text)
    if text.lstrip().startswith("{"):
        yield f"  {visible(text)[:_LINE_CELLS]}"
        yield f"  {visible(_about_json(text, reason, stream))}"
        return
    if reason in (NO_FIELDS, _UNREAD_FIELDS):
        yield f"  {visible(text)[:_LINE_CELLS]}"
        yield f"  {visible(reason)}"
        return
    stop = nearest(text, None if stream is None else stream.formats)
    if stop is None or (stream is None and not stop.at):
        yield f"  {visible(text)[:_LINE_CELLS]}"
        yield f"  {visible(reason)}"
        return
    begin = max(0, stop.at - _BEFORE_MARK)
    before = "…" * bool(begin) + visible(text[begin : stop.at])
    yield f"  {before}{visible(text[stop.at :])[: max(1, _LINE_CELLS - len(before))]}"
    yield "  " + " " * len(before) + "^"
    closest = f"closest format: {stop.name}; " if stream is None else ""
    yield f"  {closest}{visible(stop.reason)}"


def _about_json(text: str, reason: str, stream: StreamFormat | None) -> str:
    """Say what is wrong with a JSON line, by its keys."""
    known = stream.formats if stream is not None else PRESETS["json"].formats
    formats = [one for one in known if isinstance(one, JsonFormat)]
    if not formats:
        return "the line is JSON, but the log's format is not"
    if stream is not None:
        return reason
    keys, fault = formats[0].unused_keys(text), formats[0].explain(text.encode("utf-8", "replace"))
    return f"{fault}; unknown keys: {', '.join(keys)}" if keys and _NO_KEY in fault else fault


_NEXT_STEPS = (
    "",
    "What to do next",
    "  Check that this is the access log, not an error log or an application's own log.",
    "  If the server has a custom format, copy its definition:",
    "    --format 'log_format main $remote_addr ...;'       nginx",
    "    --format 'LogFormat \"%h %l %u %t ...\" name'         Apache",
    "  List the named formats: glancemetrics formats",
)
