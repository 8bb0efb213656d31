"""Removes what log collectors put around each line.

Sources: RFC 3164 section 4.1 and RFC 5424 section 6 (syslog);
https://docs.docker.com/engine/logging/drivers/json-file/; the Kubernetes container runtime
interface (`design-proposals-archive/node/kubelet-cri-logging.md`);
https://www.freedesktop.org/software/systemd/man/latest/journalctl.html (`--output=`);
https://www.elastic.co/guide/en/beats/filebeat/current/exported-fields-log.html;
https://vector.dev/docs/reference/configuration/sources/file/#output-data;
https://docs.fluentd.org/output/file; https://github.com/stern/stern.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.log_format import NO_TIME
from glancemetrics.native.json_lines import OBJECT, JsonPaths
from glancemetrics.native.strings import StringTable, indices_of
from glancemetrics.native.values import Kind, Nothing, TextRows, Wanted, read_numbers

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Opened:
    """Lines after their envelope was removed."""

    lines: pa.StringArray
    """The lines, each with its newline."""
    line: Int32s
    """The original line number of each; of a line that was split, the first."""
    times: Int64s
    """The envelope's time, microseconds since the epoch; `NO_TIME` if it has none."""
    enveloped: Bools
    """Which lines had an envelope; the others are unchanged."""


@attrs.frozen(eq=False)
class Envelope:
    """One way to wrap lines."""

    name: str
    title: str
    """A description for people."""
    take_off: Callable[[pa.StringArray], Opened]
    """Removes the envelope from lines, each of which has its newline."""
    is_object: bool = False
    """Whether it is a JSON object, whose other values can be kept."""


_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_BSD_TIME = (
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,6})?"
)
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"


def _prefixed(pattern: str) -> Callable[[pa.StringArray], Opened]:
    """Return a function that removes a prefix (RE2) from lines.

    The group `time` is an ISO time; the group `kept` belongs to the line.
    """
    whole = f"^(?:{pattern})"
    plain = whole.replace("(?P<time>", "(?:")
    kept = r"\1" if "(?P<kept>" in plain else ""

    def take_off(lines: pa.StringArray) -> Opened:
        payload = pc.replace_substring_regex(lines, plain, kept, max_replacements=1)
        enveloped = _lengths(payload) != _lengths(lines)
        times = np.full(len(lines), NO_TIME, np.int64)
        if "(?P<time>" in whole and enveloped.any():
            found = pc.fill_null(pc.struct_field(pc.extract_regex(lines, whole), "time"), "")
            times = _iso_times(found)
        return Opened(payload, np.arange(len(lines), dtype=np.int32), times, enveloped)

    return take_off


