"""Dimensions: what records can be counted by, each declared once, in `DIMENSIONS`.

Windows, rules, reports, SQL and screens use that list. Fields of `--keep` are dimensions too
(`kept_dimension`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.records.derived import (
    Derive,
    bots_of,
    browsers_of,
    devices_of,
    routes_of,
    sections_of,
    sites_of,
    status_classes,
    status_texts,
    systems_of,
)
from glancemetrics.records.networks import networks_of
from glancemetrics.records.schema import SCHEMA, SERVER, SOURCE, TEXT

MALFORMED = "(malformed)"
"""Section and path of a record without a well-formed request line. No real path can be this."""

OTHER = "(other)"
"""The sum of values beyond the limit of distinct values of a dimension."""


_GIVEN = frozenset(SCHEMA.names)


@attrs.frozen(kw_only=True)
class Dimension:
    """Something records can be counted by. Dimensions with the same name are equal."""

    name: str
    """Its name in rules and queries (`by`), and as an SQL column."""
    plural: str = attrs.field(eq=False)
    """Its name in `--json`'s `top`, and as a panel of a report."""
    title: str = attrs.field(eq=False)
    """The title of its table on screens."""
    column: str = attrs.field(eq=False)
    """The column of records it is read from."""
    derive: Derive | None = attrs.field(default=None, eq=False)
    """Derives its names from distinct values of the column; `None`: the values are the names."""
    missing: str | None = attrs.field(default=None, eq=False)
    """The name for records without a value; `None`: they are not counted."""
    is_live: bool = attrs.field(default=False, eq=False)
    """Whether the window of live traffic has it."""
    values_of: Dimension | None = attrs.field(default=None, eq=False)
    """The live dimension whose values are grouped, if it is not counted by itself: cheaper for
    dimensions with few names that are slow to derive."""

    @property
    def is_column(self) -> bool:
        """Whether its names are the values of a column."""
        return self.derive is None and self.missing is None


SECTION = Dimension(
    name="section",
    plural="sections",
    title="Sections",
    column="path",
    derive=sections_of,
    missing=MALFORMED,
    is_live=True,
)
PATH = Dimension(
    name="path", plural="paths", title="Paths", column="path", missing=MALFORMED, is_live=True
)
ROUTE = Dimension(
    name="route",
    plural="routes",
    title="Routes",
    column="path",
    derive=routes_of,
    missing=MALFORMED,
)
HOST = Dimension(name="host", plural="hosts", title="Hosts", column="host", is_live=True)
NETWORK = Dimension(
    name="network", plural="networks", title="Networks", column="host", derive=networks_of
)
USER = Dimension(name="user", plural="users", title="Users", column="user", is_live=True)
VHOST = Dimension(
    name="vhost", plural="vhosts", title="Virtual hosts", column="vhost", is_live=True
)
STATUS = Dimension(
    name="status",
    plural="status",
    title="Status",
    column="status",
    derive=status_texts,
    is_live=True,
)
CLASS = Dimension(
    name="class",
    plural="classes",
    title="Status classes",
    column="status",
    derive=status_classes,
)
METHOD = Dimension(name="method", plural="methods", title="Methods", column="method", is_live=True)
PROTOCOL = Dimension(name="protocol", plural="protocols", title="Protocols", column="protocol")
REFERRER = Dimension(
    name="referrer", plural="referrers", title="Referrers", column="referrer", is_live=True
)
REFERRING_SITE = Dimension(
    name="referring_site",
    plural="referring_sites",
    title="Referring sites",
    column="referrer",
    derive=sites_of,
)
AGENT = Dimension(name="agent", plural="agents", title="Agents", column="agent", is_live=True)
BROWSER = Dimension(
    name="browser",
    plural="browsers",
    title="Browsers",
    column="agent",
    derive=browsers_of,
    is_live=True,
    values_of=AGENT,
)
OPERATING_SYSTEM = Dimension(
    name="os",
    plural="operating_systems",
    title="Operating systems",
    column="agent",
    derive=systems_of,
)
DEVICE = Dimension(
    name="device", plural="devices", title="Devices", column="agent", derive=devices_of
)
BOT = Dimension(
    name="bot",
    plural="bots",
    title="Bots",
    column="agent",
    derive=bots_of,
    is_live=True,
    values_of=AGENT,
)
BY_SOURCE = Dimension(name="source", plural="sources", title="Sources", column=SOURCE)
BY_SERVER = Dimension(name="server", plural="servers", title="Servers", column=SERVER, is_live=True)

