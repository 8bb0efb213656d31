"""The command line: which command is run, and how an error is reported."""

from __future__ import annotations

import atexit
import gc
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

_OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""More than a start makes, so that none of it is searched for garbage."""


class _NotNeeded:
    """An importer that does not find what other packages would import, and is not used.

    Where pandas is installed, pyarrow imports it at the first conversion: 0.13 s and 30 MB.
    ua-parser imports yaml for expressions in files of one's own: 8 ms.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Raise `ModuleNotFoundError` for these; others are left to the next importer."""
        del path, target
        if name == "pandas" or (name == "yaml" and _importing() == "ua_parser.loaders"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _importing() -> str:
    """Return the name of the module that imports another one, as an importer is asked for it."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("importlib"):
        frame = frame.f_back
    name: str = frame.f_globals["__name__"]
    return name


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    is_program = arguments is None  # then the whole process is ours
    if is_program:
        sys.meta_path.insert(0, _NotNeeded)
        _wait_for_children()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # numpy would start busy-waiting threads for linear algebra, which is not used here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imported modules stay: looking for garbage among them costs time.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    mend_standard_streams()
    try:
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
