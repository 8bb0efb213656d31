"""`--format-from`: the format that a server's own configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import UsageError
from glancemetrics.planning.sources import PATH, Sources


def format_from(name: str, logs: Sequence[str]) -> str:
    """Return what `--format` should say for logs, by an nginx.conf or a goaccess.conf.

    Raises `UsageError`.
    """
    # Late: each start looks whether this is needed.
    from glancemetrics.formats.notations import goaccess
    from glancemetrics.formats.notations.nginx_configuration import chosen_format, logs_of
    from glancemetrics.formats.notations.notation import NotationError

    path = Path(name)
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"--format-from {name}: {error.strerror}") from None
    if goaccess.configuration(text) is not None:
        return text

    def included(pattern: str) -> list[str]:
        # An absolute pattern replaces the folder.
        folder, _, rest = str(path.parent.absolute() / pattern).rpartition("/")
        found = sorted(one for one in Path(folder).glob(rest) if one.is_file())
        return [one.read_text("utf-8", "replace") for one in found]

    try:
        return chosen_format(logs_of(text, included), logs)
    except NotationError as error:
        raise UsageError(f"--format-from {name}: {error}") from None
    except OSError as error:
        raise UsageError(
            f"--format-from {name}: includes {error.filename}: {error.strerror}"
        ) from None


def format_told(settings: Settings, sources: Sources) -> str | None:
    """Return what the file of `--format-from` says of the sources; `None` where there is none.

    Raises `UsageError`.
    """
    if settings.format_from is None:
        return None
    return format_from(settings.format_from, sources.of({PATH}))
