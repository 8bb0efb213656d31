"""Themes of the console: colors by what they mean.

prompt-toolkit brings the colors down to what a terminal has: 16 million, 256 or 16. NO_COLOR
(https://no-color.org) leaves the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from glancemetrics.rules.rule import Severity

if TYPE_CHECKING:
    from prompt_toolkit.styles import Style

TITLE = "class:title"
TITLE_OK = "class:title-ok"
TITLE_WARNING = "class:title-warning"
TITLE_CRITICAL = "class:title-critical"
DIM = "class:dim"
FIGURE = "class:figure"
HEADING = "class:heading"
SORTED = "class:sorted"
CURSOR = "class:cursor"
BOX = "class:box"
FOCUSED_BOX = "class:focused-box"
CRITICAL = "class:critical"
WARNING_ALERT = "class:warning-alert"
INFO = "class:info"
RECOVERED = "class:recovered"
NOTICED = "class:noticed"
BAD = "class:bad"
WARNING = "class:warning"
MARK = "class:mark"
KEY = "class:key"
BAR = "class:bar"
CURRENT = "class:current"
HITS = "class:hits"
HIT_BAR = "hit-bar"
BEHIND = "behind"
PROMPT = "class:prompt"

MARKS = {Severity.CRITICAL: "✖", Severity.WARNING: "▲", Severity.INFO: "●"}
"""Severity is also shown by mark and word: not everybody sees colors."""
ALERTS = {Severity.CRITICAL: CRITICAL, Severity.WARNING: WARNING_ALERT, Severity.INFO: INFO}
"""Styles of incidents and rules."""

AUTO = "auto"
HEAT = tuple(f"heat{number}" for number in range(1, 8))
"""Roles of a heat map's cells, weak to strong."""
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other", "hits")
"""Roles of status classes; `hits` is for all of them."""
QUANTILES = ("p50", "p90", "p95", "p99")
_GRADES = 6
"""Of a bar, from its beginning to its end."""
LEVELS = ("-low", "", "-high")
"""What a role of a chart ends with near its bottom, in its middle and near its top."""

_DARK = {
    "title": "bg:#24405e #f2f6fa bold",
    "title-ok": "bg:#24405e #7fe3a0 bold",
    "title-warning": "bg:#e8b33c #201500 bold",
    "title-critical": "bg:#d92638 #ffffff bold",
    "dim": "#7d8894",
    "figure": "#eef3f8 bold",
    "heading": "#7fc4e8 bold",
    "sorted": "#f0c674 bold",
    "cursor": "bg:#2f4d6b #ffffff bold",
    "box": "#4a5866",
    "focused-box": "#7fc4e8",
    "critical": "#ff6b70 bold",
    "warning-alert": "#f0c04f bold",
    "info": "#7fc4e8",
    "recovered": "#7fd694",
    "noticed": "#f0c04f bold",
    "bad": "#ff6b70 bold",
    "warning": "#f0c04f bold",
    "mark": "#f0c674",
    "key": "#f0c674 bold",
    "bar": "bg:#1d2833 #b5c0cb",
    "current": "bg:#7fc4e8 #0d1720 bold",
    "hit-bar": "#4d86b0",
    "behind": "bg:#20384d",
    "prompt": "#f2f6fa bold",
    "axis": "#7d8894",
    "limit": "#f0c04f",
    "incident": "#33212a",
    "unknown": "#5a6672",
    "hits": "#58a6a0",
    "1xx": "#9aa5b1",
    "2xx": "#4fb07a",
    "3xx": "#4d8fc9",
    "4xx": "#e0a63c",
    "5xx": "#e8434f",
    "other": "#9a7fc0",
    "p50": "#4fb07a",
    "p90": "#4d8fc9",
    "p95": "#e0a63c",
    "p99": "#e8434f",
    "heat": "#e0a63c",
}
_DARK_HEAT = ("#1f3440", "#26505a", "#2f7470", "#5f9a62", "#b3ad4c", "#e39a3c", "#ea5545")

