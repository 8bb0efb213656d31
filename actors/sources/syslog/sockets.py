"""The sockets of a syslog input: how they are opened, and what the kernel says about them.

Sources: socket(7), unix(7), udp(7), proc_sys_net(5); `include/uapi/linux/sock_diag.h`
(`SK_MEMINFO_DROPS`).
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from actors.sources.syslog import UDP, UNIX, UNIX_STREAM, SyslogListener
from glancemetrics.errors import GlanceMetricsError, sentence

_BUFFER_BYTES = 32 << 20
"""What a socket may hold that has not been received yet, if the system allows it."""
_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("9I")
_MEMINFO_DROPS = 8
_BACKLOG = 1024
_NEXT_PORTS = 20
"""Tried when a port is in use, to suggest another one."""
QUEUE_LENGTH = Path("/proc/sys/net/unix/max_dgram_qlen")
_ENOUGH_QUEUED = 512
"""What systemd sets; the kernel's own default is 10, and it stays so in containers."""
_EVERYONE = 0o666
"""Log daemons and web servers run as users of their own, as those that write to /dev/log."""


@attrs.frozen(eq=False)
class OpenSocket:
    """A socket that is bound."""

    socket: socket.socket
    path: Path | None = None
    """The file of a local socket."""
    inode: int = 0

    def close(self) -> None:
        """Close it, and remove its file unless that is another program's by now."""
        self.socket.close()
        if self.path is not None:
            with suppress(OSError):
                if self.path.lstat().st_ino == self.inode:
                    self.path.unlink()


def open_sockets(listener: SyslogListener) -> list[OpenSocket]:
    """Bind the sockets of a listener, which do not block.

    Raises `GlanceMetricsError` with a sentence that says what to do.
    """
    if listener.is_local:
        return [_local(listener)]
    kind = socket.SOCK_DGRAM if listener.scheme == UDP else socket.SOCK_STREAM
    host = None if listener.host == "*" else listener.host
    opened: list[OpenSocket] = []
    try:
        found = socket.getaddrinfo(host, listener.port, type=kind, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in found:
            opened.append(OpenSocket(_bound(family, kind, address)))
    except OSError as error:
        for one in opened:
            one.close()
        problem = f"--file {listener.text}: {_problem(listener, error)}"
        raise GlanceMetricsError(problem) from None
    return opened


def kernel_drops(one: socket.socket) -> int:
    """Return how many datagrams the kernel has dropped since the socket is open; modulo 2**32.

    Counted when a receive buffer is full. Unlike `SO_RXQ_OVFL`, which comes with the next
    datagram, this is known at any time. It is 0 for local sockets: their senders have to wait.
    """
    try:
        answer = one.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:
        return 0
    if len(answer) < _MEMINFO.size:
        return 0
    return int(_MEMINFO.unpack(answer)[_MEMINFO_DROPS])


def queue_problem() -> str:
    """Return what is wrong with how many datagrams of local sockets the kernel holds; or nothing.

    It is one number for all sockets, which each takes when it is made. What does not fit in is the
    sender's problem, and no counter of the receiver's.
    """
    try:
        queued = int(QUEUE_LENGTH.read_text())
    except (OSError, ValueError):  # a system that does not tell
        return ""
    if queued >= _ENOUGH_QUEUED:
        return ""
    return (
        f"the kernel holds only {queued:,} messages, and senders such as nginx drop more without "
        f"a trace: run sysctl -w net.unix.max_dgram_qlen={_ENOUGH_QUEUED}, and start again"
    )


def _bound(family: int, kind: int, address: str | tuple[Any, ...]) -> socket.socket:
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        if family == socket.AF_INET6:
            # 0.0.0.0 and [::] are two listeners, on any system.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            _enlarge(made)
        made.bind(address)
        if kind == socket.SOCK_STREAM:
            made.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _enlarge(made: socket.socket) -> None:
    try:
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    except OSError:  # not root: as much as net.core.rmem_max allows
        with suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)


def _local(listener: SyslogListener) -> OpenSocket:
    kind = socket.SOCK_STREAM if listener.scheme == UNIX_STREAM else socket.SOCK_DGRAM
    path = Path(listener.path)
    try:
        _make_way(path, kind)
        made = _bound(socket.AF_UNIX, kind, str(path))
    except OSError as error:
        problem = f"--file {listener.text}: {_local_problem(path, error)}"
        raise GlanceMetricsError(problem) from None
    with suppress(OSError):
        path.chmod(_EVERYONE)
    return OpenSocket(made, path, path.lstat().st_ino)


def _make_way(path: Path, kind: int) -> None:
    """Remove a socket that nobody listens on; it is left behind by a crash.

    Raises `OSError` if there is something else.
    """
    try:
        known = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(known.st_mode):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    with socket.socket(socket.AF_UNIX, kind) as tried:
        tried.setblocking(False)  # a full queue would block
        try:
            tried.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except PermissionError:
            raise
        except OSError:  # of another type, or full: somebody listens
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _local_problem(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"another program listens on {path}; choose another path"
        case errno.EEXIST:
            return f"{path} exists and is not a socket; choose another path"
        case errno.ENOENT | errno.ENOTDIR:
            return f"no such directory: {path.parent}; create it, or choose another path"
        case errno.EACCES | errno.EPERM:
            return f"permission denied; choose a path in a directory of yours, not {path.parent}"
        case _:
            return sentence(error)


def _problem(listener: SyslogListener, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            other = _free_port(listener)
            hint = f"-f {listener.with_port(other)}" if other else "another port"
            return f"in use by another program; try {hint}"
        case errno.EACCES | errno.EPERM:
            return (
                f"ports below 1024 need the right CAP_NET_BIND_SERVICE; try "
                f"-f {listener.with_port(5514)}"
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"{listener.host} is not an address of this machine; 0.0.0.0 and [::] are all of it"
            )
        case _ if isinstance(error, socket.gaierror):
            return f"{listener.host}: {error.strerror}; check the name"
        case _:
            return sentence(error)


def _free_port(listener: SyslogListener) -> int | None:
    kind = socket.SOCK_DGRAM if listener.scheme == UDP else socket.SOCK_STREAM
    host = None if listener.host == "*" else listener.host
    for port in range(listener.port + 1, min(listener.port + 1 + _NEXT_PORTS, 65_536)):
        try:
            found = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)
            for family, _, _, _, address in found:
                _bound(family, kind, address).close()
        except OSError:
            continue
        return port
    return None


def is_datagram(listener: SyslogListener) -> bool:
    """Whether each message is a datagram."""
    return listener.scheme in {UDP, UNIX}
