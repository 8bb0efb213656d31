"""Writes a screen into a file: as text, as SVG or as HTML, by its ending."""

from __future__ import annotations

import errno
from html import escape
from pathlib import Path

from prompt_toolkit.styles import Attrs, Style
from prompt_toolkit.utils import get_cwidth

from actors.files.output_file import write_text
from actors.outputs.console.cells import Row
from actors.outputs.console.themes import style_of

_CELL_WIDTH, _CELL_HEIGHT, _MARGIN = 8.4, 18, 12
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_FIXED = "\u00a0"
"""A space that no browser collapses; not all obey xml:space."""
_GROUNDS = {"light": ("#fbfcfd", "#1b2530")}
_DARK_GROUND = ("#12181f", "#cdd6df")


def at_home(path: str) -> str:
    """Return a path as a shell has it, with `~` as the home folder. Raises `OSError`."""
    try:
        return str(Path(path).expanduser())
    except RuntimeError:  # of a user who is not there
        raise FileNotFoundError(errno.ENOENT, "there is no such user", path) from None


def new_file(path: str) -> str:
    """Return a path as a shell has it, where there is no file yet.

    Raises `OSError`, also where there is one: nobody was asked whether to replace it.
    """
    path = at_home(path)
    if Path(path).is_file():
        raise FileExistsError(errno.EEXIST, "there is such a file already", path)
    return path


def as_file(path: str, rows: list[Row], theme: str, cells: int) -> str:
    """Return rows of a screen as the text of a file with this name."""
    if path.endswith(".svg"):
        return as_svg(rows, theme, cells)
    if path.endswith(".html"):
        return as_html(rows, theme)
    return "".join("".join(one[1] for one in row).rstrip() + "\n" for row in rows)


def save(path: str, text: str) -> str:
    """Write the text of a screen; return what to say. Raises `OSError` and `GlanceMetricsError`."""
    path = new_file(path)
    write_text(text, path, option="")
    return f"saved as {path}"


def _looks(style: Style, name: str) -> Attrs:
    return style.get_attrs_for_style_str(name)


def _colors(attrs: Attrs, grounds: tuple[str, str]) -> tuple[str, str]:
    """Return the color of the text, and that of its background."""
    ink = f"#{attrs.color}" if attrs.color else grounds[1]
    paper = f"#{attrs.bgcolor}" if attrs.bgcolor else grounds[0]
    return (paper, ink) if attrs.reverse else (ink, paper)


def as_svg(rows: list[Row], theme: str, cells: int, title: str = "GlanceMetrics") -> str:
    """Draw rows as SVG."""
    style, grounds = style_of(theme), _GROUNDS.get(theme, _DARK_GROUND)
    wide = cells * _CELL_WIDTH + 2 * _MARGIN
    high = len(rows) * _CELL_HEIGHT + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{grounds[0]}"/>',
        f'<g font-family="{_FONT}" font-size="14">',
    ]
    for number, row in enumerate(rows):
        at = 0
        for fragment in row:
            text = fragment[1]
            looks = _looks(style, fragment[0])
            ink, paper = _colors(looks, grounds)
            taken = get_cwidth(text)
            left, top = _MARGIN + at * _CELL_WIDTH, _MARGIN + number * _CELL_HEIGHT
            at += taken
            if paper != grounds[0]:
                parts.append(
                    f'<rect x="{left:.1f}" y="{top}" width="{taken * _CELL_WIDTH:.1f}" '
                    f'height="{_CELL_HEIGHT}" fill="{paper}"/>'
                )
            if text.strip():
                weight = ' font-weight="bold"' if looks.bold else ""
                line = ' text-decoration="underline"' if looks.underline else ""
                parts.append(
                    f'<text x="{left:.1f}" y="{top + 13}" fill="{ink}"{weight}{line} '
                    f'textLength="{taken * _CELL_WIDTH:.1f}" lengthAdjust="spacingAndGlyphs">'
                    f"{escape(text.replace(' ', _FIXED))}</text>"
                )
    return "\n".join([*parts, "</g>", "</svg>", ""])


def as_html(rows: list[Row], theme: str) -> str:
    """Draw rows as a page of HTML that needs nothing from elsewhere."""
    style, grounds = style_of(theme), _GROUNDS.get(theme, _DARK_GROUND)
    lines = []
    for row in rows:
        line = ""
        for fragment in row:
            looks = _looks(style, fragment[0])
            ink, paper = _colors(looks, grounds)
            css = f"color:{ink}"
            css += f";background:{paper}" if paper != grounds[0] else ""
            css += ";font-weight:bold" if looks.bold else ""
            css += ";text-decoration:underline" if looks.underline else ""
            line += f'<span style="{css}">{escape(fragment[1])}</span>'
        lines.append(line)
    body = "\n".join(lines)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>GlanceMetrics</title>'
        f'</head><body style="background:{grounds[0]}">\n'
        f'<pre style="font:14px/18px {escape(_FONT)}">{body}</pre>\n</body></html>\n'
    )
