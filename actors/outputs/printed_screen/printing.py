"""Prints the last snapshot as the console would show it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping

import trio

from actors.files.standard_streams import flush_stdout, problem_of_stdout
from actors.outputs.console.context import Context
from actors.outputs.console.themes import style_of
from actors.outputs.output import Inbox, Report
from actors.outputs.printed_screen.screen import render_once
from glancemetrics.errors import GlanceMetricsError, StdoutClosedError
from glancemetrics.health.health import OutputState
from glancemetrics.traffic.snapshot import Snapshot


class PrintedScreen:
    """Prints the screen when everything has been read."""

    name = "screen"
    wants_events = False
    wants_snapshots = True

    def __init__(
        self, context: Context, environment: Mapping[str, str], *, is_terminal: bool
    ) -> None:
        self._context = context
        self._environment = environment
        self._is_terminal = is_terminal

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Wait for the last snapshot and print it. Raises `GlanceMetricsError`."""
        report(OutputState.WORKING, "standard output")
        last: Snapshot | None = None
        async for snapshot in inbox.snapshots:
            last = snapshot
        if last is not None:
            try:
                await trio.to_thread.run_sync(self._print, last)
            except BrokenPipeError:
                raise StdoutClosedError from None
            except OSError as error:
                raise GlanceMetricsError(problem_of_stdout(error)) from None

    def _print(self, snapshot: Snapshot) -> None:
        cells = shutil.get_terminal_size().columns
        rows = render_once(snapshot, self._context, cells)
        if self._is_terminal:
            # Late: files and pipes need no colours, and this takes long to load.
            from prompt_toolkit.formatted_text import FormattedText
            from prompt_toolkit.shortcuts import print_formatted_text

            text = FormattedText(
                (piece[0], piece[1]) for row in rows for piece in (*row, ("", "\n"))
            )
            style = style_of("dark", is_colored=not self._environment.get("NO_COLOR"))
            print_formatted_text(text, style=style, end="")
            return
        for row in rows:
            sys.stdout.write("".join(piece[1] for piece in row).rstrip() + "\n")
        flush_stdout()
