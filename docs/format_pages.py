"""Generates a page for each named format, for docs/reference_pages.py.

The text of a page comes from the preset, and the values of its example from decoding it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.kept_fields import keepable_names
from glancemetrics.formats.log_format import LineContext
from glancemetrics.formats.pairs import PairsFormat
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.presets.preset import Preset

_MOMENT = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
"""The arrival time of example lines without a time."""


def pages() -> dict[str, str]:
    """Return the pages, by file name."""
    made = {f"{name}.md": "\n".join(_page(preset)) + "\n" for name, preset in PRESETS.items()}
    return {"README.md": "\n".join(_index()) + "\n", **made}


def _index() -> Iterator[str]:
    yield "# Named formats"
    yield ""
    yield "All are detected automatically: see [log formats](../formats.md)."
    yield ""
    yield "| name | written by |"
    yield "|---|---|"
    for name, preset in PRESETS.items():
        yield f"| [`{name}`]({name}.md) | {preset.title} |"


def _page(preset: Preset) -> Iterator[str]:
    yield f"# {preset.name}"
    yield ""
    yield f"{preset.title[0].upper()}{preset.title[1:]} ([documentation]({preset.source}))."
    yield ""
    yield "Configuration:"
    yield ""
    yield from _indented(preset.configuration)
    yield ""
    yield "Example:"
    yield ""
    yield from _indented(preset.example)
    yield ""
    yield "Decoded as:"
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
        yield "Other lines in the same log are foreign: counted, but not rejected."
        yield ""
    kept = _kept(preset)
    if kept:
        yield f"Fields for `--keep`: {kept}."
        yield ""
    yield f"Read by {_engine(preset)}."
    yield ""
    if _has_times(preset):
        yield "Detected automatically. To set it, in any command:"
        yield ""
        yield f"    glancemetrics report access.log --format {preset.name}"
    else:
        yield (
            "Detected automatically. The lines have no time, so they can be followed, but reported "
            "only if something around them has a time. To set it (this follows the log):"
        )
        yield ""
        yield f"    glancemetrics access.log --format {preset.name}"


def _has_times(preset: Preset) -> bool:
    """Tell whether the example can be read without a time of arrival."""
    lines = (preset.example + "\n").encode()
    return bool(read_format(preset.name).decode(lines, LineContext()).batch.num_rows)


def _indented(text: str) -> Iterator[str]:
    yield from (f"    {line}" for line in text.split("\n"))


def _record(preset: Preset) -> dict[str, object]:
    lines = (preset.example + "\n").encode()
    decoded = read_format(preset.name).decode(lines, LineContext(arrived=_MOMENT.timestamp()))
    (record,) = decoded.batch.to_pylist()
    return {column: value for column, value in record.items() if value is not None}


def _kept(preset: Preset) -> str:
    """Return the names of fields for `--keep`, without Apache's directives."""
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
        engines.append("the compiled splitter of delimited lines, and RE2 for ambiguous lines")
    if any(isinstance(one, PairsFormat) for one in preset.formats):
        engines.append("the JSON reader, after RE2 has rewritten the lines as objects")
    elif any(isinstance(one, JsonFormat) for one in preset.formats):
        engines.append("the JSON reader")
    return "; or by ".join(engines)
