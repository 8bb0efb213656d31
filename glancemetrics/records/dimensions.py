"""Dimensions: what a record can be counted by, read from a record batch as codes and names."""

from __future__ import annotations

import enum

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MALFORMED = "(malformed)"
"""Section and path of a record without a well-formed request line. No real path can be this."""

OTHER = "(other)"
"""What is counted together once a dimension has more distinct values than are kept."""

_SLASH = pa.scalar("/", pa.string())
_NOTHING = pa.scalar("", pa.string())


class Dimension(enum.Enum):
    """What a record can be counted by; the value is its name in `--json`'s `top`."""

    SECTION = "sections"
    PATH = "paths"
    HOST = "hosts"
    USER = "users"
    STATUS = "status"
    METHOD = "methods"
    REFERRER = "referrers"
    AGENT = "agents"


GROUPS = {
    "section": Dimension.SECTION,
    "path": Dimension.PATH,
    "host": Dimension.HOST,
    "user": Dimension.USER,
    "status": Dimension.STATUS,
    "method": Dimension.METHOD,
    "referrer": Dimension.REFERRER,
    "agent": Dimension.AGENT,
}
"""What rules count by, beside the virtual host."""
GROUP_NAMES = (*GROUPS, "vhost")


@attrs.frozen(eq=False)
class Coded:
    """A dimension of one batch: for each row the index of its name, or -1 where it has none."""

    codes: npt.NDArray[np.int64]
    names: pa.Array
    """String array, without nulls where a code points."""


def section_of(path: str) -> str:
    """Return what stands before the second `/` of a path: `/pages/create` is of `/pages`."""
    slash = path.find("/", 1)
    return path if slash < 0 else path[:slash]


def code(batch: pa.RecordBatch, dimension: Dimension) -> Coded:
    """Read one dimension of a batch of `records.SCHEMA`."""
    match dimension:
        case Dimension.SECTION:
            coded = _or_malformed(batch.column("path"))
            sections = sections_of(coded.names).dictionary_encode()
            return Coded(
                sections.indices.to_numpy().astype(np.int64)[coded.codes], sections.dictionary
            )
        case Dimension.PATH:
            return _or_malformed(batch.column("path"))
        case Dimension.STATUS:
            statuses = batch.column("status").dictionary_encode()
            texts = [f"{number:03}" for number in statuses.dictionary.to_pylist()]
            return Coded(_codes(statuses), pa.array(texts, pa.string()))
        case _:
            column = batch.column(_COLUMNS[dimension])
            return Coded(_codes(column), column.dictionary)


_COLUMNS = {
    Dimension.HOST: "host",
    Dimension.USER: "user",
    Dimension.METHOD: "method",
    Dimension.REFERRER: "referrer",
    Dimension.AGENT: "agent",
}


def _codes(column: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    indices = column.indices
    if indices.null_count:
        indices = indices.fill_null(pa.scalar(-1, indices.type))
    codes: npt.NDArray[np.int64] = indices.to_numpy().astype(np.int64)
    return codes


def _or_malformed(paths: pa.DictionaryArray) -> Coded:
    codes = _codes(paths)
    if not paths.indices.null_count:
        return Coded(codes, paths.dictionary)
    names = pa.concat_arrays([paths.dictionary, pa.array([MALFORMED], pa.string())])
    codes[codes < 0] = len(names) - 1
    return Coded(codes, names)


def sections_of(paths: pa.Array) -> pa.Array:
    """`section_of` for each path, by columns."""
    usual = pc.starts_with(paths, "/").to_numpy(zero_copy_only=False)
    if usual.all():
        return _rooted_sections(paths)
    sections = [section_of(path) for path in paths.to_pylist()]
    return pa.array(sections, pa.string())


def _rooted_sections(paths: pa.Array) -> pa.Array:
    pieces = pc.split_pattern(paths, "/", max_splits=2)
    firsts = pieces.offsets.to_numpy()[:-1].astype(np.int64)
    return pc.binary_join_element_wise(_NOTHING, pieces.values.take(pa.array(firsts + 1)), _SLASH)