DIMENSIONS = [
    SECTION,
    PATH,
    ROUTE,
    HOST,
    NETWORK,
    USER,
    VHOST,
    STATUS,
    CLASS,
    METHOD,
    PROTOCOL,
    REFERRER,
    REFERRING_SITE,
    AGENT,
    BROWSER,
    OPERATING_SYSTEM,
    DEVICE,
    BOT,
    BY_SOURCE,
    BY_SERVER,
]
"""All built-in dimensions."""


def kept_dimension(name: str) -> Dimension:
    """Return the dimension of a `--keep` field: a text column of its own."""
    return Dimension(name=name, plural=name, title=name, column=name, is_live=True)


def dimension_called(name: str) -> Dimension:
    """Return the dimension of a name; a name that is not in the list is a kept field."""
    return next((one for one in DIMENSIONS if one.name == name), None) or kept_dimension(name)


def derived_named(text: str) -> list[Dimension]:
    """Return the derived dimensions that are named in an SQL text, or in a text within it."""
    words = set(re.findall(r"\w+", text.lower()))
    return [one for one in DIMENSIONS if one.name in words and one.name not in _GIVEN]


def dimensions_with(kept: Iterable[str] = ()) -> dict[str, Dimension]:
    """Return all dimensions by name, including kept fields."""
    return {one.name: one for one in (*DIMENSIONS, *map(kept_dimension, kept))}


def live_dimensions(kept: Iterable[str] = ()) -> list[Dimension]:
    """Return the dimensions of live windows, including kept fields."""
    return [one for one in dimensions_with(kept).values() if one.is_live]


@attrs.frozen(eq=False)
class Coded:
    """A dimension of one batch: the index of each row's name, or -1 for none."""

    codes: npt.NDArray[np.int64]
    names: pa.Array
    """A string array; codes do not point at nulls."""


def code(batch: pa.RecordBatch, dimension: Dimension) -> Coded:
    """Read a dimension of a batch of records; without its column there are no names."""
    at = batch.schema.get_field_index(dimension.column)
    column = pa.nulls(batch.num_rows, TEXT) if at < 0 else batch.column(at)
    column = pc.dictionary_encode(column)
    coded = Coded(_codes(column), column.dictionary)
    if dimension.derive is not None:
        coded = _derived(coded, dimension.derive)
    return coded if dimension.missing is None else _or_missing(coded, dimension.missing)


def dictionary_of(coded: Coded) -> pa.DictionaryArray:
    """Return a dimension of a batch as a text column."""
    indices = coded.codes.astype(np.int32)
    missing = indices < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, mask=missing if missing.any() else None), coded.names
    )


def _derived(coded: Coded, derive: Derive) -> Coded:
    derived = pc.dictionary_encode(derive(coded.names))
    # The last entry is for rows without a value.
    codes = np.append(_codes(derived), -1)[coded.codes]
    return Coded(codes, derived.dictionary)


def _or_missing(coded: Coded, name: str) -> Coded:
    without = coded.codes < 0
    if not without.any():
        return coded
    names = pa.concat_arrays([coded.names, pa.array([name], pa.string())])
    return Coded(np.where(without, len(names) - 1, coded.codes), names)


def _codes(column: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    indices = column.indices
    if indices.null_count:
        indices = pc.fill_null(indices, -1)
    codes: npt.NDArray[np.int64] = indices.to_numpy().astype(np.int64)
    return codes
