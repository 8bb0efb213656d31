"""The command line: which command is run, and how an error is reported."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from actors.files.standard_streams import flush_stdout, mend_standard_streams, problem_of_stdout
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.words.escaping import visible


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    is_program = arguments is None  # then the whole process is ours
    if is_program:
        _wait_for_children()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    mend_standard_streams()
    try:
        if is_program:
            from glancemetrics.quick_start import start_quickly  # late, as in `_run`

            start_quickly()
        status = _run(arguments)
    except SystemExit as exit_:  # of argparse, after -h or --version
        status = exit_.code if isinstance(exit_.code, int) else 0
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        if _is_debugging():
            raise
        status = _reported(error)
    try:
        flush_stdout()
    except OSError as error:
        status = status or _reported(error)
    if is_program:
        _end_quickly(status)
    sys.exit(status)


def _wait_for_children() -> None:
    """Let the system keep the status of helper processes until it is asked for.

    It does not where our parent ignores the ends of its children, and waiting would fail.
    """
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _end_quickly(status: int) -> None:
    """End the process, unless threads run that the interpreter would wait for.

    To take all modules apart, which the interpreter does otherwise, takes a tenth of a report on a
    small log. It would wait for no daemon thread, such as trio's idle ones, and those that are left
    in compiled code must not meet an interpreter that is shutting down.
    """
    if any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread()):
        return
    atexit._run_exitfuncs()
    with suppress(OSError):  # what was reported already, if anything
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _is_debugging() -> bool:
    return os.environ.get("GLANCEMETRICS_LOG_LEVEL") == "debug"


def _reported(error: Exception) -> int:
    """Report an error on stderr in one sentence; returns the exit status."""
    status = error.exit_status if isinstance(error, GlanceMetricsError) else 1
    match error:
        case BrokenPipeError():
            return 0  # the reader of the pipe is gone: end quietly, like any filter
        case GlanceMetricsError():
            sentence = str(error)
        case OSError(filename=str(name), strerror=str(reason)):
            sentence = f"{name}: {reason}"
        case OSError():
            sentence = problem_of_stdout(error)
        case _:
            sentence = (
                f"{type(error).__name__}: {error}; this is a bug in GlanceMetrics "
                "(GLANCEMETRICS_LOG_LEVEL=debug shows the traceback)"
            )
    if status:
        _complain(sentence)
    return status


def _run(arguments: list[str]) -> int:
    # Late: a Ctrl-C meanwhile is then one, and not a traceback.
    from actors.commands.registry import MONITOR, command_called

    command = command_called(arguments[0]) if arguments else None
    return MONITOR.run(arguments) if command is None else command.run(arguments[1:])


def _complain(sentence: str) -> None:
    try:
        sys.stderr.write(f"glancemetrics: error: {visible(sentence)}\n")
    except OSError:
        return
