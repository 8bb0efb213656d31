"""The page in the browser, the HTTP API, and metrics for other programs.

`web` is the output: it gets snapshots and alert events and serves. `serving` listens (hypercorn's
trio worker behind our own limits), `guards` decide who may ask what, `application` routes.
`viewers` computes each frame once for all who look; `live` sends them. `api` answers requests.
What JSON and parameters look like is in `glancemetrics/http_api`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from actors.files.notices import warn
from actors.outputs.kind import OutputKind
from actors.sources.posted import POSTED, WITHOUT_SENDERS
from glancemetrics.configuration.setting import (
    OFF,
    Group,
    NotAllowedError,
    optional_text,
    plain_text,
    setting,
    settings_of,
    some_texts,
    switch,
)
from glancemetrics.errors import UsageError
from glancemetrics.planning.sources import Sources

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output
    from glancemetrics.configuration.settings import Settings

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 7890
_ADDRESS = re.compile(
    r"(?:(https?)://)?(?:(\[[0-9a-fA-F:.%]+\]|[^:\s\[\]/]+|\*)?:)?(\d{1,5})/?", re.ASCII
)
"""The scheme and the slash are those of an address that was copied from a browser."""

# Each part has one way to match: with "(?:[\w.~-]+/?)*" a long path would take for ever.
_PATH = re.compile(r"/(?:[\w.~-]+(?:/[\w.~-]+)*/?)?", re.ASCII)


@attrs.frozen
class WebAddress:
    """Where the page is served."""

    host: str
    """A name or an address, without brackets."""
    port: int
    is_https: bool = False
    """Whether it was given as `https://…`."""

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for all addresses of this machine."""
        return self.host in {"0.0.0.0", "::"}  # noqa: S104 - only compared

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_address(text: str) -> bool:
    """Tell whether a word after `--web` is its value, and not the name of a log."""
    if text.startswith(("http://", "https://")):
        return True
    return text == OFF or _ADDRESS.fullmatch(text) is not None


def _address(value: Any) -> WebAddress | None:
    if value is None or isinstance(value, WebAddress):
        return value
    if value is True:
        return WebAddress(DEFAULT_HOST, DEFAULT_PORT)
    if value is False or value == OFF:
        return None
    found = _ADDRESS.fullmatch(str(value) if isinstance(value, int) else plain_text(value))
    if found is None or not 0 <= int(found[3]) < 65536:
        raise NotAllowedError
    host = (found[2] or DEFAULT_HOST).strip("[]")
    host = "0.0.0.0" if host == "*" else host  # noqa: S104 - as asked
    return WebAddress(host, int(found[3]), is_https=found[1] == "https")


def _path(value: Any) -> str:
    text = "/" if value is None else plain_text(value)
    if not _PATH.fullmatch(text):
        raise NotAllowedError
    return text.rstrip("/")


