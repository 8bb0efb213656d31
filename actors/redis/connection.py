"""One connection to a Redis server: commands in, replies out.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2).
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import hiredis
import trio

from actors.files.handshake import shake_hands
from glancemetrics.configuration.variables import PASSWORD_VARIABLE
from glancemetrics.errors import GlanceMetricsError, UnreachableError, UsageError, sentence
from glancemetrics.fleet.address import WHERE_PASSWORDS_ARE, FleetAddress
from glancemetrics.words.escaping import visible

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 5.0
MOST_REPLY_BYTES = 64 << 20
"""Bytes of one reply that are kept before it is complete."""
_PIECE = 1 << 16
"""Bytes that are sent and received at once: other tasks run in between, also with TLS."""
_OLDEST = 5
"""The first version with streams."""

_PASSING = ("LOADING ", "MASTERDOWN ", "READONLY ", "BUSY ", "TRYAGAIN ", "NOREPLICAS ")
"""Beginnings of errors that pass by themselves. Source: https://redis.io/docs/latest/commands/"""
_KEY_AT = {"XINFO": 2, "AUTH": 0}
"""Where the key of a command is, if it is not the next word; a password must not be shown."""

Made = TypeVar("Made")
Argument = str | bytes | int | float
Command = tuple[Argument, ...]
Reply = Any
"""Bytes, a number, `None`, a list of replies, or a `RefusedError`."""


class RefusedError(GlanceMetricsError):
    """Redis answered a command with an error."""

    command: str = ""
    """The command's name and key."""


class NotPermittedError(GlanceMetricsError):
    """The user may not do what an agent, or a hub, has to do."""


class ClosedError(UnreachableError):
    """The server has closed the connection."""


class ReplyTooLargeError(UnreachableError):
    """A reply was larger than allowed; the connection is closed."""


@attrs.define(eq=False)
class Connection:
    """A connection. Commands are answered in order; one task uses it at a time."""

    _stream: trio.abc.Stream
    _name: str
    _reader: hiredis.Reader = attrs.field(
        factory=lambda: hiredis.Reader(replyError=RefusedError, protocolError=UnreachableError)
    )
    _is_broken: bool = False

    async def run(
        self, *commands: Command, most_bytes: int = MOST_REPLY_BYTES, seconds: float = REPLY_SECONDS
    ) -> list[Reply]:
        """Run commands, all sent at once; returns their replies.

        Errors of single commands are among the replies: see `checked`. Raises `UnreachableError`
        if the connection breaks, is silent for some seconds, or Redis can do nothing for now: then
        nobody knows which of them were carried out, and the connection is closed.
        """
        try:
            if self._is_broken:
                raise UnreachableError(f"{self._name}: the connection is closed")
            # The deadline is for silence: a large reply may take as long as it comes.
            with trio.fail_after(seconds):
                for piece in _pieces(commands):
                    await self._stream.send_all(piece)
            replies = [await self._reply(most_bytes, seconds) for _ in commands]
            for passing in filter(_is_passing, replies):
                raise UnreachableError(f"{self._name}: {visible(str(passing))}")
        except BaseException as error:
            self._is_broken = True  # replies that come later would be taken for those of others
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)
            known = self._known(error)
            if known is error:
                raise
            raise known from error
        _note_refused(commands, replies)
        return replies

    async def send(self, command: Command) -> None:
        """Send a command whose reply `next_reply` returns. Raises `UnreachableError`."""
        try:
            with trio.fail_after(REPLY_SECONDS):
                await self._stream.send_all(_in_bytes(command))
        except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
            raise self._known(error) from error

    async def next_reply(self, seconds: float) -> Reply:
        """Wait for what Redis sends by itself, as to subscribers. Raises `UnreachableError`."""
        try:
            return await self._reply(MOST_REPLY_BYTES, seconds)
        except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
            raise self._known(error) from error

    async def aclose(self) -> None:
        """Close it."""
        self._is_broken = True
        await trio.aclose_forcefully(self._stream)

    async def _reply(self, most_bytes: int, seconds: float) -> Reply:
        size = 0
        while True:
            reply = self._reader.gets()
            if reply is not False:
                return reply
            with trio.fail_after(seconds):
                piece = await self._stream.receive_some(_PIECE)
            if not piece:
                raise ClosedError(f"{self._name}: closed the connection")
            size += len(piece)
            if size > most_bytes:
                raise ReplyTooLargeError(f"{self._name}: sends more than {most_bytes >> 20} MiB")
            self._reader.feed(bytes(piece))

    def _known(self, error: BaseException) -> BaseException:
        match error:
            case trio.TooSlowError():
                return UnreachableError(f"{self._name}: does not answer")
            case OSError() | trio.BrokenResourceError() | trio.ClosedResourceError():
                is_closed = isinstance(_cause(error), ConnectionError)
                kind = ClosedError if is_closed else UnreachableError
                return kind(f"{self._name}: {_reason(error)}")
        return error


