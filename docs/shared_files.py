"""Writes the man page and the tab completions that packages install: `make share`."""

from __future__ import annotations

from pathlib import Path

from actors.commands import registry
from actors.commands.completion_scripts import script
from actors.commands.man_page import man_page

FOLDER = Path(__file__).parents[1] / "packaging" / "share"


def shared_files() -> dict[str, str]:
    """Return the text of each file, by its path below `share` of an installation."""
    parsers = [registry.MONITOR.parser(), *(each.parser() for each in registry.COMMANDS)]
    return {
        "man/man1/glancemetrics.1": man_page(parsers),
        "bash-completion/completions/glancemetrics": script("bash", parsers),
        "zsh/site-functions/_glancemetrics": script("zsh", parsers),
        "fish/vendor_completions.d/glancemetrics.fish": script("fish", parsers),
    }


def main() -> None:
    """Write all files."""
    for name, text in shared_files().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
