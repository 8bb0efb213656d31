"""`--at` of commands that ask a running monitor instead of files."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from actors.commands.parser import FILES, CommandParser
from glancemetrics.configuration.variables import TOKEN_VARIABLE
from glancemetrics.errors import GlanceMetricsError, UsageError

if TYPE_CHECKING:
    from actors.client.client import Client

_GROUP = "A running monitor"


def add_server_options(parser: CommandParser) -> None:
    """Let a command ask a server; `check_server_options` checks, `client_of` connects."""
    option = parser.option
    option("--at", metavar="URL", group=_GROUP,
        help="ask the monitor at this address (its --web) instead of this machine's history: "
        "web1:7890, https://example.com/traffic/")  # fmt: skip
    option("--token-file", metavar="FILE", group=_GROUP, complete=FILES,
        help="file with a token of its --web-token-file",
        shown_default=TOKEN_VARIABLE)  # fmt: skip
    option("--ca", metavar="FILE", group=_GROUP, complete=FILES,
        help="PEM file of the authority of its certificate",
        shown_default="those of this machine")  # fmt: skip


def check_server_options(options: argparse.Namespace, apart: dict[str, object]) -> None:
    """Raise `UsageError` for options that do not fit; `apart` are those that `--at` excludes."""
    if options.at is None:
        for name in ("token_file", "ca"):
            if getattr(options, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')}: needs --at")
        return
    for name, value in apart.items():
        if value:
            raise UsageError(f"--at: cannot be combined with {name}")


def client_of(options: argparse.Namespace) -> Client:
    """Return a client of the server. Raises `GlanceMetricsError`."""
    from glancemetrics.api import connect  # late: slow to import

    try:
        return connect(options.at, token=_token(options.token_file), ca_file=options.ca)
    except UsageError as error:
        text = str(error).removeprefix("ca_file ")
        option = "--ca" if text != str(error) else "--at"
        raise UsageError(f"{option} {text}") from None


def _token(path: str | None) -> str | None:
    """Return the token of a file, or of the environment; `None`: without one."""
    if path is None:
        return os.environ.get(TOKEN_VARIABLE, "").strip() or None
    try:
        lines = Path(path).read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise GlanceMetricsError(f"--token-file {path}: {error.strerror}") from None
    # A server's file may be named: it has tokens and comments.
    tokens = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not tokens:
        raise GlanceMetricsError(f"--token-file {path}: there is no token in this file")
    return tokens[0]
