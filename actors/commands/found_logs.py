"""The access logs of this machine: where servers and containers usually write them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import attrs

from actors.archive.logs import find_logs
from actors.sources.files.container_names import container_in
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.formats.reading import Reading
from glancemetrics.lines.log_names import current_logs

USUAL_PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "nginx",
        (
            "/var/log/nginx/*access*",
            "/usr/local/nginx/logs/*access*",
            "/opt/nginx/logs/*access*",
            "/usr/local/var/log/nginx/*access*",
            "/opt/homebrew/var/log/nginx/*access*",
            "/var/log/gitlab/nginx/*access*",
            "/data/logs/proxy-host-*_access.log",
        ),
    ),
    (
        "Apache",
        (
            "/var/log/apache2/*access*",
            "/var/log/httpd/*access*",
            "/usr/local/apache2/logs/*access*",
            "/usr/local/apache/domlogs/*",
            "/var/www/vhosts/system/*/logs/*access*",
        ),
    ),
    ("Caddy", ("/var/log/caddy/*.log", "/var/lib/caddy/*access*.log")),
    ("Traefik", ("/var/log/traefik/*.log", "/var/log/traefik.log")),
    ("HAProxy", ("/var/log/haproxy.log", "/var/log/haproxy/*.log")),
    ("LiteSpeed", ("/usr/local/lsws/logs/*access*", "/usr/local/lsws/*/logs/*access*")),
    ("lighttpd", ("/var/log/lighttpd/*access*",)),
    ("Tomcat", ("/var/log/tomcat*/*access*", "/opt/tomcat/logs/*access*")),
    ("Varnish", ("/var/log/varnish/varnishncsa.log",)),
    ("Squid", ("/var/log/squid/access.log",)),
    ("IIS", ("/mnt/c/inetpub/logs/LogFiles/*/*.log", "/inetpub/logs/LogFiles/*/*.log")),
)
"""Server, and globs of its logs in packages of distributions, its own installers and images."""

_DOCKER_LOGS = "var/lib/docker/containers/*/*-json.log"
_PODMAN_LOGS = "var/lib/containers/storage/overlay-containers/*/userdata/ctr.log"
_KUBERNETES_LOGS = "var/log/containers/*.log"

_MOST_EXAMINED = 200
"""Of many logs, those that were written to last."""


@attrs.frozen
class FoundLog:
    """An access log that was found."""

    path: str
    server: str
    """What writes it, such as `nginx` or `container shop`."""
    size: int
    """Bytes."""
    last: float | None
    """Time of its newest line, in seconds since the epoch; `None` if it is empty."""


def found_logs(root: str = "/", reading: Reading | None = None) -> list[FoundLog]:
    """Return the access logs under a root, the one with the newest line first.

    Logs of containers are among them only if their lines are requests. What cannot be read is left
    out; `unreadable_places` names it.
    """
    reading = reading or Reading()
    candidates = sorted(_candidates(Path(root)), key=lambda each: -each[2].st_mtime)
    found = []
    for path, server, status in candidates[:_MOST_EXAMINED]:
        last = None
        if status.st_size:
            last = _last_time(path, reading)
            if last is None:
                continue
        elif server.startswith("container"):
            continue  # of those most are of programs that serve nothing
        found.append(FoundLog(str(path), server, status.st_size, last))
    return sorted(found, key=lambda log: -(log.last or 0))


def unreadable_places(root: str = "/") -> list[str]:
    """Return directories of logs that exist and that this user may not read."""
    parents = dict.fromkeys(Path(place).parent for _, places in USUAL_PLACES for place in places)
    found = [Path(root, str(each).lstrip("/")) for each in parents if "*" not in str(each)]
    return [str(each) for each in found if _is_refused(each)]


def _is_refused(folder: Path) -> bool:
    # is_dir of pathlib fails where a folder above may not be entered.
    return os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)  # noqa: PTH112


def _candidates(root: Path) -> Iterator[tuple[Path, str, os.stat_result]]:
    seen: set[tuple[int, int]] = set()
    for path, server in _named(root):
        with suppress(OSError):
            status = path.stat()
            identity = (status.st_dev, status.st_ino)
            if path.is_file() and os.access(path, os.R_OK) and identity not in seen:
                seen.add(identity)
                yield path, server, status


def _named(root: Path) -> Iterator[tuple[Path, str]]:
    for server, places in USUAL_PLACES:
        for place in places:
            found: defaultdict[Path, list[str]] = defaultdict(list)
            for path in _glob(root, place.lstrip("/")):
                found[path.parent].append(path.name)
            for folder, names in found.items():
                yield from ((folder / name, server) for name in current_logs(names))
    for path in _glob(root, _DOCKER_LOGS):
        known = container_in(path.parent)
        if known is None or known.is_running:
            yield path, f"container {path.parent.name[:12] if known is None else known.name}"
    for path in _glob(root, _PODMAN_LOGS):
        yield path, f"container {path.parent.parent.name[:12]}"
    for path in _glob(root, _KUBERNETES_LOGS):
        yield path, f"container {path.name.split('_')[0]}"


def _glob(root: Path, pattern: str) -> list[Path]:
    try:
        return sorted(root.glob(pattern))
    except OSError:
        return []


def _last_time(path: Path, reading: Reading) -> float | None:
    """Return the time of the newest line; `None` for what is no access log."""
    try:
        (log,) = find_logs([str(path)], reading)
    except GlanceMetricsError:
        return None
    return log.newest
