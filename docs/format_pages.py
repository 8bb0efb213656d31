"""Writes a page for each format that has a name: `python -m docs.format_pages`.

What a page says comes from the preset itself, and what its example means from reading it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.kept_fields import keepable_names
from glancemetrics.formats.log_format import LineContext
from glancemetrics.formats.pairs import PairsFormat
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.presets.preset import Preset

FOLDER = Path(__file__).parent / "formats"
_MOMENT = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
"""When the lines of examples come that do not say so."""


def pages() -> dict[str, str]:
    """Return the pages, by file name."""
    made = {f"{name}.md": "\n".join(_page(preset)) + "\n" for name, preset in PRESETS.items()}
    return {"README.md": "\n".join(_index()) + "\n", **made}


def _index() -> Iterator[str]:
    yield "# Formats that have a name"
    yield ""
    yield "All are detected without being named. [How formats work](../formats.md)."
    yield ""
    yield "| name | what writes it |"
    yield "|---|---|"
    for name, preset in PRESETS.items():
        yield f"| [`{name}`]({name}.md) | {preset.title} |"


def _page(preset: Preset) -> Iterator[str]:
    yield f"# {preset.name}"
    yield ""
    yield f"{preset.title[0].upper()}{preset.title[1:]} ([its definition]({preset.source}))."
    yield ""
    yield "Configured by"
    yield ""
    yield from _indented(preset.configuration)
    yield ""
    yield "it writes"
    yield ""
    yield from _indented(preset.example)
    yield ""
    yield "which is read as"
    yield ""
    yield "| column | value |"
    yield "|---|---|"
    record = _record(preset)
    for column, value in record.items():
        yield f"| `{column}` | {_value(value)} |"
    yield ""
    if preset.notes:
        yield preset.notes
        yield ""
    if preset.is_shared:
        yield "Lines of other kinds in the same log are foreign: they are counted, and no rejects."
        yield ""
    kept = _kept(preset)
    if kept:
        yield f"`--keep` knows {kept} in it."
        yield ""
    yield f"Read by {_engine(preset)}."
    yield ""
    yield "It is detected; to insist on it:"
    yield ""
    yield f"    glancemetrics -f access.log --format {preset.name}"


def _indented(text: str) -> Iterator[str]:
    yield from (f"    {line}" for line in text.split("\n"))


def _record(preset: Preset) -> dict[str, object]:
    lines = (preset.example + "\n").encode()
    decoded = read_format(preset.name).decode(lines, LineContext(arrived=_MOMENT.timestamp()))
    (record,) = decoded.batch.to_pylist()
    return {column: value for column, value in record.items() if value is not None}


def _kept(preset: Preset) -> str:
    """Return the names of fields that can be kept; directives of Apache are not told."""
    each = (keepable_names(one) for one in preset.formats)
    names = dict.fromkeys(name for names in each for name in names if not name.startswith("%"))
    return ", ".join(f"`{name}`" for name in names)


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").replace("+00:00", " UTC")
    return f"{value:g} s" if isinstance(value, float) else f"`{value}`"


def _engine(preset: Preset) -> str:
    engines = []
    if any(isinstance(one, PatternFormat) and not one.is_split for one in preset.formats):
        engines.append("RE2")
    elif not all(isinstance(one, JsonFormat | PairsFormat) for one in preset.formats):
        engines.append(
            "the compiled splitter of delimited lines, and RE2 for lines that may mean another "
            "thing"
        )
    if any(isinstance(one, PairsFormat) for one in preset.formats):
        engines.append("the JSON reader, after RE2 has put its lines down as objects")
    elif any(isinstance(one, JsonFormat) for one in preset.formats):
        engines.append("the JSON reader")
    return "; or by ".join(engines)


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
