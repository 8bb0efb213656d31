"""Reads targets from `[[notify]]` tables in TOML."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

from glancemetrics.configuration.settings import NOTIFY_TABLE, all_settings
from glancemetrics.configuration.toml_table import Place, TomlTable, tables_of
from glancemetrics.errors import Mistakes, UsageError
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
    """Read the targets of a TOML text; `name` is its file name, `local` returns the local zone.

    Raises `UsageError`, which names the line, the key and the allowed values; with `mistakes` the
    errors of all tables are added there instead.
    """
    targets: list[Target] = []
    for table, place in tables_of(text, name, NOTIFY_TABLE):
        reader = _TargetTable(table, NOTIFY_TABLE, place, local)
        reader.taken = {target.name for target in targets}
        target = reader.read(reader.target, mistakes)
        targets += () if target is None else (target,)
    return targets


def _has_host_and_port(url: str) -> bool:
    """Return whether a URL has a host, and no port or one from 1 to 65535 (RFC 3986, 3.2)."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class _TargetTable(TomlTable):
    secret_keys = (*_KINDS, "secret", "headers", "body", "env")
    taken: Collection[str] = ()
    """Names that other targets have."""

    def __init__(self, table: Mapping[str, Any], kind: str, place: Place, local: LocalZone) -> None:
        super().__init__(table, kind, place)
        self._local = local

    def target(self) -> Target:
        self.check_keys(_KEYS, settings=all_settings())
        # What does not depend on the kind comes first, so that all mistakes are found.
        name = self.text("name")
        severity = Severity(self.choice("severity", tuple(one.value for one in Severity)) or "info")
        hours = self._hours()
        recovered = self._switch("recovered")
        waits = self.span("group_wait", 0), self.span("repeat", 0), self.span("timeout", 10)
        group_by = GroupBy(self.choice("group_by", tuple(one.value for one in GroupBy)) or "rule")
        form = self.choice("format", _FORMATS) or "json"
        body, headers, secret = self._body(), self._headers(), self._secret()
        environment = self._environment()
        rules = self._texts("rules") if "rules" in self.table else ("*",)
        kind = TargetKind(self.one_of(_KINDS))
        name = name or kind.value
        if len(name) > 80 or not name.isprintable():
            raise self.wrong("name", "must be a text of at most 80 printable characters")
        if name in self.taken:
            is_given = "name" in self.table
            why = "duplicate target name" if is_given else f"another target is called {name}, too"
            raise self.wrong("name", why)
        is_exec = kind is TargetKind.EXEC
        self._check_pointless(kind)
        return Target(
            name=name,
            kind=kind,
            url=None if is_exec else self._url(kind),
            command=self._texts("exec") if is_exec else (),
            environment=environment,
            severity=severity,
            rules=rules,
            hours=hours,
            recovered=recovered,
            group_wait=waits[0],
            group_by=group_by,
            repeat=waits[1] or None,
            format=form,
            body=body,
            headers=headers,
            secret=secret,
            timeout=waits[2],
            place=self._asked_at(kind.value),
        )

    def _check_pointless(self, kind: TargetKind) -> None:
        for key in _FOR_WEBHOOKS:
            if key in self.table and kind is not TargetKind.WEBHOOK:
                raise self.unseen_wrong(key, "only for a webhook")
        for key in _FOR_PROGRAMS:
            if key in self.table and kind is not TargetKind.EXEC:
                raise self.unseen_wrong(key, "only for exec")
        if "group_by" in self.table and "group_wait" not in self.table:
            raise self.wrong(
                "group_by", "needs group_wait, the time for which events are collected"
            )
        if "timezone" in self.table and "hours" not in self.table:
            raise self.wrong("timezone", "needs hours")

    def _url(self, kind: TargetKind) -> Secret:
        found = self._read(kind.value, self.text(kind.value) or "")
        if found.source:
            return found
        if kind is TargetKind.APPRISE:
            # With most services, whoever reads the URL can post in this name.
            if "://" not in found.name:
                raise self.unseen_wrong(kind.value, "must be an Apprise URL, env:NAME or file:PATH")
        elif not re.match(r"https?://[^/]", found.name):
            raise self.wrong(
                kind.value, "must be an http:// or https:// URL, env:NAME or file:PATH"
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
            raise self.wrong("timezone", "must be a name like Europe/Paris, local or UTC") from None
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
                "must be env:NAME or file:PATH; secrets must not be stored in the configuration",
            )
        return found

    def _headers(self) -> tuple[tuple[str, Secret], ...]:
        table = self.table.get("headers", {})
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            raise self.unseen_wrong("headers", 'must be like { Authorization = "env:TOKEN" }')
        for name in table:
            if not _HEADER.fullmatch(name):
                raise self.unseen_wrong("headers", "invalid header name")
        return tuple((name, self._hidden("headers", text, name)) for name, text in table.items())

    def _environment(self) -> tuple[tuple[str, Secret], ...]:
        table = self.table.get("env", {})
        if not isinstance(table, dict) or not all(
            isinstance(text, str) and "\0" not in text for text in table.values()
        ):
            raise self.unseen_wrong("env", 'must be a table like { TOKEN = "env:PAGER_TOKEN" }')
        for name in table:
            if not _VARIABLE.fullmatch(name):
                raise self.unseen_wrong("env", "invalid variable name")
        return tuple((name, self._read("env", text, name)) for name, text in table.items())

    def _read(self, key: str, text: str, inner: str | None = None) -> Secret:
        """Parse a secret's location. After `env:` there may be the secret itself, by mistake."""
        found = read_secret(text, self._asked_at(key, inner))
        if found.source == "env" and not _VARIABLE.fullmatch(found.name):
            raise self.unseen_wrong(key, "env: must be followed by a variable's name")
        if found.source == "file" and ("@" in found.name or "://" in found.name or not found.name):
            raise self.unseen_wrong(key, "file: must be followed by a path")
        return found

    def _asked_at(self, key: str, inner: str | None = None) -> str:
        """Return where a key stands, for the error if its secret is missing."""
        return self.asked_at(key, str(self.table.get("name") or ""), inner)

    def _body(self) -> dict[str, Any] | None:
        body = self.table.get("body")
        if body is None:
            return None
        if not isinstance(body, dict):
            raise self.wrong("body", 'must be a table like { text = "{message}" }')
        self._check_templates(body, 0)
        return body

    def _check_templates(self, value: object, depth: int) -> None:
        if depth > _DEEPEST:
            raise self.unseen_wrong("body", "nested too deeply")
        if isinstance(value, str):
            try:
                check_template(value, TEMPLATE_NAMES)
            except ValueError as error:
                raise self.unseen_wrong("body", str(error)) from None
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                self._check_templates(inner, depth + 1)
        elif not isinstance(value, bool | int | float) or not math.isfinite(value):
            raise self.unseen_wrong(
                "body", "may only hold texts, numbers, true, false, tables and arrays"
            )

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key)
        texts = [value] if isinstance(value, str) else value
        if (
            not isinstance(texts, list)
            or not texts
            or not all(isinstance(text, str) and text and "\0" not in text for text in texts)
        ):
            raise self.wrong(key, "must be a text or a list of texts")
        return tuple(texts)

    def _switch(self, key: str) -> bool:
        value = self.table.get(key, True)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value
