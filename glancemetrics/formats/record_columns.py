"""Turns columns of fields into records: `-` becomes null, durations seconds, times UTC."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.clients import clients_of, hosts_of, listed_client, without_quotes
from glancemetrics.formats.field_columns import Columns, Texts
from glancemetrics.formats.fields import TIMES, Field
from glancemetrics.formats.log_format import NO_TIME, LineContext
from glancemetrics.formats.times import (
    EARLIEST,
    LATEST,
    day_and_time,
    formatted_times,
    instants,
)
from glancemetrics.native.columns import column_of
from glancemetrics.native.line_decoder import LineDecoder
from glancemetrics.native.strings import codes_of, holds
from glancemetrics.native.values import Kind, Numbers, State, read_numbers
from glancemetrics.records.schema import MOST_SECONDS, SCHEMA, TEXT, schema_with

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_TEXTS = {
    Field.IDENTITY: "identity",
    Field.USER: "user",
    Field.REFERRER: "referrer",
    Field.AGENT: "agent",
    Field.VHOST: "vhost",
}
_DURATIONS = {
    Field.SECONDS: ("duration", 1.0),
    Field.MILLISECONDS: ("duration", 1e3),
    Field.MICROSECONDS: ("duration", 1e6),
    Field.NANOSECONDS: ("duration", 1e9),
    Field.DURATION: ("duration", 1.0),
    Field.SECONDS_OR_UNIT: ("duration", 1.0),
    Field.UPSTREAM_SECONDS: ("upstream_duration", 1.0),
    Field.UPSTREAM_MILLISECONDS: ("upstream_duration", 1e3),
    Field.UPSTREAM_NANOSECONDS: ("upstream_duration", 1e9),
}
"""The column of each field, and its units in a second."""
_FRACTIONS = {
    Field.FRACTION_SECONDS: ("duration", Kind.DURATION),
    Field.UPSTREAM_FRACTION_SECONDS: ("upstream_duration", Kind.DECIMALS),
}
_WITH_FRACTION = r"^(?:-|\d+\.\d{3}|[\d.]+[a-zµμ]+[\da-zµμ.]*)(?:(?:, ?| : )(?:-|\d+\.\d{3}))*$"
_TOKEN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$"  # noqa: S105 - of RFC 9110
_ADDRESS = r"^[A-Za-z][A-Za-z0-9+.-]*://"
# Created once: pyarrow takes 50 microseconds to infer the type of a plain value.
_NULL = pa.scalar(None, pa.string())
_EMPTY, _SPACE, _MARK = (pa.scalar(text, pa.string()) for text in ("", " ", "?"))
_DASH = pa.scalar("-", pa.string())
_GET, _HTTP, _CONNECT = (pa.scalar(text, pa.string()) for text in ("GET", "HTTP/1.1", "CONNECT"))


@attrs.frozen(eq=False)
class Records:
    """The records made of rows."""

    batch: pa.RecordBatch
    """The rows with a known time, of `records.SCHEMA` plus kept fields."""
    timed: Bools
    """Which rows have a known time."""
    damaged: Bools
    """Which records have an invalid value, which is null."""


def records_of(columns: Columns, line: Int32s, context: LineContext, strftime: str = "") -> Records:
    """Make records of columns.

    `line`: the line number of each row in the chunk; `strftime`: the format of a `FORMATTED_TIME`.
    """
    micros, timed = _times(columns, line, context, strftime)
    if len(micros) and (micros.min() < EARLIEST or micros.max() > LATEST):
        timed = timed & (micros >= EARLIEST) & (micros <= LATEST)
    if not timed.all():
        columns = columns.of_rows(timed)
        micros = micros[timed]
    made = {"time": column_of(micros).view(pa.timestamp("us", tz="UTC"))}
    made |= _request_columns(_with_target(columns.texts))
    durations, damaged = _durations(columns.numbers, context)
    made |= durations
    damaged |= columns.unusable(len(micros))
    made |= _more_durations(columns, made)
    host = _host(columns.texts, context)
    if host is not None:
        made["host"] = host.column()
    for field, numbers in columns.numbers.items():
        if field in {Field.STATUS, Field.STATUS_WORDS}:
            made["status"] = _column(numbers, np.uint16)
        elif field is Field.BYTES:
            made["bytes"] = _column(numbers, np.int64)
    for field, texts in columns.texts.items():
        match field:
            case Field.PLUS_AGENT:
                spaced = pc.match_substring(texts.distinct, " ")
                plain = pc.replace_substring(texts.distinct, "+", " ")
                plain = pc.if_else(spaced, texts.distinct, plain)
                made["agent"] = texts.mapped(plain).known().column()
            case Field.PERCENT_AGENT:
                plain = pa.array([_unquoted(text) for text in texts.distinct.to_pylist()])
                made["agent"] = texts.mapped(pc.cast(plain, pa.string())).known().column()
            case _ if field in _TEXTS:
                made[_TEXTS[field]] = texts.column()
    rows = len(micros)
    columns_made = [
        made[field.name] if field.name in made else pa.nulls(rows, field.type) for field in SCHEMA
    ]
    if not context.kept:
        return Records(pa.RecordBatch.from_arrays(columns_made, schema=SCHEMA), timed, damaged)
    for name in context.kept:
        kept = columns.kept.get(name)
        columns_made.append(pa.nulls(rows, TEXT) if kept is None else kept.column())
    schema = schema_with(context.kept)
    return Records(pa.RecordBatch.from_arrays(columns_made, schema=schema), timed, damaged)


def _times(
    columns: Columns, line: Int32s, context: LineContext, strftime: str
) -> tuple[Int64s, Bools]:
    """Return times in microseconds since the epoch, and which are known."""
    field = next((field for field in TIMES if field in columns.fields), None)
    zone, arrived = context.zone, context.arrived
    match field:
        case None:
            return context.times_of(line)
        case Field.FORMATTED_TIME:
            texts = columns.texts[field]
            micros, good = formatted_times(texts.distinct, strftime, zone, arrived)
            return np.append(micros, 0)[texts.codes], np.append(good, False)[texts.codes]
        case Field.TIME_OF_DAY:
            dates = columns.numbers.get(Field.DATE)
            return day_and_time(dates, columns.numbers[field], context.day, zone, arrived)
        case Field.BRACKETED_TIME:
            texts = columns.texts[field]
            bare = pc.utf8_trim(texts.distinct, characters="[] ")
            micros, good = instants(read_numbers(bare, Kind.ANY_TIME), zone, arrived)
            return np.append(micros, 0)[texts.codes], np.append(good, False)[texts.codes]
        case _:
            micros, good = instants(
                columns.numbers[field], zone, arrived, zone_is_explicit=context.zone_is_explicit
            )
            if context.line_times is not None and not good.all():
                # Lines without a time take that of their envelope.
                around = context.line_times[line]
                missing = (columns.numbers[field].states <= State.NOTHING) & (around != NO_TIME)
                micros = np.where(missing, around, micros)
                good = good | missing
            return micros, good


def _host(columns: Mapping[Field, Texts], context: LineContext) -> Texts | None:
    hosts = (Field.HOST, Field.HOST_PORT, Field.HOST_OR_PORT)
    logged = next((columns[field] for field in hosts if field in columns), None)
    if logged is None:
        return _listed(columns, context)
    peer = logged
    bare = without_quotes(logged.distinct)
    if bare is not logged.distinct or holds(bare, b","):
        peer = logged.mapped(hosts_of(bare, context.trusted))
    for field in (Field.FORWARDED_FOR, Field.FORWARDED):
        if context.trusted and field in columns:
            forwarded = columns[field]
            pairs = forwarded.codes.astype(np.int64) * (len(peer.distinct) + 1) + peer.codes
            _, first, where = np.unique(pairs, return_index=True, return_inverse=True)
            peers, listed = peer.of_rows(first), forwarded.of_rows(first)
            clients = clients_of(
                peers.each(peers.distinct).to_pylist(),
                listed.each(listed.distinct).to_pylist(),
                context.trusted,
                rfc7239=field is Field.FORWARDED,
            )
            return Texts.chosen(where.astype(np.int32), pa.array(clients, pa.string()))
    return peer


def _listed(columns: Mapping[Field, Texts], context: LineContext) -> Texts | None:
    """Return the clients of lines that have only a list of addresses."""
    if Field.FORWARDED_FOR in columns:
        forwarded = columns[Field.FORWARDED_FOR]
        bare = without_quotes(forwarded.distinct)
        return forwarded.mapped(hosts_of(bare, context.trusted))
    if Field.FORWARDED in columns:
        forwarded = columns[Field.FORWARDED]
        clients = [
            listed_client(text, context.trusted, rfc7239=True)
            for text in forwarded.distinct.to_pylist()
        ]
        return forwarded.mapped(pa.array(clients, pa.string()))
    return None


def _column(numbers: Numbers, dtype: npt.DTypeLike) -> pa.Array:
    """Return numbers as a column; unknown ones are null."""
    values, known = numbers.values.astype(dtype, copy=False), numbers.known
    return column_of(values, ~known)


def _durations(
    columns: Mapping[Field, Numbers], context: LineContext
) -> tuple[dict[str, pa.Array], Bools | np.bool_]:
    """Return durations in seconds, and which rows have an impossible one."""
    made: dict[str, pa.Array] = {}
    damaged: Bools | np.bool_ = np.False_
    seconds_of: dict[Field, pa.Array] = {}
    for field, numbers in columns.items():
        if field not in _DURATIONS and field not in (Field.BEFORE_SECONDS, Field.AFTER_SECONDS):
            continue
        name, units = _DURATIONS.get(field, ("", 1.0))
        values, known = numbers.values / units, numbers.known
        if field is Field.DURATION and context.duration_unit is not None:
            unitless = numbers.states == State.WITHOUT_UNIT
            values = np.where(unitless, values / context.duration_unit.in_a_second, values)
            known = known | unitless
        absurd = known & ~(values <= MOST_SECONDS)
        if absurd.any():
            damaged = damaged | absurd
            known = known & ~absurd
        seconds = column_of(values, ~known)
        seconds_of[field] = seconds
        if name:
            made[name] = pc.coalesce(made[name], seconds) if name in made else seconds
    if Field.BEFORE_SECONDS in seconds_of and Field.AFTER_SECONDS in seconds_of:
        before, after = (seconds_of[field] for field in (Field.BEFORE_SECONDS, Field.AFTER_SECONDS))
        made["duration"] = pc.add(pc.add(before, after), made["upstream_duration"])
    return made, damaged


def _more_durations(columns: Columns, made: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Return durations that are a sum of two fields, or valid only with a fraction or a unit."""
    more: dict[str, pa.Array] = {}
    for field, (name, kind) in _FRACTIONS.items():
        if field in columns.texts:
            seconds = _fractions(columns.texts[field], kind)
            more[name] = pc.coalesce(made[name], seconds) if name in made else seconds
    if Field.CONNECT_DURATION in columns.numbers and "duration" in made:
        connect = _column(columns.numbers[Field.CONNECT_DURATION], np.float64)
        more["duration"] = pc.add(connect, made["duration"])
    return more


