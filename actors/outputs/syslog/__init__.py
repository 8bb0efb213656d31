"""Syslog: alert events as RFC 5424 messages over UDP, TCP, TLS or a local socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from actors.outputs.kind import OutputKind
from glancemetrics.configuration.setting import (
    OFF,
    Group,
    NotAllowedError,
    choice,
    optional_text,
    plain_text,
    setting,
)
from glancemetrics.incidents.syslog_names import FACILITIES, SEVERITIES

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output

SYSLOG_SCHEMES = ("udp", "tcp", "tls", "unix")


@attrs.frozen
class SyslogAddress:
    """A destination of syslog messages."""

    scheme: str
    """One of `SYSLOG_SCHEMES`."""
    host: str
    """Host name or address; for `unix` the path."""
    port: int

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _syslog(value: Any) -> SyslogAddress | None:
    if value is None or isinstance(value, SyslogAddress) or value == OFF:
        return None if value == OFF else value
    scheme, mark, rest = plain_text(value).partition("://")
    if not mark or scheme not in SYSLOG_SCHEMES:
        raise NotAllowedError
    if scheme == "unix":
        if not rest.startswith("/"):
            raise NotAllowedError("the path of a socket must begin with /")
        return SyslogAddress(scheme, rest, 0)
    host, colon, port = rest.rstrip("/").rpartition(":")
    if not colon or rest.endswith("]"):
        host, port = rest.rstrip("/"), "6514" if scheme == "tls" else "514"
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise NotAllowedError
    return SyslogAddress(scheme, host, int(port))


@attrs.frozen(kw_only=True)
class SyslogSettings:
    """Where events are sent, and with which facility and severity."""

    TABLE: ClassVar = "syslog"

    address: SyslogAddress | None = setting(
        None,
        _syslog,
        group=Group.OUTPUTS,
        name="syslog",
        metavar="ADDRESS",
        values=("unix:///dev/log",),
        help="send alerts to syslog (RFC 5424): udp://HOST:514, tcp://HOST:514, "
        "tls://HOST:6514 or unix:///dev/log",
        example="unix:///dev/log",
        allowed="off, udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH",
    )
    facility: str = setting(
        "daemon",
        choice(*FACILITIES),
        group=Group.OUTPUTS,
        metavar="NAME",
        values=tuple(FACILITIES),
        help="syslog facility",
        allowed=f"one of {' '.join(FACILITIES)}",
    )
    severity: str = setting(
        "warning",
        choice(*SEVERITIES),
        group=Group.OUTPUTS,
        metavar="NAME",
        values=tuple(SEVERITIES),
        help="syslog severity of warnings (critical rules: at least crit; info rules: info; "
        "recoveries: notice)",
        allowed=f"one of {' '.join(SEVERITIES)}",
    )
    ca: str | None = setting(
        None,
        optional_text,
        group=Group.OUTPUTS,
        metavar="FILE",
        default_shown="the system's",
        help="PEM file of the certificate authority of a tls:// syslog server",
        example="/etc/ssl/certs/ca-certificates.crt",
        allowed="the path of a PEM file",
    )


def _make(settings: SyslogSettings, desk: Desk) -> Iterator[Output]:
    del desk
    if settings.address is not None:
        from actors.outputs.syslog.sending import Syslog

        yield Syslog(
            settings.address,
            facility=settings.facility,
            severity=settings.severity,
            ca_file=settings.ca,
        )


def _missing(settings: SyslogSettings) -> Iterator[tuple[str, str]]:
    if settings.ca is None:
        return
    import ssl  # late: rarely needed

    try:
        ssl.create_default_context(cafile=settings.ca)
    except ssl.SSLError:
        yield "ca", f"{settings.ca}: not a PEM file of certificates"
    except OSError as error:
        yield "ca", f"{settings.ca}: {error.strerror}"


SYSLOG = OutputKind(SyslogSettings, _make, _missing)
