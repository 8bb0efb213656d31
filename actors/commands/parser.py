"""How the arguments of commands are read."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from glancemetrics.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class CommandParser(argparse.ArgumentParser):
    """argparse, with our errors, and with options that may stand anywhere."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; options may stand between what is no option, as everywhere else."""
        return self.parse_intermixed_args(args, namespace)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        # argparse's own hides that nothing could be printed.
        (file or sys.stderr).write(message or "")

    def error(self, message: str) -> NoReturn:
        # An address may have a secret in it, and what is said here ends in logs.
        message = re.sub(r"\S+://\S+", "(an address)", message)
        raise UsageError(f"{message} (`{self.prog} -h` shows what there is)")