def _fractions(texts: Texts, kind: Kind) -> pa.Array:
    """Return the seconds of texts that have a fraction or a unit; null for others."""
    fits = pc.match_substring_regex(texts.distinct, _WITH_FRACTION)
    durations = pc.if_else(fits, texts.distinct, _DASH)
    # A number without a unit is in seconds, also in a list of several upstreams.
    bare = pc.match_substring_regex(durations, r"^\d+\.\d{3}$")
    if kind is Kind.DURATION:
        durations = pc.if_else(bare, pc.binary_join_element_wise(durations, "s", ""), durations)
    read = read_numbers(durations, kind)
    numbers = Numbers(
        np.append(read.values, 0.0)[texts.codes],
        np.append(read.states, np.uint8(State.ABSENT))[texts.codes],
    )
    return _column(numbers, np.float64)


def _with_target(columns: Mapping[Field, Texts]) -> Mapping[Field, Texts]:
    """Return columns with the target taken from a route, if there is no other target."""
    if Field.ROUTE not in columns or Field.TARGET in columns:
        return columns
    routes = columns[Field.ROUTE]
    is_path = pc.match_substring_regex(routes.distinct, "^[A-Z]+ /")
    paths = pc.if_else(is_path, pc.replace_substring_regex(routes.distinct, "^[A-Z]+ ", ""), _NULL)
    return {**columns, Field.TARGET: routes.mapped(paths)}


