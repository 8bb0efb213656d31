"""The address of a fleet: a Redis URL with the fleet's name.

`redis://[USER@]HOST[:PORT][/DATABASE]?fleet=NAME`, `rediss://` with TLS. Source for scheme, user
and database: https://www.iana.org/assignments/uri-schemes/prov/redis. Sentinels are named with
`redis+sentinel://HOST[:PORT],HOST[:PORT][/DATABASE]?master=NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from glancemetrics.configuration.variables import PASSWORD_VARIABLE
from glancemetrics.errors import UsageError
from glancemetrics.words.addresses import corrected, without_password

SCHEMES = frozenset(["redis", "rediss", "redis+sentinel", "rediss+sentinel"])
DEFAULT_FLEET = "default"
_PORT, _SENTINEL_PORT = 6379, 26379
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:\s/@]+)(?::(.*))?", re.ASCII | re.DOTALL)
_FILES = ("password-file", "ca", "cert", "key")
_PASSWORDS = frozenset(["password", "passwd", "pass", "pwd", "auth", "secret"])
"""What other programs call a password in an address."""
_KNOWN = frozenset(["fleet", "master", *_FILES])

WHERE_PASSWORDS_ARE = (
    f"put it in a file and its path behind password-file=, or into the variable {PASSWORD_VARIABLE}"
)
_IN_CLEAR = f"a password in the address is shown by ps and kept by the shell; {WHERE_PASSWORDS_ARE}"

NAME_RULE = "must have 1 to 63 letters, digits, '.', '_' or '-'"
"""What `is_name` tells."""

_Refuse = Callable[[str], UsageError]
"""Makes the error of a reason."""


def is_name(text: str) -> bool:
    """Tell whether a text can name a fleet or an agent: 1 to 63 letters, digits, `.`, `_`, `-`.

    Names are parts of keys in Redis and of patterns in its access rules, where `*` and `?` have a
    meaning.
    """
    return _NAME.fullmatch(text) is not None


@attrs.frozen(kw_only=True)
class FleetAddress:
    """Where a fleet's Redis is, and the name of the fleet."""

    servers: tuple[tuple[str, int], ...]
    """Hosts and ports: one Redis, or the sentinels that know it."""
    master: str = ""
    """The name of the Redis that the sentinels are asked for; empty without sentinels."""
    has_tls: bool = False
    user: str = ""
    """Empty: the default user."""
    database: int = 0
    fleet: str = DEFAULT_FLEET
    password_file: str | None = None
    ca: str | None = None
    """PEM file of the authority of the server's certificate; `None`: the system's."""
    cert: str | None = None
    """PEM file of the client's certificate."""
    key: str | None = None
    """PEM file of its private key; `None`: in `cert`."""

    def __str__(self) -> str:
        """Return it for people, without files."""
        return ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                         for host, port in self.servers)  # fmt: skip

    @property
    def identity(self) -> str:
        """Return what names the fleet, whoever asks and however: without user, files and TLS."""
        servers = ",".join(sorted(f"[{host.lower()}]:{port}" for host, port in self.servers))
        return f"fleet {self.fleet}, {self.master}@{servers}/{self.database}"


def fleet_address(text: str, option: str) -> FleetAddress:
    """Read a fleet's URL. Raises `UsageError`, whose message begins with the option."""

    def refuse(why: str) -> UsageError:
        return UsageError(f"{option} {without_password(text)}: {why}")

    try:
        parts = urlsplit(text)
    except ValueError:
        raise refuse("is not a URL, such as redis://redis:6379/0?fleet=prod") from None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise refuse("must begin with redis:// or rediss://")
    right = corrected(text)
    if right is not None:
        raise refuse(f"did you mean {without_password(right)}?")
    user, at, places = parts.netloc.rpartition("@")
    user, colon, _ = user.partition(":")
    if (at and colon) or "@" in parts.path:  # a password with a slash
        raise refuse(_IN_CLEAR)
    is_sentinel = scheme.endswith("+sentinel")
    servers = tuple(_server(place, is_sentinel, refuse) for place in places.split(","))
    if len(servers) > 1 and not is_sentinel:
        raise refuse("names several servers; name sentinels with redis+sentinel://")
    database = parts.path.strip("/") or "0"
    if not database.isascii() or not database.isdigit():
        raise refuse(f"the database must be a number, not {database}; name the fleet with ?fleet=")
    given = _options(parts.query, refuse)
    fleet, master = given.get("fleet", DEFAULT_FLEET), given.get("master", "")
    if not is_name(fleet):
        raise refuse(f"the fleet's name {NAME_RULE}")
    if is_sentinel != bool(master):
        raise refuse(
            "sentinels need the name of their Redis: ?master=NAME"
            if is_sentinel
            else "?master= is for redis+sentinel://"
        )
    has_tls = scheme.startswith("rediss")
    if not has_tls and any(given.get(name) for name in ("ca", "cert", "key")):
        raise refuse("certificates are for rediss://")
    if given.get("key") and not given.get("cert"):
        raise refuse("key= needs cert=")
    return FleetAddress(
        servers=servers,
        master=master,
        has_tls=has_tls,
        user=unquote(user),
        database=int(database),
        fleet=fleet,
        password_file=given.get("password-file"),
        ca=given.get("ca"),
        cert=given.get("cert"),
        key=given.get("key"),
    )


def _server(place: str, is_sentinel: bool, refuse: _Refuse) -> tuple[str, int]:
    found = _SERVER.fullmatch(place)
    if found is None:
        raise refuse("must name a host, such as redis://redis:6379/0?fleet=prod")
    port = found[2] or str(_SENTINEL_PORT if is_sentinel else _PORT)
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:9]) < 65_536:
        hint = "; an IPv6 address needs brackets: [::1]:6379" if ":" in port else ""
        raise refuse(f"the port of {found[1]} must be a number from 1 to 65535{hint}")
    return found[1].strip("[]"), int(port)


def _options(query: str, refuse: _Refuse) -> Mapping[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in given.items():
        if name.lower() in _PASSWORDS:
            raise refuse(_IN_CLEAR)
        if name not in _KNOWN:
            raise refuse(f"unknown {name}=; there are {', '.join(sorted(_KNOWN))}")
        if not value:
            raise refuse(f"{name}= has no value")
    return given
