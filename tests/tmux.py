"""A real terminal of any size: tmux."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.waiting import eventually


class Tmux:
    """One terminal of a given size."""

    def __init__(self, folder: Path, columns: int, rows: int) -> None:
        self._socket = str(folder / "tmux")
        self("new-session", "-d", "-x", str(columns), "-y", str(rows), "bash --norc --noprofile")
        self.type("PS1='$ '; clear")

    def __call__(self, *command: str) -> str:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        environment.pop("TMUX", None)
        return subprocess.run(
            ["tmux", "-S", self._socket, "-u", *command],
            check=True, capture_output=True, text=True, env=environment,
        ).stdout  # fmt: skip

    def type(self, command: str) -> None:
        self("send-keys", command, "Enter")

    def press(self, key: str) -> None:
        self("send-keys", key)

    @property
    def page(self) -> str:
        return self("capture-pane", "-p")

    @property
    def colored_page(self) -> str:
        return self("capture-pane", "-p", "-e")

    def until(self, words: str, seconds: float = 60) -> str:
        page = ""

        def shown() -> bool:
            nonlocal page
            page = self.page
            return re.search(words, page) is not None

        try:
            eventually(shown, seconds, words)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen was:\n{page}") from None
        return page