@attrs.frozen(kw_only=True)
class WebSettings:
    """Where the page is served, and who may see it."""

    TABLE: ClassVar = "web"

    address: WebAddress | None = setting(
        None,
        _address,
        group=Group.WEB,
        name="web",
        metavar="[HOST:PORT]",
        bare=f"{DEFAULT_HOST}:{DEFAULT_PORT}",
        is_value=is_address,
        help=f"serve the page, the API and metrics; alone: {DEFAULT_HOST}:{DEFAULT_PORT}",
        example=f"{DEFAULT_HOST}:{DEFAULT_PORT}",
        allowed="off, HOST:PORT or a port",
    )
    token_file: str | None = setting(
        None,
        optional_text,
        group=Group.WEB,
        metavar="FILE",
        help="file with tokens, one per line: who has one may look",
        example="/etc/glancemetrics/web-tokens",
        allowed="the path of a file",
    )
    users: str | None = setting(
        None,
        optional_text,
        group=Group.WEB,
        metavar="FILE",
        help="file with users, one per line, made by: glancemetrics web-user NAME",
        example="/etc/glancemetrics/web-users",
        allowed="the path of a file",
    )
    senders: str | None = setting(
        None,
        optional_text,
        group=Group.WEB,
        metavar="FILE",
        help="file of those who may send lines to `-f http:`; each line: NAME TOKEN",
        example="/etc/glancemetrics/web-senders",
        allowed="the path of a file",
    )
    cert: str | None = setting(
        None,
        optional_text,
        group=Group.WEB,
        metavar="FILE",
        help="PEM file of the certificate: HTTPS; read again when it changes",
        example="/etc/ssl/glancemetrics.pem",
        allowed="the path of a PEM file",
    )
    key: str | None = setting(
        None,
        optional_text,
        group=Group.WEB,
        metavar="FILE",
        help="PEM file of its private key",
        default_shown="in --web-cert",
        example="/etc/ssl/private/glancemetrics.key",
        allowed="the path of a PEM file",
    )
    client_ca: str | None = setting(
        None,
        optional_text,
        group=Group.WEB,
        metavar="FILE",
        help="PEM file of an authority: only clients with its certificate may look",
        example="/etc/ssl/clients-ca.pem",
        allowed="the path of a PEM file",
    )
    admin: bool = setting(
        False,
        switch,
        group=Group.WEB,
        metavar=None,
        help="viewers may acknowledge incidents and silence rules",
        allowed="true or false",
    )
    anonymize_ip: bool = setting(
        False,
        switch,
        group=Group.WEB,
        metavar=None,
        help="viewers see addresses without their last part, and no lines of logs",
        allowed="true or false",
    )
    host: tuple[str, ...] = setting(
        (),
        some_texts,
        group=Group.WEB,
        metavar="NAME",
        help="a name under which browsers may ask for it, such as that of a reverse proxy",
        repeatable=True,
        split=lambda text: text.split(","),
        example="stats.example.com",
        allowed="the name of a host",
    )
    path: str = setting(
        "/",
        _path,
        group=Group.WEB,
        metavar="PATH",
        help="path before all others, where a reverse proxy does not remove it",
        example="/traffic",
        allowed="a path such as /traffic",
    )


def check(settings: WebSettings) -> None:
    """Raise `UsageError` for settings that would show the traffic to anybody, or cannot work."""
    address = settings.address
    if address is None:
        return
    has_access = settings.token_file or settings.users or settings.client_ca
    if not address.is_loopback and not has_access:
        raise UsageError(
            f"--web {address}: anybody who reaches this address could read the traffic; add "
            "--web-token-file, --web-users or --web-client-ca, or serve on 127.0.0.1 behind a "
            "reverse proxy that asks for a password"
        )
    if address.is_https and not settings.cert:
        raise UsageError(f"--web https://{address}: HTTPS needs a certificate: --web-cert FILE")
    for name in ("key", "client_ca"):
        if getattr(settings, name) and not settings.cert:
            raise UsageError(f"--web-{name.replace('_', '-')}: needs --web-cert")


def check_senders(settings: WebSettings, all_settings: Settings) -> None:
    """Raise `UsageError` for a source of sent lines that nobody could send to.

    Warns of senders without one.
    """
    texts = Sources(all_settings.file).of(POSTED.schemes)
    if texts and (settings.address is None or settings.senders is None):
        raise UsageError(WITHOUT_SENDERS)
    if not texts and settings.senders is not None and settings.address is not None:
        warn("--web-senders has no effect without -f http:")


def _warn_of_idle(settings: WebSettings, desk: Desk) -> None:
    """Say which settings of a page have no effect, since none is served."""
    why = "without --web" if settings.address is None else "with --once"
    given = [one for one in settings_of(WebSettings) if one.name in desk.settings.given]
    for one in given:
        if one.attribute != "address" or settings.address is not None:
            warn(f"{one.flag} has no effect {why}")


def _make(settings: WebSettings, desk: Desk) -> Iterator[Output]:
    if settings.address is None or desk.settings.once:
        if not desk.settings.once:
            check_senders(settings, desk.settings)
        _warn_of_idle(settings, desk)
        return
    check(settings)
    check_senders(settings, desk.settings)
    from actors.outputs.web.web import Web  # late: slow to import

    yield Web(settings, desk)


def _missing(settings: WebSettings) -> Iterator[tuple[str, str]]:
    if settings.address is None:
        return
    for name in ("token_file", "users", "senders", "cert", "key", "client_ca"):
        path = getattr(settings, name)
        if path is not None:
            try:
                with Path(path).open("rb") as file:
                    file.read(1)
            except OSError as error:
                yield name, f"{path}: {error.strerror}"


WEB = OutputKind(WebSettings, _make, _missing, only_shows=True)
