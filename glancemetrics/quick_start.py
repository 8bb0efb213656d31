"""What a start leaves out: what other packages would import, or make, without its being used.

This is for the program alone. A library leaves what it finds as it is.
"""

from __future__ import annotations

import gc
import os
import reprlib
import sys
from typing import Any

import attr

_OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""More than a start makes, so that none of it is searched for garbage."""


def start_quickly() -> None:
    """Leave out what is not used, from now on."""
    sys.meta_path.insert(0, NotNeeded)
    builder = getattr(getattr(attr, "_make", None), "_ClassBuilder", None)
    if hasattr(builder, "add_repr"):  # attrs says nothing about how it is done inside
        setattr(builder, "add_repr", _add_repr)  # noqa: B010 - mypy does not know it
    # numpy would start busy-waiting threads for linear algebra, which is not used here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imported modules stay: looking for garbage among them costs time.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


class NotNeeded:
    """An importer that does not find what other packages would import, and is not used.

    Where pandas is installed, pyarrow imports it at the first conversion: 0.13 s and 30 MB.
    ua-parser imports yaml for expressions in files of one's own: 8 ms.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Raise `ModuleNotFoundError` for these; others are left to the next importer."""
        del path, target
        if name == "pandas" or (name == "yaml" and _importing() == "ua_parser.loaders"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _importing() -> str:
    """Return the name of the module that imports another one, as an importer is asked for it."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("importlib"):
        frame = frame.f_back
    name: str = frame.f_globals.get("__name__", "")
    return name


def _add_repr(builder: Any, namespace: str | None) -> Any:
    """Give a class a text for who looks for a defect, without code of its own.

    attrs would write and compile a function for each class: 26 ms for those of a monitor.
    """
    shown = [field for field in builder._attrs if field.repr is not False]

    def as_text(instance: Any) -> str:
        kind = type(instance)
        name = kind.__qualname__.rsplit(">.", 1)[-1]
        if namespace is not None:
            name = f"{namespace}.{kind.__name__}"
        values = ((one, getattr(instance, one.name, attr.NOTHING)) for one in shown)
        texts = (
            f"{one.name}={repr(value) if one.repr is True else one.repr(value)}"
            for one, value in values
        )
        return f"{name}({', '.join(texts)})"

    builder._cls_dict["__repr__"] = reprlib.recursive_repr()(as_text)
    builder._repr_added = True
    return builder
