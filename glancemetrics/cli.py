"""The command line: which command was meant, and how an error is told."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from actors.commands.registry import COMMANDS, MONITOR
from actors.files.standard_streams import flush_stdout, mend_standard_streams, problem_of_stdout
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.words.escaping import visible

_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Nothing here is linear algebra; numpy would start threads for it that wait busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What is imported stays: to look for garbage among it again and again takes a while.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    mend_standard_streams()
    try:
        status = _run(arguments)
    except SystemExit as exit_:  # argparse has shown what was asked for
        status = exit_.code if isinstance(exit_.code, int) else 0
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        if _is_debugging():
            raise
        status = _told(error)
    try:
        flush_stdout()
    except OSError as error:
        status = status or _told(error)
    sys.exit(status)


def _is_debugging() -> bool:
    return os.environ.get("GLANCEMETRICS_LOG_LEVEL") == "debug"


def _told(error: Exception) -> int:
    """Say on stderr in one sentence what failed; returns the exit status."""
    status = error.exit_status if isinstance(error, GlanceMetricsError) else 1
    match error:
        case BrokenPipeError():
            return 0  # who read has gone: a quiet end, as of any filter
        case GlanceMetricsError():
            sentence = str(error)
        case OSError(filename=str(name), strerror=str(reason)):
            sentence = f"{name}: {reason}"
        case OSError():
            sentence = problem_of_stdout(error)
        case _:
            sentence = (
                f"{type(error).__name__}: {error}; this is a defect of GlanceMetrics "
                "(GLANCEMETRICS_LOG_LEVEL=debug shows where)"
            )
    if status:
        _complain(sentence)
    return status


def _run(arguments: list[str]) -> int:
    for command in COMMANDS:
        if arguments and arguments[0] == command.name:
            return command.run(arguments[1:])
    return MONITOR.run(arguments)


def _complain(sentence: str) -> None:
    try:
        sys.stderr.write(f"glancemetrics: error: {visible(sentence)}\n")
    except OSError:
        return
