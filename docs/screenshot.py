"""Draws the pictures of the docs from the real program: the console in tmux, the page in Chromium.

python -m docs.screenshot console docs/console.svg
python -m docs.screenshot outage docs/outage.svg
python -m docs.screenshot tour docs/tour.svg
python -m docs.screenshot page docs/page.png
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = [sys.executable, "-m", "glancemetrics"]
_PATIENCE_SECONDS = 60.0
_SAVED = "saved as"
_FRAME_SECONDS = 2.5
"""How long each picture of the tour is shown."""

TOUR: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("now", ()),
    ("Enter on a path narrows everything to it", ("Right", "Down", "Enter")),
    ("Backspace goes back; 3: errors", ("BSpace", "3")),
    ("4: clients", ("4",)),
    ("6: alerts, each rule with its chart", ("6",)),
    ("7: the requests themselves", ("7", "Down", "Down")),
    ("Enter: one request, and its line in the log", ("Enter",)),
    ("w: a longer window", ("Escape", "1", "w", "w", "w")),
)


class Screen:
    """The program in a terminal of a given size."""

    def __init__(self, folder: Path, columns: int, rows: int, command: Sequence[str]) -> None:
        self._folder = folder
        self._tmux = ["tmux", "-S", f"{folder}/tmux", "-u"]
        # A short name for the log of the demo, and no state of this machine.
        (folder / "tmp").mkdir(exist_ok=True)
        environment = {**os.environ, "HOME": str(folder), "TZ": "UTC", "TMPDIR": f"{folder}/tmp"}
        environment.pop("XDG_STATE_HOME", None)
        size = ["-x", str(columns), "-y", str(rows)]
        subprocess.run([*self._tmux, "new-session", "-d", *size, *command], check=True,
                       env=environment, cwd=folder)  # fmt: skip

    @property
    def page(self) -> str:
        return subprocess.run(
            [*self._tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True
        ).stdout

    def press(self, *keys: str) -> None:
        for key in keys:
            subprocess.run([*self._tmux, "send-keys", key], check=True)
            time.sleep(0.5)

    def until(self, words: str) -> None:
        """Wait until the screen has words."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while words not in self.page:
            if time.monotonic() > until:
                raise SystemExit(f"{words!r} does not appear on the screen:\n{self.page}")
            time.sleep(0.2)

    def saved(self) -> str:
        """Return what is on the screen as SVG."""
        path = self._folder / "screen.svg"
        path.unlink(missing_ok=True)
        self.press("S", "C-u")
        subprocess.run([*self._tmux, "send-keys", "-l", str(path)], check=True)
        self.press("Enter")
        self.until(_SAVED)
        return path.read_text(encoding="utf-8")

    def end(self) -> None:
        self.press("q")
        time.sleep(2)
        subprocess.run([*self._tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def watching(columns: int, rows: int, *traffic: str) -> Iterator[Screen]:
    """The program, following simulated traffic."""
    with tempfile.TemporaryDirectory() as folder:
        generator = subprocess.Popen(
            [*_PROGRAM, "generate", "-o", "access.log", *traffic], cwd=folder
        )
        time.sleep(2)
        options = ["--theme", "dark", "--alert-threshold", "150", "--alertwindow", "0.5"]
        screen = Screen(Path(folder), columns, rows, [*_PROGRAM, "access.log", *options])
        try:
            yield screen
        finally:
            screen.end()
            generator.kill()
            generator.wait()


def console() -> str:
    """Much traffic, and some errors."""
    with watching(120, 36, "--rate", "60", "--spike", "3m@220+60s") as screen:
        time.sleep(100)
        return screen.saved()


def outage() -> str:
    """Half of the requests fail."""
    with watching(120, 36, "--rate", "60", "--error-spike", "10m@50%+90s") as screen:
        time.sleep(150)
        return screen.saved()


def tour() -> str:
    """A key after the other."""
    frames = []
    spikes = ("--spike", "5m@220+60s", "--error-spike", "5m@20%+80s")
    with watching(100, 30, "--rate", "60", *spikes) as screen:
        time.sleep(110)
        for caption, keys in TOUR:
            screen.press(*keys)
            time.sleep(2)
            frames.append((caption, screen.saved()))
    return animated(frames)


def page() -> bytes:
    """The page during an outage, in Chromium, sharp on dense screens."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        log, address = Path(folder, "access.log"), "127.0.0.1:7899"
        traffic = ["--rate", "60", "--format", "timed", "--error-spike", "3m@25%+240s"]
        options = ["--config", "off", "--no-console", "--state-dir", f"{folder}/state"]
        log.touch()
        with (
            subprocess.Popen([*_PROGRAM, "generate", "-o", str(log), *traffic]) as generator,
            subprocess.Popen(
                [*_PROGRAM, "access.log", "--web", address, *options, "--alert-threshold", "150"],
                cwd=folder,
            ) as monitor,
            sync_playwright() as playwright,
        ):
            try:
                time.sleep(330)
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                size = {"width": 1440, "height": 860}
                opened = browser.new_page(
                    viewport=size, color_scheme="dark", device_scale_factor=1.5, timezone_id="UTC"
                )
                opened.goto(f"http://{address}/?window=5m&utc")
                time.sleep(6)
                return opened.screenshot()
            finally:
                generator.kill()
                monitor.terminate()


def animated(frames: Sequence[tuple[str, str]]) -> str:
    """Join pictures to one that shows each for a while."""
    first = frames[0][1]
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', first)
    assert found is not None
    wide, high = int(found[1]), int(found[2])
    whole = len(frames) * _FRAME_SECONDS
    share = 100 / len(frames)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high + 30}" role="img">',
        "<title>A tour of GlanceMetrics' console</title>",
        f"<style>.frame{{opacity:0;animation:show {whole}s step-end infinite}}"
        f"@keyframes show{{0%{{opacity:1}}{share:.3f}%{{opacity:0}}}}</style>",
    ]
    for number, (caption, picture) in enumerate(frames):
        inner = picture[picture.index("<rect") : picture.rindex("</svg>")]
        parts.append(
            f'<g class="frame" style="animation-delay:{number * _FRAME_SECONDS}s">{inner}'
            f'<text x="12" y="{high + 20}" font-family="sans-serif" font-size="15" '
            f'fill="#7d8894">{caption}</text></g>'
        )
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    name, path = sys.argv[1:]
    if name == "page":
        Path(path).write_bytes(page())
        return
    pictures = {"console": console, "outage": outage, "tour": tour}
    Path(path).write_text(pictures[name](), encoding="utf-8")


if __name__ == "__main__":
    main()