_LIGHT = {
    "title": "bg:#d3e3f1 #12283c bold",
    "title-ok": "bg:#d3e3f1 #0b6b33 bold",
    "title-warning": "bg:#f0b93a #2b1d00 bold",
    "title-critical": "bg:#c3162a #ffffff bold",
    "dim": "#66707a",
    "figure": "#10171e bold",
    "heading": "#0f5f8f bold",
    "sorted": "#8a5800 bold",
    "cursor": "bg:#bcd6ec #08121b bold",
    "box": "#a9b4be",
    "focused-box": "#0f5f8f",
    "critical": "#b80f24 bold",
    "warning-alert": "#8a5800 bold",
    "info": "#0f5f8f",
    "recovered": "#11703a",
    "noticed": "#8a5800 bold",
    "bad": "#b80f24 bold",
    "warning": "#8a5800 bold",
    "mark": "#8a5800",
    "key": "#8a5800 bold",
    "bar": "bg:#e4eaf0 #39444e",
    "current": "bg:#0f5f8f #ffffff bold",
    "hit-bar": "#7fb0d4",
    "behind": "bg:#dbe9f5",
    "prompt": "#10171e bold",
    "axis": "#66707a",
    "limit": "#8a5800",
    "incident": "#f7d5d9",
    "unknown": "#9aa4ad",
    "hits": "#2f8f88",
    "1xx": "#7f8a94",
    "2xx": "#3f9a66",
    "3xx": "#3a7cb8",
    "4xx": "#d08a14",
    "5xx": "#c3162a",
    "other": "#7d5fa8",
    "p50": "#3f9a66",
    "p90": "#3a7cb8",
    "p95": "#d08a14",
    "p99": "#c3162a",
    "heat": "#d08a14",
}
_LIGHT_HEAT = ("#e3eef0", "#c2dfdd", "#8fc9b8", "#8fb45a", "#d6b535", "#e08a2c", "#cf3a35")

_HIGH_CONTRAST = _DARK | {
    "title": "bg:#ffffff #000000 bold",
    "title-ok": "bg:#ffffff #004d1a bold",
    "title-warning": "bg:#ffff00 #000000 bold",
    "title-critical": "bg:#ff0000 #ffffff bold",
    "dim": "#d0d0d0",
    "figure": "#ffffff bold",
    "heading": "#00ffff bold",
    "sorted": "#ffff00 bold",
    "cursor": "bg:#ffffff #000000 bold",
    "box": "#c0c0c0",
    "focused-box": "#00ffff bold",
    "critical": "#ff5f5f bold underline",
    "warning-alert": "#ffff00 bold",
    "info": "#00ffff",
    "recovered": "#5fff5f",
    "noticed": "#ffff00 bold",
    "bad": "#ff5f5f bold underline",
    "warning": "#ffff00 bold",
    "mark": "#ffff00",
    "key": "#ffff00 bold",
    "bar": "bg:#303030 #ffffff",
    "current": "bg:#00ffff #000000 bold",
    "hit-bar": "#5fafff",
    "behind": "bg:#1c3a5f",
    "axis": "#d0d0d0",
    "limit": "#ffff00",
    "incident": "#5f0000",
    "2xx": "#00d75f",
    "3xx": "#5fafff",
    "4xx": "#ffff00",
    "5xx": "#ff3030",
}

# Okabe and Ito's colors, which differ with every common color blindness:
# https://jfly.uni-koeln.de/color/
_COLOR_BLIND = _DARK | {
    "title-ok": "bg:#24405e #7fd4f5 bold",
    "title-warning": "bg:#f0e442 #201500 bold",
    "title-critical": "bg:#d55e00 #ffffff bold",
    "critical": "#ff8a3c bold underline",
    "bad": "#ff8a3c bold underline",
    "warning-alert": "#f0e442 bold",
    "noticed": "#f0e442 bold",
    "warning": "#f0e442 bold",
    "recovered": "#56b4e9",
    "incident": "#4d2b10",
    "hits": "#56b4e9",
    "2xx": "#0072b2",
    "3xx": "#56b4e9",
    "4xx": "#f0e442",
    "5xx": "#d55e00",
    "other": "#cc79a7",
    "p50": "#0072b2",
    "p90": "#56b4e9",
    "p95": "#f0e442",
    "p99": "#d55e00",
}
_COLOR_BLIND_HEAT = ("#00224e", "#233e6c", "#575d6d", "#7d7c78", "#a59c74", "#d3c164", "#fee838")

_UNCOLORED = dict.fromkeys(_DARK, "") | {
    "title": "reverse bold",
    "title-ok": "reverse bold",
    "title-warning": "reverse bold",
    "title-critical": "reverse bold underline",
    "figure": "bold",
    "heading": "bold",
    "sorted": "bold underline",
    "cursor": "reverse",
    "focused-box": "bold",
    "critical": "bold underline",
    "warning-alert": "bold",
    "noticed": "bold",
    "bad": "bold underline",
    "warning": "bold",
    "key": "bold",
    "current": "reverse bold",
    "5xx": "bold",
}