def _request_columns(columns: Mapping[Field, Texts]) -> dict[str, pa.Array]:
    """Split requests into columns, whether logged as a line or in parts."""
    decoder = LineDecoder()
    if Field.REQUEST in columns:
        requests = columns[Field.REQUEST]
        numbers = decoder.split(requests.distinct)
        return _decoded_columns(decoder, numbers, requests.codes)
    if Field.TARGET not in columns and Field.PATH not in columns:
        return {}
    targets = _targets(columns)
    rows = len(targets.codes)
    methods = columns.get(Field.METHOD, Texts(np.full(rows, -1, np.int32), _NO_TEXTS))
    # Each distinct target is split once, as the target of a GET, since the method rarely matters.
    # Only if it does, or the method is invalid, the whole request line is assembled.
    lines = pc.binary_join_element_wise(_GET, targets.distinct, _HTTP, _SPACE)
    whole = targets.codes.copy()
    odd = _odd_requests(targets, methods)
    if odd.any():
        joined = pc.dictionary_encode(
            pc.binary_join_element_wise(
                methods.of_rows(odd).each(methods.of_rows(odd).distinct),
                targets.of_rows(odd).each(targets.of_rows(odd).distinct),
                _HTTP,
                _SPACE,
                null_handling="replace",
                null_replacement="GET",
            )
        )
        whole[odd] = codes_of(joined) + len(targets.distinct)
        lines = pa.concat_arrays([lines, joined.dictionary])
    numbers = decoder.split(lines)
    made = _decoded_columns(decoder, numbers, whole, ("path", "query", "vhost"))
    malformed = np.append(numbers["request"], np.int32(-1))[whole] >= 0
    if malformed.any():
        shown = _logged_requests(columns, targets, methods)
        made["request"] = pc.dictionary_encode(pc.if_else(column_of(malformed), shown, _NULL))
    methods = methods.mapped(pc.utf8_upper(methods.distinct))
    protocols = columns.get(Field.PROTOCOL, Texts(np.full(rows, -1, np.int32), _NO_TEXTS))
    protocols = protocols.mapped(_protocols(protocols.distinct))
    nothing = malformed | (targets.codes < 0)
    for name, texts in (("method", methods), ("protocol", protocols)):
        made[name] = Texts.of(np.where(nothing, np.int32(-1), texts.codes), texts.distinct).column()
    return made


