"""Screens as files, and what a terminal says about itself."""

from __future__ import annotations

import os
import pty
import threading
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest

from actors.outputs.console.saving import as_file, at_home, save
from actors.outputs.console.screen import render
from actors.outputs.console.terminal import ask_background, is_light, luminance, typed_before
from actors.outputs.console.themes import THEMES
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.traffic.insights import TopRow
from tests.actors.outputs.console.replays import replay

HOSTILE = "<script>&\"'"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ending", [".svg", ".html", ".txt"])
def test_a_screen_is_saved_with_everything_escaped(tmp_path: Path, theme: str, ending: str) -> None:
    state = replay()
    assert state.shown is not None
    insights = state.shown.shown
    top = {one: (TopRow(HOSTILE, 5, 5, 0),) for one in insights.top}
    shown = attrs.evolve(state.shown, shown=attrs.evolve(insights, top=top))
    rows = render(attrs.evolve(state, shown=shown))
    path = tmp_path / f"screen{ending}"
    text = as_file(str(path), rows, theme, state.cells)
    assert save(str(path), text) == f"saved as {path}"
    text = path.read_text()
    if ending == ".svg":
        found = (
            "".join(ElementTree.fromstring(text).itertext())
            .replace("\u00a0", " ")
            .replace("\n", "")
        )
    elif ending == ".html":
        assert "<script" not in text
        parts: list[str] = []
        parser = HTMLParser()
        parser.handle_data = parts.append  # type: ignore[method-assign]
        parser.feed(text)
        found = "".join(parts)
    else:
        found = text
        assert len(text.splitlines()) == state.rows
    assert HOSTILE in found


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", 1.0),
        (b"\x1b]11;rgb:00/00/00\x07\x1b[?62c", 0.0),
        (b"\x1b]11;rgb:8/8/8\x07", 8 / 15),
        (b"\x1b[?1;2c", None),
        (b"garbage\xff", None),
    ],
)
def test_the_background_is_read_from_the_answer(answer: bytes, expected: float | None) -> None:
    found = luminance(answer)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("answer", "environment", "light"),
    [
        (b"\x1b]11;rgb:ffff/ffff/eeee\x1b\\\x1b[?62c", {}, True),
        (b"\x1b]11;rgb:1111/1111/1111\x1b\\\x1b[?62c", {"COLORFGBG": "0;15"}, False),
        (b"\x1b[?62c", {"COLORFGBG": "0;15"}, True),
        (b"\x1b[?62c", {}, False),
        (b"", {}, False),
        (b"2q\x1b]11;rgb:ffff/ffff/eeee\x1b\\n\x1b[?62c", {}, True),
    ],
)
def test_a_real_terminal_is_asked_for_its_background(
    answer: bytes, environment: dict[str, str], light: bool
) -> None:
    master, slave = pty.openpty()
    try:

        def reply() -> None:
            asked = b""
            while b"\x1b[c" not in asked:
                asked += os.read(master, 100)
            os.write(master, answer)

        terminal = threading.Thread(target=reply)
        terminal.start()
        assert is_light(environment, ask_background(slave)) == light
        terminal.join(10)
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        (b"", ""),
        (b"\x1b]11;rgb:1111/1111/1111\x07\x1b[?62c", ""),
        (b"2\x1b]11;rgb:ffff/ffff/eeee\x1b\\\xc3\xa9\x1b[?62;4cq\x03", "2\xe9q\x03"),
        (b"q\x1b]11;rgb:ff", "q"),
        (b"1\x1b[A2", "1"),
        (b"\xff1", "1"),
    ],
)
def test_what_is_typed_before_the_terminal_answers_is_not_lost(sent: bytes, typed: str) -> None:
    assert typed_before(sent) == typed


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert at_home("~/a.svg") == f"{tmp_path}/a.svg"
    assert at_home("b.svg") == "b.svg"
    with pytest.raises(FileNotFoundError, match="there is no such user"):
        at_home("~no-such-user/a.svg")


def test_no_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("precious")
    with pytest.raises(OSError, match="already"):
        save(str(path), "a screen")
    assert path.read_text() == "precious"
    with pytest.raises(GlanceMetricsError, match=r"^/nowhere/x\.svg: No such file or directory$"):
        save("/nowhere/x.svg", "a screen")
