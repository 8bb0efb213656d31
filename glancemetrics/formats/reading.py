"""How a run reads logs: the format, and settings for what lines do not say themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from ipaddress import ip_network

import attrs

from glancemetrics.errors import UsageError
from glancemetrics.formats.auto import AutoFormat, LastDetected
from glancemetrics.formats.clients import Network
from glancemetrics.formats.format_names import AUTO
from glancemetrics.formats.kept_fields import read_kept
from glancemetrics.formats.log_format import UNKNOWN, DurationUnit, LineContext, LogFormat


@attrs.frozen
class Reading:
    """How logs are read."""

    given: LogFormat | None = None
    """The format of `--format`; `None`: the format of each log is detected."""
    context: LineContext = UNKNOWN

    def format_to_follow(self, last: LastDetected | None = None) -> LogFormat:
        """Return the format of a followed log.

        `last`: the format detected for the other followed logs.
        """
        return AutoFormat(last=last) if self.given is None else self.given

    def format_of(self, sample: bytes, before: LogFormat | None = None) -> LogFormat:
        """Return the format of a log that is read whole, from a sample of its lines.

        `before`: the format of the previous log, which often has the same.
        """
        if self.given is not None:
            return self.given
        last = LastDetected(before.known if isinstance(before, AutoFormat) else None)
        if before is not None and last.explains(sample, self.context):
            return before
        detected = AutoFormat(learns=False)
        detected.look_at(sample, self.context)
        return detected


def make_reading(
    log_format: str = AUTO,
    zone: tzinfo | None = None,
    trusted_proxies: Iterable[str] = (),
    date_format: str | None = None,
    time_format: str | None = None,
    duration_unit: str | None = None,
    *,
    zone_is_explicit: bool = False,
    keep: Iterable[str] = (),
) -> Reading:
    """Parse `--format` and related options. Raises `UsageError`."""
    automatic = log_format.strip().lower() == AUTO
    if automatic and (date_format or time_format):
        option = "--date-format" if date_format else "--time-format"
        raise UsageError(f"{option}: needs --format with a GoAccess log-format or a regex")
    kept = read_kept(keep)
    given = None
    if not automatic:
        from glancemetrics.formats.format_option import read_format  # late: it loads all formats

        given = read_format(log_format, date_format, time_format, kept)
    context = LineContext(
        zone=zone or UTC,
        zone_is_explicit=zone_is_explicit,
        trusted=read_networks(trusted_proxies),
        duration_unit=None if duration_unit is None else read_unit(duration_unit),
        kept=kept,
    )
    return Reading(given, context)


def read_unit(text: str) -> DurationUnit:
    """Parse `--duration-unit`. Raises `UsageError`."""
    try:
        return DurationUnit(text.strip().lower())
    except ValueError:
        raise UsageError(f"--duration-unit {text}: must be us, ms or s") from None


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse addresses and networks. Raises `UsageError`."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise UsageError(
                f"--trusted-proxy {text}: must be an address or a network such as 10.0.0.0/8"
            ) from None
    return tuple(networks)
