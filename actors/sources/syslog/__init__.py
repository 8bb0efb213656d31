"""Syslog: lines that web servers and log daemons send, over UDP, TCP, TLS or a local socket."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import attrs

from actors.sources.kind import SourceKind
from glancemetrics.configuration.setting import Group, optional_text, setting, whole
from glancemetrics.errors import UsageError

if TYPE_CHECKING:
    from actors.files.certificates import CertificateFiles
    from actors.sources.desk import SourceDesk
    from actors.sources.source import Source

UDP, TCP, TLS = "syslog+udp", "syslog+tcp", "syslog+tls"
UNIX, UNIX_STREAM = "syslog+unix", "syslog+unix-stream"
SCHEMES = (UDP, TCP, TLS, UNIX, UNIX_STREAM)

_LOCAL = re.compile(r"(syslog\+unix(?:-stream)?):(?://)?(/[^\0]*[^\0/])", re.IGNORECASE)
_NETWORK = re.compile(
    r"(syslog\+(?:udp|tcp|tls))://(\[[0-9a-f:.%\w]+\]|\*|[^\s:/?#\[\]@]*)(?::(\d*))?(.*)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_LONGEST_PATH = 107
"""Bytes of the path of a socket (`sun_path` in unix(7))."""


@attrs.frozen
class SyslogListener:
    """Where syslog messages are received."""

    text: str
    """As in `-f`: the name of its source."""
    scheme: str
    """One of `SCHEMES`."""
    host: str = ""
    """A name, an address without brackets, or `*` for all addresses; empty for a local socket."""
    port: int = 0
    path: str = ""
    """The path of a local socket."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can send to it."""
        return self.scheme in {UNIX, UNIX_STREAM}

    def with_port(self, port: int) -> str:
        """Return the text with another port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{port}"


def listener_of(text: str) -> SyslogListener:
    """Read a value of `-f`. Raises `ValueError` with a sentence that says what to write."""
    local = _LOCAL.fullmatch(text)
    if local is not None:
        scheme, path = local[1].lower(), local[2]
        if len(path.encode()) > _LONGEST_PATH:
            raise ValueError(f"the path is too long, the limit is {_LONGEST_PATH} bytes")
        return SyslogListener(text, scheme, path=path)
    if text.lower().startswith((f"{UNIX}:", f"{UNIX_STREAM}:")):
        scheme = text.partition(":")[0].lower()
        raise ValueError(f"must have the whole path of a socket: {scheme}:/run/glancemetrics.sock")
    found = _NETWORK.fullmatch(text)
    scheme = text.partition(":")[0].lower()
    example = f"{scheme}://0.0.0.0:{6514 if scheme == TLS else 5514}"
    if found is None or scheme not in SCHEMES:
        raise ValueError(f"must be syslog+udp, syslog+tcp or syslog+tls and an address: {example}")
    host, port, rest = found[2].strip("[]"), found[3] or "", found[4]
    if not host:
        raise ValueError(f"needs an address to listen on; for all addresses: {example}")
    if not port:
        raise ValueError(f"needs a port: {example}")
    if not 0 < int(port) < 65_536:
        raise ValueError(f"port {port} does not exist; must be 1 to 65535: {example}")
    if rest not in {"", "/"}:
        raise ValueError(f"must end after the port, without {rest}: {example}")
    return SyslogListener(text, scheme, host, int(port))


@attrs.frozen(kw_only=True)
class SyslogInputSettings:
    """Certificates of the syslog input, and how much it takes."""

    TABLE: ClassVar = "syslog_input"

    cert: str | None = setting(
        None,
        optional_text,
        group=Group.INPUT,
        metavar="FILE",
        help="PEM file of the certificate of syslog+tls://; read again when it changes",
        example="/etc/ssl/glancemetrics.pem",
        allowed="the path of a PEM file",
    )
    key: str | None = setting(
        None,
        optional_text,
        group=Group.INPUT,
        metavar="FILE",
        help="PEM file of its private key",
        default_shown="in --syslog-input-cert",
        example="/etc/ssl/private/glancemetrics.key",
        allowed="the path of a PEM file",
    )
    client_ca: str | None = setting(
        None,
        optional_text,
        group=Group.INPUT,
        metavar="FILE",
        help="PEM file of an authority: only senders with its certificate may send",
        example="/etc/ssl/clients-ca.pem",
        allowed="the path of a PEM file",
    )
    connections: int = setting(
        1000,
        whole(1, 60_000),
        group=Group.ADVANCED,
        metavar="N",
        default_shown="1,000 connections",
        help="maximum syslog connections of each listener at a time",
        allowed="a whole number from 1 to 60000",
    )
    peer_connections: int = setting(
        100,
        whole(1, 60_000),
        group=Group.ADVANCED,
        metavar="N",
        default_shown="100 connections",
        help="maximum syslog connections from one address",
        allowed="a whole number from 1 to 60000",
    )


def certificate_files(settings: SyslogInputSettings) -> CertificateFiles | None:
    """Return the files of the settings; `None` without a certificate."""
    from actors.files.certificates import CertificateFiles  # late: slow to import

    if settings.cert is None:
        return None
    option = "--syslog-input"
    return CertificateFiles(settings.cert, settings.key, settings.client_ca, option)


def _make(
    texts: Sequence[str], settings: SyslogInputSettings, desk: SourceDesk
) -> Iterator[Source]:
    if desk.once:
        raise UsageError(
            f"--once: {texts[0]} has no end; leave out --once, or name the file of a log"
        )
    listeners = [listener_of(text) for text in texts]
    for listener in listeners:
        if listener.scheme == TLS and settings.cert is None:
            raise UsageError(f"--file {listener.text}: needs --syslog-input-cert FILE")
    for name in ("key", "client_ca"):
        if getattr(settings, name) and settings.cert is None:
            flag = f"--syslog-input-{name.replace('_', '-')}"
            raise UsageError(f"{flag}: needs --syslog-input-cert FILE")
    from actors.sources.syslog.receiving import SyslogInput  # late: not needed for -h

    yield SyslogInput(listeners, settings)


def _missing(settings: SyslogInputSettings) -> Iterator[tuple[str, str]]:
    files = certificate_files(settings)
    problem = "" if files is None else files.problem()
    for name in ("client_ca", "key", "cert"):
        option = f"--syslog-input-{name.replace('_', '-')} "
        if problem.startswith(option):
            yield name, problem.removeprefix(option)


def _refuses(text: str) -> str | None:
    try:
        listener_of(text)
    except ValueError as error:
        return str(error)
    return None


SYSLOG_INPUT = SourceKind(
    name="syslog",
    schemes=frozenset(SCHEMES),
    takes="syslog+udp://HOST:PORT (or +tcp, +tls, +unix:PATH) to receive syslog",
    section=SyslogInputSettings,
    make=_make,
    missing=_missing,
    refuses=_refuses,
    is_arriving=True,
)
