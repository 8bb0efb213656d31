"""Reports fields of `--keep` that no record has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from actors.files.notices import tell


class KeptFields:
    """Looks for fields in records."""

    def __init__(self, names: Sequence[str]) -> None:
        self._missing = list(names)
        self._has_records = False

    def seen_in(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield batches, and look which fields they have."""
        for batch in batches:
            if self._missing and batch.num_rows:
                self._has_records = True
                self._missing = [
                    name
                    for name in self._missing
                    if batch.column(name).null_count == batch.num_rows
                ]
            yield batch

    def tell_missing(self) -> None:
        """Say which fields no record has had, if there were any records."""
        if self._has_records:
            tell_missing(self._missing)


def tell_missing(names: Iterable[str]) -> None:
    """Say that no record has some fields."""
    for name in names:
        tell(
            f"--keep {name}: no counted request has this field "
            "(`glancemetrics formats FILE` shows one)"
        )