THEMES: Mapping[str, Mapping[str, str]] = {
    "dark": _DARK | dict(zip(HEAT, _DARK_HEAT, strict=True)),
    "light": _LIGHT | dict(zip(HEAT, _LIGHT_HEAT, strict=True)),
    "high-contrast": _HIGH_CONTRAST | dict(zip(HEAT, _DARK_HEAT, strict=True)),
    "color-blind": _COLOR_BLIND | dict(zip(HEAT, _COLOR_BLIND_HEAT, strict=True)),
}
_UNCOLORED_THEME = _UNCOLORED | dict.fromkeys(HEAT, "")
_ON_PAPER = frozenset({*HEAT, *CLASSES, *QUANTILES, "incident"})
"""Roles that also serve as background."""


_UNGRADED = frozenset({"high-contrast"})
"""Themes in which every difference of color means something."""
_FAINT = 0.4
"""How much of the background is in a bar's first grade."""
_STRONG = 0.3
"""How much of the next stronger color is in its last one."""
_LOW, _HIGH = 0.22, 0.16
"""How much of background and text is in a chart's lowest and highest level."""


def style_of(theme: str, *, is_colored: bool = True, is_graded: bool = True) -> Style:
    """Return the styles of a theme, which is one of `THEMES`.

    `is_graded`: whether there are enough colors for gradients.
    """
    from prompt_toolkit.styles import Style  # late: `--once` into a file needs none

    roles = THEMES[theme] if is_colored else _UNCOLORED_THEME
    is_graded = is_graded and is_colored and theme not in _UNGRADED
    roles = {**roles, **_grades(roles, is_graded=is_graded), **_levels(roles, is_graded=is_graded)}
    papers = {
        f"on-{role}": f"bg:{color}"
        for role, look in roles.items()
        if role.removesuffix(LEVELS[0]).removesuffix(LEVELS[-1]) in _ON_PAPER
        if (color := _color(look))
    }
    return Style.from_dict({**roles, **papers})


def _grades(roles: Mapping[str, str], *, is_graded: bool) -> dict[str, str]:
    """Return the roles of a bar's cells, from faint to strong."""
    found = {}
    for role, stronger in ((HIT_BAR, "figure"), (BEHIND, HIT_BAR)):
        color, is_paper = _color(roles[role]), roles[role].startswith("bg:")
        for number in range(_GRADES):
            grade = color
            if color and is_graded:
                faint = mixed(color, _ground(roles), _FAINT)
                strong = mixed(color, _color(roles[stronger]), _STRONG)
                grade = mixed(faint, strong, number / (_GRADES - 1))
            found[f"{role}{number}"] = f"bg:{grade}" if is_paper and grade else grade
    return found


def _levels(roles: Mapping[str, str], *, is_graded: bool) -> dict[str, str]:
    """Return the roles of a chart near its bottom and its top: darker, and lighter."""
    low, high = (_LOW, _HIGH) if is_graded else (0.0, 0.0)
    found = {}
    for role in CLASSES:
        color, figure = _color(roles[role]), _color(roles["figure"])
        found[role + LEVELS[0]] = mixed(color, _ground(roles), low) if color else roles[role]
        found[role + LEVELS[-1]] = mixed(color, figure, high) if color else roles[role]
    return found


def _ground(roles: Mapping[str, str]) -> str:
    """Return about what the background of the terminal is."""
    is_light = roles["figure"] == _LIGHT["figure"]
    return "#ffffff" if is_light else "#0d1720"


def mixed(color: str, other: str, share: float) -> str:
    """Return a color with a share (0 to 1) of another, both as `#rrggbb`."""
    pairs = zip(*(bytes.fromhex(one[1:]) for one in (color, other)), strict=True)
    return "#" + bytes(round(a + (b - a) * share) for a, b in pairs).hex()


def _color(look: str) -> str:
    """Return the color of a look: of its text, or of a background alone."""
    words = [word.removeprefix("bg:") for word in look.split()]
    return next((word for word in reversed(words) if word.startswith("#")), "")


def graded(role: str, text: str, cells: int) -> list[tuple[str, str]]:
    """Return a bar's text in pieces, the stronger the further in so many cells; one cell each."""
    pieces = []
    for number in range(_GRADES):
        begin, end = (-(-cells * edge // _GRADES) for edge in (number, number + 1))
        if text[begin:end]:
            pieces.append((f"class:{role}{number}", text[begin:end]))
    return pieces


def inked(ink: str, paper: str = "") -> str:
    """Return the style of text in a role, on the background of another."""
    ink_class = f"class:{ink}" if ink else ""
    return f"{ink_class} class:on-{paper}" if paper else ink_class