def _is_passing(reply: Reply) -> bool:
    """Tell whether Redis refuses a command only now: it is starting, busy, or a replica for now."""
    return isinstance(reply, RefusedError) and str(reply).startswith(_PASSING)


def _pieces(commands: Iterable[Command]) -> Iterator[bytes | memoryview]:
    """Yield commands as they are sent: small ones together, large ones in pieces."""
    together = bytearray()
    for command in commands:
        for part in _parts(command):
            if len(part) <= _PIECE:
                together += part
            if len(together) >= _PIECE or (together and len(part) > _PIECE):
                yield bytes(together)
                together.clear()
            if len(part) > _PIECE:
                view = memoryview(part)
                yield from (view[at : at + _PIECE] for at in range(0, len(view), _PIECE))
    if together:
        yield bytes(together)


def _parts(command: Command) -> Iterator[bytes]:
    """Yield what makes up a command; a large argument is not copied."""
    if not any(isinstance(one, bytes) and len(one) > _PIECE for one in command):
        yield _in_bytes(command)
        return
    yield b"*%d\r\n" % len(command)
    for argument in command:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        yield b"$%d\r\n" % len(data)
        yield data
        yield b"\r\n"


def _in_bytes(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # typed as one word
    return packed


def _note_refused(commands: Sequence[Command], replies: Sequence[Reply]) -> None:
    queued: list[Command] = []
    for command, reply in zip(commands, replies, strict=False):
        if isinstance(reply, RefusedError):
            last = _KEY_AT.get(str(command[0]), 1)
            reply.command = " ".join(str(word) for word in command[: last + 1])
        if command == ("MULTI",):
            queued = []
        elif command == ("EXEC",) and isinstance(reply, list):
            _note_refused(queued, reply)
        else:
            queued.append(command)


def explained(error: BaseException, address: FleetAddress, agent: str) -> BaseException:
    """Return an error, with the way out if Redis refused a command; no agent: as the hub."""
    if not isinstance(error, RefusedError):
        return error
    text = visible(str(error))
    if "NOPERM" in text:
        work, whose = (f"send as {agent}", agent) if agent else ("work as the hub", "--hub")
        return NotPermittedError(
            f"{address}: the user may not {work}; its access rules are printed by: "
            f"glancemetrics agent-user {whose} --fleet {address.fleet}"
        )
    if "WRONGTYPE" in text or "stream ID" in text:
        way_out = (
            "the key was written by another program; name another fleet with fleet=, or delete it"
        )
    elif text.startswith("OOM"):
        way_out = "raise maxmemory in the configuration of Redis"
    else:
        way_out = "see the log of Redis"
    return GlanceMetricsError(f"{address}: Redis refuses {error.command}: {text}; {way_out}")


def is_of_key(error: RefusedError) -> bool:
    """Tell whether Redis refused a command for what a key has; other keys can be used then."""
    return str(error).startswith(("WRONGTYPE", "ERR"))


def checked(reply: Reply) -> Reply:
    """Return a reply. Raises it if it is an error, or has one in it."""
    if isinstance(reply, Exception):
        raise reply
    if isinstance(reply, list):
        for one in reply:
            checked(one)
    return reply


async def clock_ahead(
    connection: Connection, wall: Callable[[], float], *commands: Command
) -> tuple[float, list[Reply]]:
    """Return by how many seconds a clock is ahead of that of Redis, to half of the way there.

    On that way it runs commands; returns their replies as well.
    """
    before = wall()
    time, *replies = await connection.run(("TIME",), *commands)
    seconds, micros = checked(time)
    return (before + wall()) / 2 - (int(seconds) + int(micros) / 1e6), replies


async def connect(address: FleetAddress, client: str) -> Connection:
    """Connect to the Redis of a fleet, log in, and check that it can do what a fleet needs.

    `client` names the connection in Redis' list of clients. Raises `UnreachableError` while it
    cannot be reached, `UsageError` and `GlanceMetricsError` for what has to be mended first.
    """
    _password(address)  # what is wrong with its file is said also while nothing can be reached
    if not address.master:
        return await _connected(address, address.servers[0], client)
    failures = []
    for server in address.servers:
        try:
            master = await _master_at(address, server)
            return await _connected(address, master, client, is_master=True)
        except UnreachableError as error:
            failures.append(str(error))
    raise UnreachableError("; ".join(failures))


async def _master_at(address: FleetAddress, sentinel: tuple[str, int]) -> tuple[str, int]:
    """Ask a sentinel where its Redis is now."""
    connection = await _opened(address, sentinel)
    try:
        ask = ("SENTINEL", "get-master-addr-by-name", address.master)
        (reply,) = await connection.run(ask)
        if isinstance(reply, RefusedError) and "NOAUTH" in str(reply):
            await _log_in(connection, address)
            (reply,) = await connection.run(ask)
        if isinstance(reply, RefusedError) and "unknown command" in str(reply):
            raise GlanceMetricsError(
                f"{_place(sentinel)}: is a Redis and no sentinel; use its address as redis://"
            )
        if checked(reply) is None:
            raise GlanceMetricsError(
                f"{_place(sentinel)}: the sentinel knows no {address.master}; see master="
            )
        host, port = (part.decode() for part in reply)
        return host, int(port)
    finally:
        await connection.aclose()


async def _connected(
    address: FleetAddress, server: tuple[str, int], client: str, *, is_master: bool = False
) -> Connection:
    connection = await _opened(address, server)
    try:
        await _log_in(connection, address)
        select, info, role, _ = await connection.run(
            ("SELECT", address.database),
            ("INFO", "server"),
            ("ROLE",),
            ("CLIENT", "SETNAME", client),
        )
        _check(server, select, info, role, is_master=is_master)
    except BaseException as error:
        with trio.CancelScope(shield=True):
            await connection.aclose()
        if isinstance(error, UnreachableError) and address.has_tls and address.cert is None:
            # With TLS 1.3 a server says so only after the handshake, by closing the connection.
            raise UnreachableError(f"{error}; if it asks for a certificate: cert=") from error
        if isinstance(error, ClosedError) and not address.has_tls:
            # With TLS a server closes the connection of who does not begin with a handshake.
            raise UnreachableError(f"{error}; if it expects TLS: {_other(address)}") from error
        raise
    return connection


async def _log_in(connection: Connection, address: FleetAddress) -> None:
    password = _password(address)
    if password is None and not address.user:
        return
    # A user may have no password (`nopass`); then Redis takes any.
    given = password or ""
    words: Command = ("AUTH", address.user, given) if address.user else ("AUTH", given)
    (reply,) = await connection.run(words)
    if not isinstance(reply, RefusedError):
        return
    if password is None:
        raise GlanceMetricsError(
            f"{address}: Redis asks for a password of the user {visible(address.user)}; "
            f"{WHERE_PASSWORDS_ARE}"
        )
    of_user = f" of the user {visible(address.user)}" if address.user else ""
    forgotten = (
        "; if it was restarted without an aclfile, it has forgotten its users"
        if address.user
        else ""
    )
    raise GlanceMetricsError(
        f"{address}: Redis does not accept the password{of_user}: "
        f"{visible(str(reply)).rstrip('.')}{forgotten}"
    )


def _password(address: FleetAddress) -> str | None:
    if address.password_file is None:
        return os.environ.get(PASSWORD_VARIABLE) or None
    try:
        password = Path(address.password_file).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise GlanceMetricsError(f"password-file={sentence(error)}") from None
    if not password:
        raise GlanceMetricsError(f"password-file={address.password_file}: is empty")
    return password


def _check(
    server: tuple[str, int], select: Reply, info: Reply, role: Reply, *, is_master: bool
) -> None:
    """Raise for a Redis that cannot be a fleet's."""
    name = _place(server)
    for reply in (select, info):
        if isinstance(reply, RefusedError):
            text = str(reply)
            if "NOAUTH" in text:
                raise GlanceMetricsError(
                    f"{name}: Redis asks for a password; {WHERE_PASSWORDS_ARE}"
                )
            if "LOADING" in text or "MASTERDOWN" in text:
                raise UnreachableError(f"{name}: {text}")
            if reply is select and "cluster mode" not in text:
                raise UsageError(f"{name}: Redis refuses the database: {text}")
    facts = _facts(info) if isinstance(info, bytes) else {}
    mode = facts.get("redis_mode") or facts.get("server_mode")  # of Redis, and of Valkey
    if mode == "cluster" or isinstance(select, RefusedError):
        raise UsageError(
            f"{name}: is a Redis Cluster, where nothing can be done to several keys at once; use a "
            "single Redis or Valkey, with sentinels if it has to be there always"
        )
    version = facts.get("redis_version", "")
    if version and int(version.split(".")[0]) < _OLDEST:
        raise UsageError(f"{name}: is Redis {version}; {_OLDEST} or newer is needed")
    if isinstance(role, list) and role and role[0] != b"master":
        why = "is no longer the master" if is_master else "is a replica; name its master"
        raise UnreachableError(f"{name}: {why}")


def _facts(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value for name, _, value in lines}


async def _opened(address: FleetAddress, server: tuple[str, int]) -> Connection:
    host, port = server
    name = _place(server)
    context = tls_context(address) if address.has_tls else None
    hint = ""
    try:
        with trio.fail_after(CONNECT_SECONDS):
            plain = await trio.open_tcp_stream(host, port)
            stream: trio.abc.Stream = plain
            if context is not None:
                hint = f"; if it does not use TLS: {_other(address)}"
                secure = trio.SSLStream(plain, context, server_hostname=host, https_compatible=True)
                await shake_hands(secure)
                stream = secure
    except trio.TooSlowError:
        raise UnreachableError(f"{name}: does not answer{hint}") from None
    except (OSError, trio.BrokenResourceError) as error:
        if isinstance(_cause(error), ssl.SSLCertVerificationError):
            hint = ""  # it does use TLS
        raise UnreachableError(f"{name}: {_reason(error)}{hint}") from error
    return Connection(stream, name)


def tls_context(address: FleetAddress) -> ssl.SSLContext:
    """Return what TLS needs. Raises `GlanceMetricsError` for unusable certificates."""
    if address.ca is not None and not _holds("ca", address.ca, b"CERTIFICATE"):
        raise GlanceMetricsError(f"ca={address.ca}: has no certificate in PEM")
    context = _tls(f"ca={address.ca}", lambda: ssl.create_default_context(cafile=address.ca))
    certificate, key = address.cert, address.key
    if certificate is None:
        return context
    if not _holds("cert", certificate, b"CERTIFICATE"):
        raise GlanceMetricsError(f"cert={certificate}: has no certificate in PEM")
    if not _holds("cert" if key is None else "key", key or certificate, b"PRIVATE KEY"):
        raise GlanceMetricsError(
            f"cert={certificate}: has no private key in PEM; name the key's file with key="
            if key is None
            else f"key={key}: has no private key in PEM"
        )
    named = f"cert={certificate}" if key is None else f"cert={certificate}, key={key}"
    _tls(named, lambda: context.load_cert_chain(certificate, key))
    return context


def _holds(option: str, path: str, what: bytes) -> bool:
    """Tell whether a file has something in PEM. Raises `GlanceMetricsError`."""
    try:
        return b"%s-----" % what in Path(path).read_bytes()
    except OSError as error:
        raise GlanceMetricsError(f"{option}={sentence(error)}") from None


def _tls(named: str, make: Callable[[], Made]) -> Made:
    try:
        return make()
    except (OSError, ssl.SSLError) as error:
        raise GlanceMetricsError(f"{named}: cannot be used: {sentence(error)}") from None


def _place(server: tuple[str, int]) -> str:
    host, port = server
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _other(address: FleetAddress) -> str:
    """Return the scheme with TLS for an address without, and the other way round."""
    scheme = "redis" if address.has_tls else "rediss"
    return f"{scheme}+sentinel://" if address.master else f"{scheme}://"


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:  # trio wraps the errors of each address, and of TLS
        error = error.__cause__
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
    return error


def _reason(error: BaseException) -> str:
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        return f"{cause.strerror}: check the host's name"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {cause.verify_message}; see ca="
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
        return os.strerror(cause.errno)
    return sentence(cause)
