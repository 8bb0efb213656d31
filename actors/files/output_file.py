"""Files that are replaced only when complete: a failed report does not destroy the old one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from glancemetrics.errors import GlanceMetricsError, StdoutClosedError
from glancemetrics.words.escaping import visible_csv, visible_json


@contextmanager
def replacing(path: Path, option: str = "--output ") -> Iterator[BinaryIO]:
    """Open a file that replaces `path` at the end, if there was no error.

    Of a symbolic link, the file that it leads to is replaced. `option` stands before the name in
    errors. Raises `GlanceMetricsError` if it cannot be written; `path` is then unchanged.
    """
    descriptor = _own_descriptor(path) if path.exists() else None
    if descriptor is not None or (path.exists() and not path.is_file()):
        # A device, a pipe, or what is open already, such as /dev/stdout, is written to, not
        # replaced.
        try:
            opened = path if descriptor is None else os.dup(descriptor)
            with open(opened, "wb", buffering=0) as device:  # noqa: PTH123
                yield device
        except OSError as error:
            raise GlanceMetricsError(f"{option}{path}: {error.strerror or error}") from None
        return
    named, path = path, path.resolve()
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            aside.chmod(path.stat().st_mode & 0o777)
        aside.replace(path)
    except BaseException as error:
        with suppress(OSError):
            aside.unlink()
        if isinstance(error, OSError):
            unchanged = "; the file is unchanged" if path.exists() else ""
            raise GlanceMetricsError(
                f"{option}{named}: {error.strerror or error}{unchanged}"
            ) from None
        raise


def _own_descriptor(path: Path) -> int | None:
    """Return the descriptor of this process that an existing path such as /dev/stdout leads to."""
    descriptors = Path("/proc/self/fd").resolve()
    while path.is_symlink():
        if path.parent.resolve() == descriptors:
            return int(path.name)
        path = path.parent / path.readlink()
    return None


def write_data(text: str, output_format: str, output: str | None = None) -> None:
    """Write data for programs like `write_text`; escape control characters for a terminal."""
    if _is_terminal(output):
        text = for_terminal(text, output_format)
    write_text(text, output)


def for_terminal(text: str, output_format: str) -> str:
    """Return data for programs made safe for a terminal; other text is already safe."""
    match output_format:
        case "csv":
            return visible_csv(text)
        case "json":
            return visible_json(text)
    return text


def _is_terminal(output: str | None) -> bool:
    if output is None:
        return sys.stdout is not None and sys.stdout.isatty()
    if not Path(output).is_char_device():
        return False
    try:
        with Path(output).open("wb", buffering=0) as device:
            return device.isatty()
    except OSError:
        return False  # writing will raise the error


def write_text(text: str, output: str | None = None, option: str = "--output ") -> None:
    """Write text to a file, or to standard output.

    `option` stands before the file's name in errors. Raises `GlanceMetricsError` if that fails,
    `StdoutClosedError` if the reader has gone.
    """
    data = text.encode("utf-8", "backslashreplace")
    if output is not None:
        with replacing(Path(output), option) as file:
            file.write(data)
        return
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        raise StdoutClosedError from None
