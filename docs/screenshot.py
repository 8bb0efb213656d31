"""Draws the console as SVG from the real screen: `glancemetrics demo` in tmux.

python -m docs.screenshot docs/console.svg
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from html import escape
from pathlib import Path

import pyte

COLUMNS, ROWS = 120, 36
SECONDS = 68
"""After the start of the demo: both of its alerts are active."""
CELL_WIDTH, CELL_HEIGHT = 8.4, 18
COLORS = {
    "default": "#d8dee9",
    "red": "#ff6b6b",
    "green": "#8fce7f",
    "brown": "#f0c060",
    "blue": "#2f5f9f",
    "cyan": "#7fc8d8",
    "white": "#ffffff",
    "brightblack": "#8a93a3",
}
BACKGROUND = "#1b2028"
_FIXED = "\u00a0"
"""A space that no browser collapses; not all obey xml:space."""


def capture() -> list[str]:
    """Run the demo until it has raised its alerts, and return the rows with their escapes."""
    with tempfile.TemporaryDirectory() as folder:
        tmux = ["tmux", "-S", f"{folder}/tmux", "-u"]
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        # A short name for the log of the demo, and no state of this machine.
        (Path(folder) / "tmp").mkdir()
        environment = {**os.environ, "HOME": folder, "TZ": "UTC", "TMPDIR": f"{folder}/tmp"}
        environment.pop("XDG_STATE_HOME", None)
        command = [sys.executable, "-m", "glancemetrics", "demo"]
        subprocess.run([*tmux, "new-session", "-d", *size, *command], check=True, env=environment)
        time.sleep(SECONDS)
        page = subprocess.run(
            [*tmux, "capture-pane", "-p", "-e"], check=True, capture_output=True, text=True
        ).stdout
        subprocess.run([*tmux, "send-keys", "q"], check=True)
        time.sleep(2)
        subprocess.run([*tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)
    return page.splitlines()


def svg(rows: list[str], title: str) -> str:
    """Draw rows of a terminal."""
    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.Stream(screen).feed("\r\n".join(rows))
    width, height = COLUMNS * CELL_WIDTH + 24, ROWS * CELL_HEIGHT + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">',
    ]
    for y in range(ROWS):
        x = 0
        while x < COLUMNS:
            cell = screen.buffer[y][x]
            look = (cell.fg, cell.bg, cell.bold, cell.reverse)
            end = x
            text = ""
            while end < COLUMNS:
                other = screen.buffer[y][end]
                if (other.fg, other.bg, other.bold, other.reverse) != look:
                    break
                text += other.data
                end += 1
            parts += run(x, y, text, cell)
            x = end
    return "\n".join([*parts, "</g>", "</svg>", ""])


def run(x: int, y: int, text: str, cell: pyte.screens.Char) -> list[str]:
    """Draw a run of cells that look alike."""
    ink = COLORS.get(cell.fg, COLORS["default"])
    paper = BACKGROUND if cell.bg == "default" else COLORS.get(cell.bg, BACKGROUND)
    if cell.reverse:
        ink, paper = paper, ink
    left, top = 12 + x * CELL_WIDTH, 12 + y * CELL_HEIGHT
    parts = []
    if paper != BACKGROUND:
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{len(text) * CELL_WIDTH:.1f}" '
            f'height="{CELL_HEIGHT}" fill="{paper}"/>'
        )
    if text.strip():
        weight = ' font-weight="bold"' if cell.bold else ""
        parts.append(
            f'<text x="{left:.1f}" y="{top + 13}" fill="{ink}"{weight} '
            f'textLength="{len(text) * CELL_WIDTH:.1f}">{escape(text.replace(" ", _FIXED))}</text>'
        )
    return parts


def main() -> None:
    Path(sys.argv[1]).write_text(
        svg(capture(), "GlanceMetrics' console on simulated traffic"), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
