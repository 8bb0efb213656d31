"""`glancemetrics web-user`: makes a line for the file of --web-users."""

from __future__ import annotations

import getpass
import sys

from actors.commands.parser import CommandParser, Example
from actors.files.output_file import write_text
from glancemetrics.errors import UsageError

SHORTEST = 8
_LONGEST = 1000


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    name = options.name
    if ":" in name or name.startswith("#") or not name.isprintable() or name != name.strip():
        raise UsageError("NAME: must not have a colon in it, nor begin with # or a space")
    password = _password(name)
    if not SHORTEST <= len(password) <= _LONGEST:
        raise UsageError(f"the password must have {SHORTEST} to {_LONGEST:,} characters")
    from actors.outputs.web.access import hash_of  # late: slow to import

    write_text(f"{name}:{hash_of(password)}\n")
    return 0


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "web-user",
        "Ask for a password, and print a line for the file of --web-users. The password itself is "
        "not in it, only its Argon2 hash. From a pipe, the password is the first line.",
        usage="glancemetrics web-user NAME",
        examples=[Example("web-user anna >> web-users", "let anna look")],
    )
    made.argument("name", metavar="NAME", help="the user's name")
    return made


def _password(name: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        return (sys.stdin.readline() if sys.stdin is not None else "").rstrip("\r\n")
    try:
        password = getpass.getpass(f"Password of {name}: ")
        if getpass.getpass("The same again: ") != password:
            raise UsageError("the two passwords are not the same")
    except EOFError:
        raise UsageError("no password was given") from None
    return password
