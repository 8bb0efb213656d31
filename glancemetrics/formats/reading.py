"""How a run reads logs: in which format, and what else their lines do not say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from ipaddress import ip_network

import attrs

from glancemetrics.errors import UsageError
from glancemetrics.formats.auto import AutoFormat, LastDetected
from glancemetrics.formats.clients import Network
from glancemetrics.formats.format_names import AUTO
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.kept_fields import read_kept
from glancemetrics.formats.log_format import UNKNOWN, DurationUnit, LineContext, LogFormat


@attrs.frozen
class Reading:
    """How logs are read."""

    given: LogFormat | None = None
    """`None`: the format of each is detected."""
    context: LineContext = UNKNOWN

    def format_to_follow(self, last: LastDetected | None = None) -> LogFormat:
        """Return the format of a log that is being written.

        `last`: what was detected of the logs that are followed beside it.
        """
        return AutoFormat(last=last) if self.given is None else self.given

    def format_of(self, sample: bytes, before: LogFormat | None = None) -> LogFormat:
        """Return the format of a log that has been written, by a sample of its lines.

        `before`: that of a log that was looked at before this one, which it often shares.
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
    zone_is_told: bool = False,
    keep: Iterable[str] = (),
) -> Reading:
    """Read what `--format` and others say. Raises `UsageError`, which names the place."""
    automatic = log_format.strip().lower() == AUTO
    if automatic and (date_format or time_format):
        option = "--date-format" if date_format else "--time-format"
        raise UsageError(
            f"{option}: is of GoAccess's log-format or a regular expression: give that as --format"
        )
    kept = read_kept(keep)
    given = None if automatic else read_format(log_format, date_format, time_format, kept)
    context = LineContext(
        zone=zone or UTC,
        zone_is_told=zone_is_told,
        trusted=read_networks(trusted_proxies),
        duration_unit=None if duration_unit is None else read_unit(duration_unit),
        kept=kept,
    )
    return Reading(given, context)


def read_unit(written: str) -> DurationUnit:
    """Read what `--duration-unit` says. Raises `UsageError`."""
    try:
        return DurationUnit(written.strip().lower())
    except ValueError:
        raise UsageError(f"--duration-unit {written}: must be us, ms or s") from None


def read_networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks. Raises `UsageError`."""
    networks = []
    for text in written:
        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise UsageError(
                f"--trusted-proxy {text}: must be an address or a network such as 10.0.0.0/8"
            ) from None
    return tuple(networks)
