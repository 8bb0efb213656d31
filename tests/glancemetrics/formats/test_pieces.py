"""Lines that a collector has cut are held until they are whole, wherever chunks are cut."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glancemetrics as gm
from actors.archive import log_reader
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.envelopes import ENVELOPES
from glancemetrics.formats.pieces import Pieces, unfinished
from glancemetrics.formats.stream import StreamFormat
from tests.lines import line

CRI = StreamFormat((COMBINED,), (ENVELOPES["cri"],))
DOCKER = StreamFormat((COMBINED,), (ENVELOPES["docker"],))
ISO = "2015-05-17T12:05:03.25+02:00"
TEXT = line().decode().rstrip()


def cut(text: str, *at: int) -> list[str]:
    ends = [0, *at, len(text)]
    return [text[a:b] for a, b in pairwise(ends)]


def cri(*pieces: str) -> bytes:
    tags = ["P"] * (len(pieces) - 1) + ["F"]
    lines = [f"{ISO} stdout {tag} {text}\n" for tag, text in zip(tags, pieces, strict=True)]
    return "".join(lines).encode()


def docker(*pieces: str) -> bytes:
    texts = [*pieces[:-1], pieces[-1] + "\n"]
    lines = [json.dumps({"log": text, "stream": "stdout", "time": ISO}, separators=(",", ":"))
             for text in texts]  # fmt: skip
    return "".join(f"{text}\n" for text in lines).encode()


@pytest.mark.parametrize(("stream", "wrap"), [(CRI, cri), (DOCKER, docker)])
@given(cuts=st.lists(st.integers(0, 40), max_size=6), ats=st.lists(st.integers(1, 90), max_size=3))
def test_wherever_chunks_are_cut_each_line_is_one_record(
    stream: StreamFormat, wrap: object, cuts: list[int], ats: list[int]
) -> None:
    assert callable(wrap)
    lines = (wrap(TEXT) + wrap(*cut(TEXT, *sorted(set(ats)))) + wrap(TEXT)).splitlines(True)
    chunks = cut_lines(lines, cuts)
    pieces = Pieces(stream)
    records = rejects = 0
    for chunk in [*map(pieces.take, chunks), pieces.rest()]:
        decoded = stream.decode(chunk)
        records += decoded.batch.num_rows
        rejects += decoded.rejects + decoded.foreign
    assert (records, rejects) == (3, 0)


def cut_lines(lines: list[bytes], cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(lines), *(number % (len(lines) + 1) for number in cuts)})
    return [b"".join(lines[a:b]) for a, b in pairwise(at)]


def test_nothing_is_held_of_other_logs() -> None:
    for log_format in (COMBINED, StreamFormat((COMBINED,)), AutoFormat()):
        assert unfinished(log_format, cri("a", "b")[:40]) == 0
    assert unfinished(CRI, cri("x" * (2 << 20), "b").splitlines(True)[0]) == 0


def test_a_report_reads_cut_lines_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(cri(TEXT) * 3 + cri(*cut(TEXT, 20, 50)) * 200)
    monkeypatch.setattr(log_reader, "CHUNK_BYTES", 1 << 12)
    report = gm.report(log)
    assert report.sources[0].format == "combined in cri"
    assert (report.hits, report.rejects.count, report.foreign) == (203, 0, 0)
