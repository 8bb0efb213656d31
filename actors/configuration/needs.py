"""What a configuration needs on this machine: files, programs and variables that are missing."""

from __future__ import annotations

import glob
import os
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

from actors.outputs.notifier.program import environment_of
from actors.outputs.notifier.sending import revealed, sender
from actors.sources.files.paths import STANDARD_INPUT
from glancemetrics.configuration.settings import OFF, Settings
from glancemetrics.configuration.toml_table import setting_line
from glancemetrics.errors import Mistakes, noting
from glancemetrics.notifying.secret import Secret
from glancemetrics.notifying.targets import Target, TargetKind


def missing_of_target(target: Target) -> Mistakes:
    """Return what a target needs and is not there, or cannot be used: a sentence each."""
    mistakes: Mistakes = []
    for secret in _secrets(target):
        with noting(mistakes):
            revealed(secret)
    is_known = not mistakes
    if target.kind is TargetKind.EXEC:
        mistakes += _missing_program(target, is_known=is_known)
    if is_known:
        with noting(mistakes):
            sender(target, time.time)
    return mistakes


def missing_of_settings(settings: Settings, text: str, name: str) -> Mistakes:
    """Return the same of settings; `text` is the configuration, `name` its name."""
    mistakes: Mistakes = []
    if settings.syslog_ca is not None:
        where = _where(text, name, "syslog_ca")
        try:
            ssl.create_default_context(cafile=settings.syslog_ca)
        except ssl.SSLError:
            mistakes.append(f"{where}: {settings.syslog_ca}: not a PEM file of certificates")
        except OSError as error:
            mistakes.append(f"{where}: {settings.syslog_ca}: {error.strerror}")
    # os.path has no error for a name that is too long: it is not there.
    if settings.heartbeat is not None and not os.path.isdir(Path(settings.heartbeat).parent):  # noqa: PTH112
        folder = Path(settings.heartbeat).parent
        mistakes.append(f"{_where(text, name, 'heartbeat')}: {folder}: no such folder")
    if settings.alert_log not in {None, OFF} and os.path.islink(str(settings.alert_log)):  # noqa: PTH114
        mistakes.append(
            f"{_where(text, name, 'alert_log')}: {settings.alert_log}: is a link, and symbolic "
            "links are not followed"
        )
    return mistakes


def missing_logs(settings: Settings, text: str, name: str) -> Iterator[str]:
    """Yield a sentence for each log that cannot be read now. It may come later."""
    where = _where(text, name, "file")
    if where is None:  # nobody asked for the default's
        return
    for path in settings.file:
        if path == STANDARD_INPUT:
            continue
        if not os.path.lexists(path) and glob.has_magic(path):
            if not glob.glob(path):  # noqa: PTH207 - as the tailer does
                yield f"{where}: {path}: no log matches yet"
        elif not os.path.exists(path):  # noqa: PTH110
            yield f"{where}: {path}: no such file yet"
        elif os.path.isdir(path):  # noqa: PTH112
            yield f"{where}: {path}: is a directory; name a log in it, or a glob"
        elif not os.access(path, os.R_OK):
            yield f"{where}: {path}: permission denied"


def _secrets(target: Target) -> Iterator[Secret]:
    for secret in (target.url, target.secret):
        if secret is not None:
            yield secret
    for _, secret in (*target.headers, *target.environment):
        yield secret


def _missing_program(target: Target, *, is_known: bool) -> Mistakes:
    """Look for a program where it would be looked for when it is run.

    `is_known`: all variables of its environment are, of which `PATH` may be one.
    """
    program = target.command[0]
    added = {name: revealed(secret) for name, secret in target.environment if is_known}
    path = environment_of(added).get("PATH")
    if shutil.which(program, path=path) is not None:
        return []
    if "/" not in program:
        return [f"{target.place}: program {program}: not found in PATH"]
    reason = "not executable" if os.path.isfile(program) else "no such file"  # noqa: PTH113
    return [f"{target.place}: program {program}: {reason}"]


def _where(text: str, name: str, key: str) -> str | None:
    line = setting_line(text, key)
    return None if line is None else f"{name} line {line}, {key}"
