"""Styles of the console, by what they mean. NO_COLOR (https://no-color.org) leaves the weights."""

from __future__ import annotations

from collections.abc import Mapping

from prompt_toolkit.styles import Style

TITLE = "class:title"
DIM = "class:dim"
FIGURE = "class:figure"
HEADING = "class:heading"
FOCUSED = "class:focused"
FIRING = "class:firing"
CRITICAL = "class:critical"
WARNING_ALERT = "class:warning-alert"
INFO = "class:info"
OK_STATUS = "class:ok-status"
UNKNOWN_STATUS = "class:unknown-status"
RECOVERED = "class:recovered"
WARNING = "class:warning"
CHART = "class:chart"
BAR = "class:bar"

_COLORED = {
    "title": "bg:ansiblue ansiwhite bold",
    "dim": "ansibrightblack",
    "figure": "bold",
    "heading": "ansicyan bold",
    "focused": "ansicyan bold reverse",
    "firing": "ansired bold",
    "critical": "ansired bold",
    "warning-alert": "ansiyellow bold",
    "info": "ansicyan",
    "ok-status": "bg:ansigreen ansiblack bold",
    "unknown-status": "bg:ansiyellow ansiblack bold",
    "recovered": "ansigreen",
    "warning": "ansiyellow bold",
    "chart": "ansigreen",
    "bar": "reverse",
}
_UNCOLORED = {
    "title": "reverse bold",
    "dim": "",
    "figure": "bold",
    "heading": "bold",
    "focused": "bold reverse",
    "firing": "bold underline",
    "critical": "bold underline",
    "warning-alert": "bold",
    "info": "",
    "ok-status": "reverse bold",
    "unknown-status": "reverse bold",
    "recovered": "",
    "warning": "bold",
    "chart": "",
    "bar": "reverse",
}


def style(environment: Mapping[str, str]) -> Style:
    """Return the styles for an environment."""
    return Style.from_dict(_UNCOLORED if environment.get("NO_COLOR") else _COLORED)
