"""A pytest plugin: the native library is the one that GLANCEMETRICS_SANITIZED names."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

_load = ctypes.CDLL


def _sanitized(name: str | None, *arguments: Any, **options: Any) -> ctypes.CDLL:
    if name is not None and Path(name).name == "_native.so":
        name = os.environ["GLANCEMETRICS_SANITIZED"]
    return _load(name, *arguments, **options)


ctypes.CDLL = _sanitized  # type: ignore[assignment, misc]
