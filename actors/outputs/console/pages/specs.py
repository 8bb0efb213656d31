"""The tables that views show, each named once. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actors.outputs.console.state import COLUMNS, State, TableSpec
from glancemetrics.records.dimensions import DIMENSIONS, Dimension, kept_dimension


def spec_of(dimension: Dimension, page: str, measures: tuple[str, ...] = COLUMNS) -> TableSpec:
    """Return the table of a dimension; each page keeps its own cursor and order."""
    return TableSpec(
        key=f"{page}/{dimension.name}",
        title=dimension.title,
        by=(dimension.name,),
        measures=measures,
    )


def specs(page: str, names: Iterable[str], measures: tuple[str, ...] = COLUMNS) -> list[TableSpec]:
    by_name = {one.name: one for one in DIMENSIONS}
    return [spec_of(by_name[name], page, measures) for name in names]


def kept_specs(state: State, page: str) -> list[TableSpec]:
    """Return the tables of extra fields (`--keep`)."""
    return [spec_of(kept_dimension(name), page) for name in state.context.kept]