_NO_TEXTS = pa.array([], pa.string())


def _decoded_columns(
    decoder: LineDecoder,
    numbers: Mapping[str, Int32s],
    codes: Int32s,
    names: tuple[str, ...] = (),
) -> dict[str, pa.Array]:
    made = {}
    for name in names or numbers:
        texts = decoder.texts(name)
        if len(texts):
            # The last entry is for rows without a request.
            made[name] = Texts(np.append(numbers[name], np.int32(-1))[codes], texts).column()
    return made


def _targets(columns: Mapping[Field, Texts]) -> Texts:
    path = columns[Field.TARGET if Field.TARGET in columns else Field.PATH]
    query = columns.get(Field.QUERY, columns.get(Field.MARKED_QUERY))
    if query is None and Field.LOOSE_QUERY in columns:
        loose = columns[Field.LOOSE_QUERY]
        bare = pc.replace_substring_regex(loose.distinct, r"^ *\??(.*?) *$", r"\1")
        query = loose.mapped(bare)
    if query is None or not len(query.distinct):
        return path
    # Each distinct pair is joined once.
    pairs = path.codes.astype(np.int64) * (len(query.distinct) + 1) + (query.codes + 1)
    encoded = pc.dictionary_encode(pa.array(pairs))
    which, query_which = np.divmod(encoded.dictionary.to_numpy(), len(query.distinct) + 1)
    paths = Texts(which.astype(np.int32), path.distinct)
    queried = Texts((query_which - 1).astype(np.int32), query.distinct)
    queries = pc.fill_null(queried.each(queried.distinct), _EMPTY)
    if Field.QUERY in columns or Field.MARKED_QUERY not in columns:
        marked = pc.binary_join_element_wise(_MARK, queries, _EMPTY)
        queries = pc.if_else(pc.equal(queries, _EMPTY), _EMPTY, marked)
    bases = paths.each(paths.distinct)
    if Field.TARGET in columns:
        queries = pc.if_else(pc.match_substring(bases, "?"), _EMPTY, queries)
    joined = pc.binary_join_element_wise(bases, queries, _EMPTY)
    return Texts(codes_of(encoded), pc.fill_null(joined, _EMPTY)).mapped(joined)


def _odd_requests(targets: Texts, methods: Texts) -> Bools:
    """Tell which requests are not a plain path or URL with a usual method."""
    plain = pc.starts_with(targets.distinct, "/").to_numpy(zero_copy_only=False)
    if not plain.all():
        others = pc.filter(targets.distinct, column_of(~plain))
        plain = plain.copy()
        plain[~plain] = pc.match_substring_regex(others, _ADDRESS).to_numpy(zero_copy_only=False)
    odd: Bools = np.append(~plain, False)[targets.codes]
    token = pc.match_substring_regex(methods.distinct, _TOKEN)
    connects = pc.equal(pc.utf8_upper(methods.distinct), _CONNECT)
    usual = pc.and_not(token, connects).to_numpy(zero_copy_only=False)
    odd |= ~np.append(usual, True)[methods.codes]
    return odd & (targets.codes >= 0)


def _logged_requests(
    columns: Mapping[Field, Texts], targets: Texts, methods: Texts
) -> pa.StringArray:
    """Return request lines as logged, for malformed requests."""
    protocols = columns.get(Field.PROTOCOL)
    parts = [methods.each(methods.distinct), targets.each(targets.distinct)]
    if protocols is not None:
        parts.append(protocols.each(protocols.distinct))
    return pc.binary_join_element_wise(*parts, " ", null_handling="skip")


def _protocols(texts: pa.StringArray) -> pa.StringArray:
    """Return `HTTP/2` for `h2` and `2`; null for invalid protocols."""
    upper = pc.utf8_upper(texts)
    named = pc.replace_substring_regex(upper, r"^(?:HTTP/?|H)?(\d(?:\.\d)?)(?:\.0)*C?$", r"HTTP/\1")
    return pc.if_else(pc.match_substring_regex(named, r"^HTTP/\d(?:\.\d)?$"), named, _NULL)


def _unquoted(text: str) -> str:
    # CloudFront encodes twice.
    return unquote(unquote(text), errors="backslashreplace")
