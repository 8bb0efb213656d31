"""OTLP: metrics for OpenTelemetry collectors, sent over HTTP at an interval."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import SplitResult, urlsplit

import attrs

from actors.outputs.kind import OutputKind
from glancemetrics.configuration.setting import (
    OFF,
    Group,
    NotAllowedError,
    optional_text,
    plain_text,
    setting,
    span,
    span_allowed,
)
from glancemetrics.errors import UsageError

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output

DEFAULT_PATH = "/v1/metrics"
"""Source: OTLP specification, section "OTLP/HTTP Request"."""
_LONGEST_INTERVAL = 3600
_MISSING_PACKAGE = (
    "the package opentelemetry-proto is missing; install it with: pip install 'glancemetrics[otlp]'"
)
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([\t\x20-\x7e]*)")
"""A name and a value (RFC 9110, sections 5.1 and 5.5), in ASCII: no other text can be sent."""
_OURS = frozenset({"host", "content-type", "content-encoding", "content-length"})
"""Headers that say what the body is."""


def _address(value: Any) -> str | None:
    if value is None or value == OFF:
        return None
    text = plain_text(value)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise NotAllowedError from None
    if "@" in url.netloc:
        raise NotAllowedError("put credentials into the file of --otlp-headers")
    if url.scheme not in {"http", "https"} or not url.hostname or port == 0:
        raise NotAllowedError
    if url.query or url.fragment or not text.isascii() or not text.isprintable() or " " in text:
        raise NotAllowedError
    path = url.path if url.path not in {"", "/"} else DEFAULT_PATH
    return SplitResult(url.scheme, url.netloc, path, "", "").geturl()


@attrs.frozen(kw_only=True)
class OtlpSettings:
    """Where metrics are sent, and how often."""

    TABLE: ClassVar = "otlp"

    address: str | None = setting(
        None,
        _address,
        group=Group.OUTPUTS,
        name="otlp",
        metavar="URL",
        help="send metrics to an OpenTelemetry collector (OTLP over HTTP); the path is "
        f"{DEFAULT_PATH} unless the URL has one",
        example="http://127.0.0.1:4318",
        allowed="off, http://HOST:4318 or https://HOST/PATH",
    )
    interval: float = setting(
        15.0,
        span(1, _LONGEST_INTERVAL),
        group=Group.OUTPUTS,
        metavar="SECONDS",
        default_shown="15 s",
        help="time between metrics sent with --otlp",
        allowed=span_allowed(1, _LONGEST_INTERVAL, "seconds"),
    )
    headers: str | None = setting(
        None,
        optional_text,
        group=Group.OUTPUTS,
        metavar="FILE",
        help="file with headers for --otlp, such as `Authorization: Bearer TOKEN`, one per line; "
        "read again each time",
        example="/etc/glancemetrics-otlp-headers",
        allowed="the path of a text file",
    )


def read_headers(path: str | None) -> list[tuple[str, str]]:
    """Return the headers in a file; no file has none. Raises `UsageError`.

    An error names the line but never shows it: it may hold a token.
    """
    if path is None:
        return []
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a null byte in the path
        reason = error.strerror if isinstance(error, OSError) else "not a UTF-8 text"
        raise UsageError(f"{path}: {reason}") from None
    headers = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _HEADER.fullmatch(line.strip())
        if found is None:
            hint = "" if line.isascii() else ", in ASCII"
            raise UsageError(f"{path} line {number}: must be a header such as NAME: VALUE{hint}")
        if found[1].lower() in _OURS:
            raise UsageError(f"{path} line {number}: {found[1]} cannot be set")
        headers.append((found[1], found[2]))
    return headers


def _make(settings: OtlpSettings, desk: Desk) -> Iterator[Output]:
    if settings.address is None:
        return
    for _, sentence in _missing(settings):
        raise UsageError(f"--otlp: {sentence}")
    from actors.outputs.otlp.sending import Otlp

    yield Otlp(settings.address, settings.interval, settings.headers, desk)


def _missing(settings: OtlpSettings) -> Iterator[tuple[str, str]]:
    if settings.address is None:
        return
    if not _has_package():
        yield "address", _MISSING_PACKAGE
    try:
        read_headers(settings.headers)
    except UsageError as error:
        yield "headers", str(error)


def _has_package() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.proto") is not None
    except ModuleNotFoundError:
        return False


OTLP = OutputKind(OtlpSettings, _make, _missing)
