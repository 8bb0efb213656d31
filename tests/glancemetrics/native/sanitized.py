"""A pytest plugin: the native library is the one that GLANCEMETRICS_SANITIZED names."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

_load = ctypes.CDLL.__init__


def _sanitized(self: ctypes.CDLL, name: str | None, *arguments: Any, **options: Any) -> None:
    if name is not None and Path(name).name == "_native.so":
        name = os.environ["GLANCEMETRICS_SANITIZED"]
    _load(self, name, *arguments, **options)


ctypes.CDLL.__init__ = _sanitized  # type: ignore[method-assign]
