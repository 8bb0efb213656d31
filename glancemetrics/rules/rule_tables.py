"""Reads rules from `[[rule]]` tables in TOML."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

import attrs

from glancemetrics.configuration.settings import RULE_TABLE, all_settings
from glancemetrics.configuration.toml_table import LONGEST_SPAN, TomlTable, tables_of
from glancemetrics.errors import Mistakes, UsageError
from glancemetrics.incidents.lifecycle import Timing
from glancemetrics.records.dimensions import dimensions_with
from glancemetrics.rules.conditions import (
    Absence,
    Anomaly,
    BurnRate,
    Change,
    Condition,
    Threshold,
    Unseen,
)
from glancemetrics.rules.metrics import ALLOWED as ALLOWED_METRIC
from glancemetrics.rules.metrics import REJECTS, Metric, Per, Unit, read_metric
from glancemetrics.rules.rule import MESSAGE_NAMES, Rule, Severity
from glancemetrics.rules.templates import check_template
from glancemetrics.words.durations import parse_seconds, parse_span, written_span
from glancemetrics.words.sizes import parse_size

_CONDITIONS = ("above", "below", "change", "absence", "slo", "new", "scan", "anomaly")
_KEYS = (
    *("name", "metric", "where", *_CONDITIONS, "window", "for", "recover_below", "recover_above"),
    *("keep_firing", "min_hits", "by", "severity", "message", "budget", "season", "warm_up"),
    *("flap_times", "flap_within", "no_data_after"),
)
_CHANGE = re.compile(r"(\d+(?:\.\d+)?)x over (?:(\w+)(?: and (\w+))? ago|previous)")

_SCANS = {
    "paths": ("distinct(path, 404)", 30, 60),
    "attacks": ("attacks", 2, 300),
    "logins": ("status(401)", 20, 60),
}
"""What a host does: metric, limit, and window in seconds."""

_BURN_RATES = (
    (0.02, 3600, 300, Severity.CRITICAL),
    (0.05, 21_600, 1800, Severity.CRITICAL),
    (0.10, 86_400, 7200, Severity.WARNING),
    (0.10, 259_200, 21_600, Severity.WARNING),
)
"""Share of the budget burned after the long window, the long window, and the short one (The Site
Reliability Workbook, table 5-8 and the text around it)."""


def _share(text: str) -> float:
    return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)


_LIMITS: dict[Unit, tuple[Callable[[str], float], str]] = {
    Unit.SHARE: (_share, 'a share from 0 to 1, or a percentage such as "5%"'),
    Unit.SECONDS: (parse_seconds, 'a number of seconds, or a duration such as "500ms"'),
    Unit.BYTES: (parse_size, 'a number of bytes, or a size such as "10MB"'),
    Unit.BYTES_RATE: (parse_size, 'a number of bytes per second, or a size such as "10MB"'),
}
"""How a limit is read that has a unit, and what is allowed; others are plain numbers."""


def read_rules(
    text: str, name: str, mistakes: Mistakes | None = None, *, kept: Sequence[str] = ()
) -> list[Rule]:
    """Read the rules of a TOML text; `name` is its file name or title, for errors.

    `kept` are fields that records have besides those of the schema.

    Raises `UsageError`, which names the line, the key and the allowed values; with `mistakes` the
    errors of all tables are added there instead.
    """
    rules: list[Rule] = []
    for table, place in tables_of(text, name, RULE_TABLE):
        reader = _RuleTable(table, RULE_TABLE, place)
        reader.kept = tuple(kept)
        reader.taken = {rule.name for rule in rules}
        rules += reader.read(reader.rules, mistakes) or ()
    return rules


class _RuleTable(TomlTable):
    """One table."""

    kept: tuple[str, ...] = ()
    """Fields that records have besides those of the schema."""
    taken: Collection[str] = ()
    """Names that other rules have."""

    def rules(self) -> list[Rule]:
        """Return the rules that the table defines: one, or several for an SLO."""
        self.check_keys(_KEYS, settings=all_settings())
        # What does not depend on the condition comes first, so that all mistakes are found.
        name, severity, where = self._name(), self._severity(), self._where()
        min_hits = self.whole("min_hits", 0)
        self._timing(0)
        kind = self.one_of(_CONDITIONS)
        condition, metric, window, by = self._condition(kind)
        rule = Rule(
            name=name,
            metric=metric,
            condition=condition,
            window_seconds=window,
            timing=self._timing(window),
            where=where,
            by=by,
            min_hits=min_hits,
            severity=severity,
            message=self._message(by),
        )
        self._check_pointless(kind)
        if metric.measure == REJECTS and (rule.where or rule.by):
            key = "where" if rule.where else "by"
            raise self.wrong(key, "lines that could not be parsed have no fields")
        rules = self._burning(rule) if kind == "slo" else [rule]
        if any(one.name in self.taken for one in rules):
            raise self.wrong("name", "duplicate rule name")
        return rules

    def _name(self) -> str:
        name = self.text("name")
        if name is None:
            raise self.wrong("name", 'missing: it stands in alerts, such as "Slow checkout"')
        if len(name) > 80 or not name.isprintable():
            raise self.wrong("name", "must be a text of at most 80 printable characters")
        return name

    def _condition(self, kind: str) -> tuple[Condition, Metric, int, str | None]:
        by = self.choice("by", self._groups())
        metric = self._metric("rate" if kind != "slo" else "status_ratio(5xx)")
        window = self.span("window", 300)
        condition: Condition
        match kind:
            case "above" | "below":
                if "metric" not in self.table:
                    raise self.wrong("metric", f"must be {ALLOWED_METRIC}")
                condition = self._threshold(kind, metric)
            case "change":
                condition = self._change(window)
            case "absence":
                condition, metric = (
                    Absence(),
                    read_metric(self.choice("metric", ("hits", "lines")) or "hits"),
                )
                window = self.span("absence", 300)
            case "slo":
                condition = self._slo(metric, by)
            case "new":
                condition, metric = Unseen(self.span("warm_up", 3600)), read_metric("hits")
                window, by = self.span("window", 600), self.choice("new", self._groups())
            case "scan":
                text, above, seconds = _SCANS[self.choice("scan", tuple(_SCANS)) or ""]
                condition, metric = Threshold(above, is_above=True), read_metric(text)
                window, by = self.span("window", seconds), by or "host"
            case _:
                if by is not None:
                    raise self.wrong("by", "an anomaly is learned from all traffic, not per group")
                deviations = self.number("anomaly", 0.5, 100)
                condition = Anomaly(deviations, self.span("season", 86_400))
        return condition, metric, window, by

    def _threshold(self, kind: str, metric: Metric) -> Threshold:
        limit = self._limit(kind, metric)
        is_above = kind == "above"
        own, other = (
            ("recover_below", "recover_above") if is_above else ("recover_above", "recover_below")
        )
        if other in self.table:
            raise self.wrong(other, f"a rule with {kind} uses {own}")
        recover = self._limit(own, metric) if own in self.table else None
        if recover is not None and (recover > limit if is_above else recover < limit):
            bound = "at most" if is_above else "at least"
            raise self.wrong(own, f"must be {bound} {metric.bare(limit)}")
        return Threshold(limit, is_above, recover)

    def _limit(self, key: str, metric: Metric) -> float:
        """Return a limit: a number, or one with the unit of its metric, such as `500ms` or `2%`."""
        value = self.table.get(key)
        read, allowed = _LIMITS.get(metric.unit, (float, "a number"))
        try:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise ValueError(value)
            limit = read(value) if isinstance(value, str) else float(value)
        except ValueError:
            if str(value).endswith("%") and metric.unit is not Unit.SHARE:
                allowed += "; a percentage needs a metric such as error_ratio"
            raise self.wrong(key, f"must be {allowed}") from None
        if metric.unit is Unit.SHARE and limit > 1:
            told = f"; {limit:g} % is {limit / 100:g}" if limit <= 100 else ""
            raise self.wrong(key, f"{metric.name} is a share from 0 to 1{told}")
        if not 0 <= limit <= 1e15:
            raise self.wrong(key, f"must be {allowed} from 0 to 1e+15")
        return limit

    def _change(self, window: int) -> Change:
        found = _CHANGE.fullmatch(self.text("change") or "")
        allowed = "must be like '3x over 1h ago', '0.3x over 1d and 1w ago' or '2x over previous'"
        if found is None or not float(found[1]) or float(found[1]) == 1:
            raise self.wrong("change", allowed)
        try:
            before = [parse_span(span) for span in found.groups()[1:] if span] or [window]
        except ValueError:
            raise self.wrong("change", allowed) from None
        if max(before) > LONGEST_SPAN:
            raise self.wrong("change", "must be at most 30 days ago")
        factor = float(found[1])
        return Change(Threshold(factor, is_above=factor > 1), tuple(before))

    def _slo(self, metric: Metric, by: str | None) -> BurnRate:
        if metric.per is not Per.HIT:
            raise self.wrong("metric", "must be a ratio, like error_ratio or status_ratio(5xx)")
        if by is not None:
            raise self.wrong("by", "an error budget has no groups; select traffic with where")
        return BurnRate(1, self.number("slo", 1, 99.9999) / 100, 300)

    def _burning(self, rule: Rule) -> list[Rule]:
        """Return a rule for each pair of windows."""
        budget = self.span("budget", 30 * 86_400)
        rules = []
        for share, long, short, severity in _BURN_RATES:
            assert isinstance(rule.condition, BurnRate)
            factor = round(share * budget / long, 6)
            if factor <= 0.5:
                continue
            rules.append(
                attrs.evolve(
                    rule,
                    name=f"{rule.name} ({factor:g}x over {written_span(long)})",
                    condition=attrs.evolve(rule.condition, factor=factor, short_window=short),
                    window_seconds=long,
                    timing=attrs.evolve(rule.timing, patience=long),
                    severity=severity if "severity" not in self.table else rule.severity,
                )
            )
        if not rules:
            raise self.wrong("budget", "must be at least a day")
        return rules

    def _where(self) -> str | None:
        expression = self.text("where")
        if expression is not None:
            from glancemetrics.selecting.sql import (
                Where,
                shortened,
            )  # late: slow to import

            try:
                Where(expression, self.kept)
            except UsageError as error:
                prefix = f"{shortened(expression)}: "
                said = str(error).removeprefix("--where ").removeprefix(prefix)
                raise self.wrong("where", said.removeprefix(": ")) from None
        return expression

    def _timing(self, window: int) -> Timing:
        return Timing(
            hold=self.span("for", 0),
            keep=self.span("keep_firing", 0),
            patience=self.span("no_data_after", window),
            flap_times=self.whole("flap_times", 4),
            flap_within=self.span("flap_within", 3600),
        )

    def _severity(self) -> Severity:
        names = tuple(severity.value for severity in Severity)
        return Severity(self.choice("severity", names) or "warning")

    def _message(self, by: str | None) -> str | None:
        message = self.text("message")
        if message is not None:
            try:
                check_template(message, [*MESSAGE_NAMES, *([by] if by else [])])
            except ValueError as error:
                raise self.wrong("message", str(error)) from None
        return message

    def _check_pointless(self, kind: str) -> None:
        """Reject keys that would have no effect."""
        needs = {
            "recover_below": ("above",),
            "recover_above": ("below",),
            "budget": ("slo",),
            "season": ("anomaly",),
            "warm_up": ("new",),
            "metric": ("above", "below", "change", "absence", "slo", "anomaly"),
            "window": ("above", "below", "change", "new", "scan", "anomaly"),
        }
        for key, kinds in needs.items():
            if key in self.table and kind not in kinds:
                raise self.wrong(key, f"has no effect in a rule with {kind}")
        if kind == "new" and "by" in self.table:
            raise self.wrong("by", "has no effect in a rule with new")

    def _metric(self, default: str) -> Metric:
        text = self.text("metric") or default
        try:
            return read_metric(text, self.kept)
        except ValueError as error:
            detail = f" ({error})" if str(error) else ""
            raise self.wrong("metric", f"must be {ALLOWED_METRIC}{detail}") from None

    def _groups(self) -> tuple[str, ...]:
        """Return the fields that rules may group by."""
        return tuple(dimensions_with(self.kept))
