"""The TLS context of a server, made anew when its files change."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import attrs
from loguru import logger

from glancemetrics.errors import GlanceMetricsError, sentence


@attrs.frozen
class CertificateFiles:
    """The PEM files of a TLS server, and the options that name them."""

    cert: str
    key: str | None
    """`None`: the key is in `cert`."""
    client_ca: str | None
    """The authority that clients need a certificate of; `None`: they need none."""
    option: str
    """The options without their last part: `--web`."""
    protocols: tuple[str, ...] = ()
    """What is spoken over TLS, if clients ask for it (ALPN, RFC 7301)."""

    def problem(self) -> str:
        """Return why no context can be made of them, in a sentence; empty if one can."""
        try:
            self.context()
        except GlanceMetricsError as error:
            return str(error)
        return ""

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises `GlanceMetricsError`, which names the option."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.protocols:
            context.set_alpn_protocols([*self.protocols])
        self.stamp()  # names the file that cannot be read
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.cert, self.key, password="")
        except (OSError, ValueError) as error:
            reason = _problem(error, "a certificate and its key")
            raise GlanceMetricsError(f"{self.option}-cert {self.cert}: {reason}") from None
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ValueError) as error:
                reason = _problem(error, "certificates")
                named = f"{self.option}-client-ca {self.client_ca}"
                raise GlanceMetricsError(f"{named}: {reason}") from None
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def stamp(self) -> list[tuple[int, int]]:
        """Return what changes with the files. Raises `GlanceMetricsError`."""
        found = []
        for name in ("cert", "key", "client_ca"):
            path = getattr(self, name)
            if path is not None:
                try:
                    with Path(path).open("rb") as file:
                        known = os.fstat(file.fileno())
                except OSError as error:
                    option = f"{self.option}-{name.replace('_', '-')}"
                    raise GlanceMetricsError(f"{option} {path}: {error.strerror}") from None
                found.append((known.st_mtime_ns, known.st_ino))
        return found


class FreshContext:
    """A TLS context that follows its files."""

    def __init__(self, files: CertificateFiles) -> None:
        """Raises `GlanceMetricsError` for files that cannot be used."""
        self._files = files
        self._stamp: object = files.stamp()
        self._problem = ""
        self.context = files.context()

    def refresh(self) -> None:
        """Read the files if they have changed; the old ones stay in use while they are invalid."""
        try:
            stamp = self._files.stamp()
            if stamp != self._stamp:
                self.context = self._files.context()
                self._stamp = stamp
            self._problem = ""
        except GlanceMetricsError as error:
            if str(error) != self._problem:
                logger.warning("{}; the previous certificate is still used", error)
            self._problem = str(error)


def _problem(error: Exception, content: str) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not a PEM file of {content} ({error.reason or 'invalid'})"
    return sentence(error)
