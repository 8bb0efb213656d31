"""What a configuration needs on this machine: files, programs and variables that are missing."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

from actors.outputs.kind import OutputKind
from actors.outputs.notifier.program import environment_of
from actors.outputs.notifier.sending import revealed, sender
from actors.outputs.registry import OUTPUTS
from actors.sources import registry
from actors.sources.kind import SourceKind
from glancemetrics.configuration.setting import Setting, settings_of
from glancemetrics.configuration.settings import Settings, all_settings
from glancemetrics.configuration.toml_table import setting_line
from glancemetrics.errors import Mistakes, UsageError, noting
from glancemetrics.notifying.secret import Secret
from glancemetrics.notifying.targets import Target, TargetKind
from glancemetrics.planning.sources import Sources


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
    """Return the same of sources and outputs; `text` is the configuration, `name` its name."""
    mistakes: Mistakes = []
    kinds: list[SourceKind[Any] | OutputKind[Any]] = [*registry.SOURCES, *OUTPUTS]
    for kind in kinds:
        settings_of_kind = {one.attribute: one for one in settings_of(kind.section)}
        for attribute, what in kind.missing(settings.section(kind.section)):
            setting = settings_of_kind[attribute]
            given = settings.given.get(setting.name)
            where = _where(text, name, setting) or (given.place if given else setting.name)
            mistakes.append(f"{where}: {what}")
    return mistakes


def missing_logs(sources: Sources, text: str, name: str) -> Iterator[str]:
    """Yield a sentence for each source that has nothing to read now. It may come later."""
    where = _where(text, name, all_settings()["file"])
    if where is None:  # nobody asked for the default's
        return
    for source in sources.texts:
        reason = None
        with contextlib.suppress(UsageError):  # of no kind: that is a mistake, and reported as one
            reason = registry.kind_of(source).misses(source)
        if reason is not None:
            yield f"{where}: {source}: {reason}"


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
    if " " in program:
        reason += '; write a program and its arguments as a list: exec = ["/bin/page", "--now"]'
    return [f"{target.place}: program {program}: {reason}"]


def _where(text: str, name: str, setting: Setting) -> str | None:
    line = setting_line(text, setting.name)
    if line is not None:
        return f"{name} line {line}, {setting.name}"
    line = setting_line(text, setting.attribute, setting.table) if setting.table else None
    return None if line is None else f"{name} line {line}, [{setting.table}] {setting.attribute}"
