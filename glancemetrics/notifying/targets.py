"""Targets: who is told of incidents. `[[notify]]` tables in TOML."""

from __future__ import annotations

import enum
import re
from fnmatch import fnmatchcase

import attrs

from glancemetrics.alert_events import AlertEvent, AlertEventKind
from glancemetrics.errors import UsageError
from glancemetrics.rules.rule import Severity
from glancemetrics.settings import NOTIFY_TABLE
from glancemetrics.toml_table import TomlTable, tables_of

_KINDS = ("webhook", "alertmanager", "exec")
_KEYS = ("name", *_KINDS, "severity", "rules", "recovered", "format", "secret", "timeout")
_FORMATS = ("json", "slack")


class TargetKind(enum.Enum):
    """How a target is told."""

    WEBHOOK = "webhook"
    ALERTMANAGER = "alertmanager"
    EXEC = "exec"


@attrs.frozen
class Secret:
    """A text that is nobody's business: where it is, or the text itself."""

    source: str
    """`env`, `file`, or nothing: the text is `name`."""
    name: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.source}:{self.name}" if self.source else "(written in the configuration)"


@attrs.frozen
class Target:
    """Somebody who is told."""

    name: str
    kind: TargetKind
    url: Secret | None = None
    command: tuple[str, ...] = ()
    """The program and its arguments."""
    severity: Severity = Severity.INFO
    """What matters less is not told."""
    rules: tuple[str, ...] = ("*",)
    """Patterns of the names of rules."""
    recovered: bool = True
    """Whether the end of an incident is told too."""
    format: str = "json"
    secret: Secret | None = None
    """With which messages are signed."""
    timeout: int = 10
    """Seconds."""

    def wants(self, event: AlertEvent) -> bool:
        """Tell whether an event is for this target."""
        incident = event.incident
        if incident is None or (event.kind is AlertEventKind.RECOVERED and not self.recovered):
            return False
        if Severity(incident.severity).rank > self.severity.rank:
            return False
        return any(fnmatchcase(incident.rule, pattern) for pattern in self.rules)


def read_targets(text: str, name: str) -> list[Target]:
    """Read the targets of a TOML text; `name` is what it is called.

    Raises `UsageError`, naming the line, the key and what it may be.
    """
    targets: list[Target] = []
    for table, place in tables_of(text, name, NOTIFY_TABLE, "target"):
        reader = _TargetTable(table, NOTIFY_TABLE, place)
        target = reader.target()
        if any(target.name == other.name for other in targets):
            raise reader.wrong("name", "another target is called so")
        targets.append(target)
    return targets


class _TargetTable(TomlTable):
    def target(self) -> Target:
        self.check_keys(_KEYS)
        kind = TargetKind(self.one_of(_KINDS))
        name = self.text("name") or kind.value
        if len(name) > 80 or not name.isprintable():
            raise self.wrong("name", "must be a text of at most 80 printable characters")
        is_exec = kind is TargetKind.EXEC
        for key in ("format", "secret"):
            if key in self.table and kind is not TargetKind.WEBHOOK:
                raise self.wrong(key, "has meaning for a webhook only")
        return Target(
            name=name,
            kind=kind,
            url=None if is_exec else self._url(kind.value),
            command=self._texts("exec") if is_exec else (),
            severity=Severity(
                self.choice("severity", tuple(one.value for one in Severity)) or "info"
            ),
            rules=self._texts("rules") if "rules" in self.table else ("*",),
            recovered=self._switch("recovered"),
            format=self.choice("format", _FORMATS) or "json",
            secret=self._secret(),
            timeout=self.span("timeout", 10),
        )

    def _url(self, key: str) -> Secret:
        text = self.text(key) or ""
        found = _secret(text)
        if not found.source and not re.match(r"https?://[^/]", text):
            raise self.wrong(key, "must be an http:// or https:// address, env:NAME or file:PATH")
        return found

    def _secret(self) -> Secret | None:
        text = self.text("secret")
        if text is None:
            return None
        found = _secret(text)
        if not found.source:
            # Not shown: it may be one.
            raise UsageError(
                f"{self.where('secret')}: must be env:NAME or file:PATH; "
                "a secret does not belong into a configuration"
            )
        return found

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key)
        texts = [value] if isinstance(value, str) else value
        if (
            not isinstance(texts, list)
            or not texts
            or not all(isinstance(text, str) and text and "\0" not in text for text in texts)
        ):
            raise self.wrong(key, "must be a text, or several in brackets")
        return tuple(texts)

    def _switch(self, key: str) -> bool:
        value = self.table.get(key, True)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value


def _secret(text: str) -> Secret:
    source, colon, rest = text.partition(":")
    return Secret(source, rest) if colon and source in {"env", "file"} else Secret("", text)
