"""A line of which a format raises is a reject, and no other line is lost with it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.log_format import UNKNOWN, Decoded, LineContext
from glancemetrics.formats.w3c import W3cFormat
from glancemetrics.records.schema import seconds
from tests.lines import BASE, line

BAD = b"bad"


class Fragile:
    """A format that raises where a line is of a kind; otherwise another."""

    def __init__(self, inner: object = COMBINED, error: type[Exception] = RecursionError) -> None:
        self._inner = inner
        self._error = error
        self.name = "fragile"
        self.expected = "a line"
        self.directives: Sequence[bytes] = inner.directives  # type: ignore[attr-defined]

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        if BAD in bytes(chunk):
            raise self._error("too deep")
        return self._inner.decode(chunk, context)  # type: ignore[attr-defined]

    def explain(self, text: bytes) -> str:
        raise self._error(text)


@given(st.lists(st.sampled_from(["good", "bad", "odd"]), min_size=1, max_size=40))
def test_only_the_lines_that_raise_are_rejects(kinds: list[str]) -> None:
    lines = {"good": line, "bad": lambda _: BAD + b"\n", "odd": lambda _: b"odd\n"}
    chunk = b"".join(lines[kind](BASE + number) for number, kind in enumerate(kinds))
    decoded = guarded_decode(Fragile(), chunk)
    good = [number for number, kind in enumerate(kinds) if kind == "good"]
    assert decoded.lines == len(kinds)
    assert decoded.line.tolist() == good
    assert seconds(decoded.batch).tolist() == [BASE + number for number in good]
    assert decoded.rejected.tolist() == [n for n in range(len(kinds)) if n not in good]


@pytest.mark.parametrize("error", [RecursionError, MemoryError, OverflowError, ValueError])
def test_whatever_is_raised(error: type[Exception]) -> None:
    decoded = guarded_decode(Fragile(error=error), line() * 1000 + BAD + b"\n" + line() * 1000)
    assert (decoded.batch.num_rows, decoded.rejects) == (2000, 1)


def test_what_every_line_raises_is_a_defect() -> None:
    with pytest.raises(RecursionError):
        guarded_decode(Fragile(), (BAD + b"\n") * 1000)


def test_directives_of_the_lines_before_hold_also_then() -> None:
    fields = b"#Fields: date time c-ip cs-method cs-uri-stem sc-status\n"
    row = b"2026-11-26 07:15:03 192.0.2.1 GET /a 200\n"
    decoded = guarded_decode(Fragile(W3cFormat("w3c")), fields + row * 5 + BAD + b"\n" + row * 5)
    assert decoded.batch.num_rows == 10
    assert decoded.rejected.tolist() == [6]
