"""JSON as the API and the page get it: ASCII only, and without numbers that JSON does not have."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any


def json_bytes(value: object) -> bytes:
    """Return JSON (RFC 8259) in one line.

    Characters outside ASCII are escaped, so that texts of logs with lone surrogates, which UTF-8
    cannot hold, arrive as they are. Infinity and NaN become null.
    """
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def json_of_rows(fields: dict[str, object], rows: Sequence[object]) -> bytes:
    """Return an object of JSON whose last field, `rows`, is long.

    Encoded in pieces: the interpreter runs nothing else while one piece is encoded.
    """
    head = json_bytes(fields)[:-1]
    pieces = [json_bytes(rows[i : i + _PIECE])[1:-1] for i in range(0, len(rows), _PIECE)]
    return head + b',"rows":[' + b",".join(pieces) + b"]}"


_PIECE = 1000


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