def _iso_times(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    """Return microseconds since the epoch; `NO_TIME` for texts that are not a time."""
    read = read_numbers(texts, Kind.ISO_TIME)
    return np.where(read.known, read.values, NO_TIME)


def _lengths(lines: pa.StringArray) -> npt.NDArray[np.int32]:
    lengths: npt.NDArray[np.int32] = pc.binary_length(lines).to_numpy()
    return lengths


_IN_QUOTES = r'^"(.*?)"?([ \r]*\n)$'
"""The closing quote is missing if the line was truncated."""


def _take_off_quotes(lines: pa.StringArray) -> Opened:
    """Remove quotes around whole lines; quotes inside are kept."""
    payload = pc.replace_substring_regex(lines, _IN_QUOTES, r"\1\2")
    enveloped = _lengths(payload) != _lengths(lines)
    times = np.full(len(lines), NO_TIME, np.int64)
    return Opened(payload, np.arange(len(lines), dtype=np.int32), times, enveloped)


_CRI = rf"(?P<time>{_ISO}) (?P<stream>stdout|stderr) (?P<tag>[FP])(?::[^ ]*)? "


def _take_off_cri(lines: pa.StringArray) -> Opened:
    """Remove `TIME stdout F `, and join lines that were split (`P`)."""
    opened = _cri(lines)
    found = pc.extract_regex(lines, f"^{_CRI}")
    partial = pc.fill_null(pc.equal(pc.struct_field(found, "tag"), "P"), False)
    if not pc.any(partial).as_py():
        return opened
    streams = pc.struct_field(found, "stream")
    return _put_together(opened, partial.to_numpy(zero_copy_only=False), streams)


_cri = _prefixed(_CRI.replace("(?P<stream>", "(?:").replace("(?P<tag>", "(?:"))


def _put_together(opened: Opened, partial: Bools, streams: pa.StringArray) -> Opened:
    """Join partial lines with the next on the same stream; an unfinished rest is a line too."""
    texts, times, enveloped = opened.lines.to_pylist(), opened.times, opened.enveloped
    held: dict[str | None, tuple[str, int]] = {}
    made: list[tuple[str, int]] = []
    for number, (text, stream, more) in enumerate(
        zip(texts, streams.to_pylist(), partial.tolist(), strict=True)
    ):
        before, first = held.pop(stream, ("", number)) if stream is not None else ("", number)
        if more:
            held[stream] = (before + text.removesuffix("\n"), first)
        else:
            made.append((before + text, first))
    made.extend((text + "\n", first) for text, first in held.values())
    made.sort(key=lambda line: line[1])
    firsts = np.array([first for _, first in made], np.int32)
    lines = pa.array([text for text, _ in made], pa.string())
    return Opened(lines, opened.line[firsts], times[firsts], enveloped[firsts])


def _paths(*keys: str, nothing: Nothing = Nothing.NONE) -> JsonPaths:
    return JsonPaths([(tuple(key.split("/")), Wanted(nothing=nothing)) for key in keys])


_DOCKER_PATHS = _paths("log", "stream", "time")
_SHIPPED = ("message", "log", "line", "event/original", "event.original", "MESSAGE")
"""Keys that hold the line: Filebeat and Vector, Fluent Bit, Promtail, Logstash, systemd."""
_SHIPPING_TIMES = ("@timestamp", "timestamp", "time", "date", "ts")
_SHIPPER_PATHS = _paths(*_SHIPPED, *_SHIPPING_TIMES, nothing=Nothing.EMPTY)
_HOSTS = ("_HOSTNAME", "hostname", "host/name", "host.name", "host")
"""Keys that hold the server's name: systemd, Fluent Bit, Filebeat, Vector."""
_HOST_PATHS = _paths(*_SHIPPED, *_HOSTS, nothing=Nothing.EMPTY)
_JOURNAL_PATHS = _paths("MESSAGE", "__REALTIME_TIMESTAMP", "_HOSTNAME")


def _values(paths: JsonPaths, count: int, lines: pa.StringArray) -> list[pa.StringArray]:
    """Return the value of each path by line; null if it is missing or the line is not an object."""
    tables = [StringTable() for _ in range(count)]
    read = paths.read(lines, tables)
    whole = read.kinds == OBJECT
    nothing = np.full(len(lines), -1, np.int32)
    texts = []
    for number, table in enumerate(tables):
        column = read.columns.get(number)
        codes = column.codes if isinstance(column, TextRows) else nothing
        texts.append(pc.take(table.sealed(), indices_of(np.where(whole, codes, np.int32(-1)))))
    return texts


def _opened(lines: pa.StringArray, body: pa.StringArray, times: Int64s) -> Opened:
    r"""Return bodies with a newline, or the line if there is none; newlines inside become `\n`."""
    body = pc.replace_substring(pc.replace_substring_regex(body, r"\n$", ""), "\n", r"\n")
    inside = pc.binary_join_element_wise(body, "\n", "", null_handling="skip")
    there = pc.is_valid(body)
    numbers = np.arange(len(lines), dtype=np.int32)
    enveloped = there.to_numpy(zero_copy_only=False).copy()
    return Opened(pc.if_else(there, inside, lines), numbers, times, enveloped)


def _take_off_docker(lines: pa.StringArray) -> Opened:
    log, stream, time = _values(_DOCKER_PATHS, 3, lines)
    times = _iso_times(pc.fill_null(time, ""))
    # Docker always writes a time; other programs with the same keys may put it elsewhere.
    log = pc.if_else(pa.array(times != NO_TIME), log, None)
    whole_lines = pc.fill_null(pc.ends_with(log, "\n"), True)
    opened = _opened(lines, log, times)
    if pc.all(whole_lines).as_py():
        return opened
    partial = pc.invert(whole_lines).to_numpy(zero_copy_only=False)
    return _put_together(opened, partial, stream)


def _take_off_journal(lines: pa.StringArray) -> Opened:
    message, written, _host = _values(_JOURNAL_PATHS, 3, lines)
    known = pc.fill_null(pc.match_substring_regex(written, r"^\d{1,18}$"), False)
    micros = pc.fill_null(pc.cast(pc.if_else(known, written, None), pa.int64()), NO_TIME).to_numpy()
    opened = _opened(lines, message, micros)
    # A message that is not UTF-8 is an array of bytes.
    odd = pc.match_substring_regex(lines, r'"MESSAGE" ?: ?\[').to_numpy(zero_copy_only=False)
    if not odd.any():
        return opened
    texts = opened.lines.to_pylist()
    for number in np.flatnonzero(odd).tolist():
        text = _bytes_message(lines[number].as_py())
        if text is not None:
            texts[number] = text + "\n"
            opened.enveloped[number] = True
    return attrs.evolve(opened, lines=pa.array(texts, pa.string()))


def _bytes_message(line: str) -> str | None:
    """Decode a message that is an array of bytes; `None` for anything else, such as a number."""
    try:
        message = json.loads(line)["MESSAGE"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(message, list) or not all(type(one) is int for one in message):
        return None
    try:
        text = bytes(message).decode("utf-8", "backslashreplace")
    except ValueError:
        return None
    return text.replace("\n", r"\n")


def _take_off_shipper(lines: pa.StringArray) -> Opened:
    """Take the line out of a log shipper's JSON object."""
    found = _values(_SHIPPER_PATHS, len(_SHIPPED) + len(_SHIPPING_TIMES), lines)
    line = pc.coalesce(*found[: len(_SHIPPED)])
    times = np.full(len(lines), NO_TIME, np.int64)
    for texts in found[len(_SHIPPED) :]:
        if texts.null_count < len(texts):
            read = read_numbers(pc.fill_null(texts, ""), Kind.ANY_TIME)
            times = np.where((times == NO_TIME) & read.known, read.values, times)
    return _opened(lines, line, times)


def names_of_servers(lines: pa.StringArray) -> list[str]:
    """Return the servers that log shippers name in their objects; empty for all other lines.

    An object without a line in it may be a line of the log itself, where `host` is something else.
    """
    found = _values(_HOST_PATHS, len(_SHIPPED) + len(_HOSTS), lines)
    is_shipped = pc.is_valid(pc.coalesce(*found[: len(_SHIPPED)]))
    named = pc.coalesce(*found[len(_SHIPPED) :])
    names: list[str] = pc.fill_null(pc.if_else(is_shipped, named, None), "").to_pylist()
    return names


_POD = r"[a-z0-9][a-z0-9.-]*-[a-z0-9]+"
_CONTAINER = r"[a-z][a-z0-9-]*"
_PREFIX = rf"{_COLOUR}%s{_COLOUR}"

ENVELOPES: Mapping[str, Envelope] = {
    envelope.name: envelope
    for envelope in (
        Envelope("docker", "Docker's json-file", _take_off_docker, is_object=True),
        Envelope("journald", "journalctl -o json", _take_off_journal, is_object=True),
        Envelope("shipper", "the JSON of a log shipper", _take_off_shipper, is_object=True),
        Envelope(
            "fluentd",
            "fluentd's file output",
            _prefixed(rf"(?P<time>{_ISO})\t[^\t ]+\t"),
        ),
        Envelope("cri", "Kubernetes' container runtime interface", _take_off_cri),
        Envelope(
            "kubectl",
            "kubectl logs --prefix",
            _prefixed(
                rf"{_COLOUR}\[pod/[^\]/ ]+/[^\] ]+\]{_COLOUR} {_COLOUR}(?:(?P<time>{_ISO}) )?"
            ),
        ),
        Envelope(
            "compose",
            "docker compose logs",
            _prefixed(
                rf"{_COLOUR}[A-Za-z0-9][A-Za-z0-9_.-]* *{_COLOUR}\|{_COLOUR} {_COLOUR}"
                rf"(?:(?P<time>{_ISO}) )?"
            ),
        ),
        Envelope(
            "stern",
            "stern: pod and container before each line",
            _prefixed(
                rf"(?:{_PREFIX % _CONTAINER} )?{_PREFIX % _POD} {_PREFIX % _CONTAINER} "
                rf"(?:(?P<time>{_ISO}) )?"
            ),
        ),
        Envelope(
            "rfc5424",
            "syslog (RFC 5424)",
            _prefixed(
                # Heroku's drains omit the structured data.
                rf"(?:<\d{{1,3}}>)?1 (?P<time>{_ISO}|-) [^ ]+ [^ ]+ [^ ]+ [^ ]+ "
                r'(?:(?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) ?)?\x{FEFF}?'
            ),
        ),
        Envelope("quotes", "quotes around each line", _take_off_quotes),
        Envelope(
            "time",
            "a time before each line",
            _prefixed(rf"{_COLOUR}(?P<time>{_ISO}){_COLOUR} {_COLOUR}"),
        ),
        Envelope(
            "rfc3164",
            "syslog (RFC 3164)",
            _prefixed(
                # The tag may be missing before JSON, which cannot be mistaken for a tag.
                rf"(?:<\d{{1,3}}>)?(?:{_BSD_TIME}|(?P<time>{_ISO})) (?:[^ :\"{{](?:\S*[^ :])? +)?"
                r"(?:[^ :\[\]\"{]{1,64}(?:\[[^\] ]*\])?: ?|(?P<kept>\{))"
            ),
        ),
    )
}
"""By name, in the order they are tried: ambiguous ones last."""
