"""The address of a server, as people write it."""

from __future__ import annotations

from urllib.parse import urlsplit

from glancemetrics.errors import UsageError

DEFAULT_PORT = 7890
ALLOWED = "HOST:PORT, or an http:// or https:// address"


def server_url(text: str) -> str:
    """Return the URL of a server, without a slash at its end: below it is `/api/v1`.

    `web1:7890`, `web1` (port 7890), `7890` or `:7890` (this machine),
    `https://example.com/traffic/`. Raises `UsageError`.
    """
    written = text.strip()
    port_alone = written.removeprefix(":")
    if port_alone.isascii() and port_alone.isdecimal():
        written = f"127.0.0.1:{port_alone}"
    has_scheme = "://" in written
    try:
        parts = urlsplit(written if has_scheme else f"http://{written}")
        port = parts.port
        host = parts.hostname
    except ValueError:
        raise _invalid(text) from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{parts.scheme}://{host}: must be written without name and password; pass them apart"
        )
    is_plain = written.isascii() and written.isprintable() and " " not in written
    if not host or not is_plain or parts.scheme not in {"http", "https"}:
        raise _invalid(text)
    if parts.query or port == 0:
        raise _invalid(text)
    shown = f"[{host}]" if ":" in host else host
    if port is None and not has_scheme:
        port = DEFAULT_PORT
    place = shown if port is None else f"{shown}:{port}"
    return f"{parts.scheme}://{place}{parts.path}".rstrip("/")


def _invalid(text: str) -> UsageError:
    return UsageError(f"{text}: must be {ALLOWED}")
