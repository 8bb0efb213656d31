"""What a terminal can show."""

from __future__ import annotations

import pytest

from actors.files.terminal_look import drawing_of, look_of_terminal
from glancemetrics.charts.runs import Drawing
from glancemetrics.reporting.looks import COLOUR, PLAIN


@pytest.mark.parametrize(
    ("environment", "drawing"),
    [
        ({}, Drawing.UNICODE),
        ({"LANG": "en_US.UTF-8"}, Drawing.UNICODE),
        ({"LANG": "C.utf8"}, Drawing.UNICODE),
        ({"LANG": "C"}, Drawing.ASCII),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, Drawing.ASCII),
        ({"LANG": "de_DE.UTF-8", "LC_CTYPE": "de_DE.ISO-8859-1"}, Drawing.ASCII),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, Drawing.UNICODE),
        ({"LANG": "C.UTF-8", "TERM": "linux"}, Drawing.ASCII),
    ],
)
def test_a_locale_without_unicode_gets_ascii(environment: dict[str, str], drawing: Drawing) -> None:
    assert drawing_of(environment) is drawing
    assert look_of_terminal(environment).drawing is drawing


def test_colours_are_for_terminals_that_have_them_and_users_who_want_them() -> None:
    assert look_of_terminal({"TERM": "xterm"}).styles == COLOUR
    assert look_of_terminal({"TERM": "xterm", "NO_COLOR": ""}).styles == COLOUR
    assert look_of_terminal({"TERM": "xterm", "NO_COLOR": "1"}).styles == PLAIN
    assert look_of_terminal({"TERM": "dumb"}).styles == PLAIN
