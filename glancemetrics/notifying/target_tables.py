"""`[[notify]]` tables in TOML."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

from glancemetrics.configuration.settings import NOTIFY_TABLE
from glancemetrics.configuration.toml_table import Place, TomlTable, tables_of
from glancemetrics.errors import Mistakes, UsageError, noting
from glancemetrics.notifying.hours import ALLOWED as ALLOWED_HOURS
from glancemetrics.notifying.hours import Hours, read_hours
from glancemetrics.notifying.payloads import TEMPLATE_NAMES
from glancemetrics.notifying.secret import Secret, read_secret
from glancemetrics.notifying.targets import GroupBy, Target, TargetKind
from glancemetrics.records.zones import LocalZone, named_zone, utc
from glancemetrics.rules.rule import Severity
from glancemetrics.rules.templates import check_template

_KINDS = tuple(kind.value for kind in TargetKind)
_FOR_WEBHOOKS = ("format", "body", "headers", "secret")
_FOR_PROGRAMS = ("env",)
_KEYS = (
    *("name", *_KINDS, "severity", "rules", "hours", "timezone", "recovered"),
    *("group_wait", "group_by", "repeat", *_FOR_WEBHOOKS, *_FOR_PROGRAMS, "timeout"),
)
_FORMATS = ("json", "slack", "alertmanager")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEEPEST = 16


def read_targets(
    text: str, name: str, mistakes: Mistakes | None = None, *, local: LocalZone = utc
) -> list[Target]:
    """Read the targets of a TOML text; `name` is what it is called, `local` tells the local zone.

    Raises `UsageError`, naming the line, the key and what it may be; with `mistakes` the first of
    each table is put there instead.
    """
    targets: list[Target] = []
    for table, place in tables_of(text, name, NOTIFY_TABLE, "target"):
        reader = _TargetTable(table, NOTIFY_TABLE, place, local)
        with noting(mistakes):
            target = reader.target()
            if any(target.name == other.name for other in targets):
                raise reader.wrong("name", "another target is called so")
            targets.append(target)
    return targets


def _has_host_and_port(url: str) -> bool:
    """Tell whether a URL names a host, and no port or one from 1 to 65535 (RFC 3986, 3.2)."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class _TargetTable(TomlTable):
    secret_keys = (*_KINDS, "secret", "headers", "body", "env")

    def __init__(self, table: Mapping[str, Any], kind: str, place: Place, local: LocalZone) -> None:
        super().__init__(table, kind, place)
        self._local = local

    def target(self) -> Target:
        self.check_keys(_KEYS)
        kind = TargetKind(self.one_of(_KINDS))
        name = self.text("name") or kind.value
        if len(name) > 80 or not name.isprintable():
            raise self.wrong("name", "must be a text of at most 80 printable characters")
        is_exec = kind is TargetKind.EXEC
        self._check_pointless(kind)
        return Target(
            name=name,
            kind=kind,
            url=None if is_exec else self._url(kind),
            command=self._texts("exec") if is_exec else (),
            environment=self._environment(),
            severity=Severity(
                self.choice("severity", tuple(one.value for one in Severity)) or "info"
            ),
            rules=self._texts("rules") if "rules" in self.table else ("*",),
            hours=self._hours(),
            recovered=self._switch("recovered"),
            group_wait=self.span("group_wait", 0),
            group_by=GroupBy(
                self.choice("group_by", tuple(one.value for one in GroupBy)) or "rule"
            ),
            repeat=self.span("repeat", 0) or None,
            format=self.choice("format", _FORMATS) or "json",
            body=self._body(),
            headers=self._headers(),
            secret=self._secret(),
            timeout=self.span("timeout", 10),
            place=self._asked_at(kind.value),
        )

    def _check_pointless(self, kind: TargetKind) -> None:
        for key in _FOR_WEBHOOKS:
            if key in self.table and kind is not TargetKind.WEBHOOK:
                raise self.unseen_wrong(key, "has meaning for a webhook only")
        for key in _FOR_PROGRAMS:
            if key in self.table and kind is not TargetKind.EXEC:
                raise self.unseen_wrong(key, "has meaning for exec only")
        if "group_by" in self.table and "group_wait" not in self.table:
            raise self.wrong("group_by", "needs group_wait, the time in which events are gathered")
        if "timezone" in self.table and "hours" not in self.table:
            raise self.wrong("timezone", "is that of hours, and there are none")

    def _url(self, kind: TargetKind) -> Secret:
        found = self._read(kind.value, self.text(kind.value) or "")
        if found.source:
            return found
        if kind is TargetKind.APPRISE:
            # Whoever may read it may write in this name, with most services.
            if "://" not in found.name:
                raise self.unseen_wrong(
                    kind.value, "must be an address of Apprise, env:NAME or file:PATH"
                )
        elif not re.match(r"https?://[^/]", found.name):
            raise self.wrong(
                kind.value, "must be an http:// or https:// address, env:NAME or file:PATH"
            )
        elif not _has_host_and_port(found.name):
            raise self.unseen_wrong(kind.value, "invalid URL: check its host and port")
        return found

    def _hours(self) -> Hours | None:
        if "hours" not in self.table:
            return None
        name = self.text("timezone") or "local"
        try:
            named = None if name == "local" else named_zone(name, "timezone")
        except UsageError:
            raise self.wrong(
                "timezone", "must be a name such as Europe/Paris, local or UTC"
            ) from None
        zone = self._local() if name == "local" else named
        try:
            return read_hours(self._texts("hours"), zone or UTC)
        except ValueError:
            raise self.wrong("hours", f"must be {ALLOWED_HOURS}") from None

    def _secret(self) -> Secret | None:
        text = self.text("secret")
        return None if text is None else self._hidden("secret", text)

    def _hidden(self, key: str, text: str, inner: str | None = None) -> Secret:
        found = self._read(key, text, inner)
        if not found.source:
            raise self.unseen_wrong(
                key,
                "must be env:NAME or file:PATH; a secret does not belong into a configuration",
            )
        return found

    def _headers(self) -> tuple[tuple[str, Secret], ...]:
        table = self.table.get("headers", {})
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            raise self.unseen_wrong("headers", 'must be such as { Authorization = "env:TOKEN" }')
        for name in table:
            if not _HEADER.fullmatch(name):
                raise self.unseen_wrong("headers", "has a name that no header can have")
        return tuple((name, self._hidden("headers", text, name)) for name, text in table.items())

    def _environment(self) -> tuple[tuple[str, Secret], ...]:
        table = self.table.get("env", {})
        if not isinstance(table, dict) or not all(
            isinstance(text, str) and "\0" not in text for text in table.values()
        ):
            raise self.unseen_wrong("env", 'must be a table such as { TOKEN = "env:PAGER_TOKEN" }')
        for name in table:
            if not _VARIABLE.fullmatch(name):
                raise self.unseen_wrong("env", "has a name that no environment variable can have")
        return tuple((name, self._read("env", text, name)) for name, text in table.items())

    def _read(self, key: str, text: str, inner: str | None = None) -> Secret:
        """Read where a secret is. What follows `env:` may be the secret itself, by mistake."""
        found = read_secret(text, self._asked_at(key, inner))
        if found.source == "env" and not _VARIABLE.fullmatch(found.name):
            raise self.unseen_wrong(key, "env: must be followed by the name of a variable")
        if found.source == "file" and ("@" in found.name or "://" in found.name or not found.name):
            raise self.unseen_wrong(key, "file: must be followed by the path of a file")
        return found

    def _asked_at(self, key: str, inner: str | None = None) -> str:
        """Return where a key stands, as it begins a sentence about what is missing."""
        return self.asked_at(key, str(self.table.get("name") or ""), inner)

    def _body(self) -> dict[str, Any] | None:
        body = self.table.get("body")
        if body is None:
            return None
        if not isinstance(body, dict):
            raise self.wrong("body", 'must be a table, such as { text = "{message}" }')
        self._check_templates(body, 0)
        return body

    def _check_templates(self, value: object, depth: int) -> None:
        if depth > _DEEPEST:
            raise self.unseen_wrong("body", "is nested too deeply")
        if isinstance(value, str):
            try:
                check_template(value, TEMPLATE_NAMES)
            except ValueError as error:
                raise self.unseen_wrong("body", str(error)) from None
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                self._check_templates(inner, depth + 1)
        elif not isinstance(value, bool | int | float) or not math.isfinite(value):
            raise self.unseen_wrong("body", "has texts, numbers, true, false, tables and arrays")

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
