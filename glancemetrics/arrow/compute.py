"""Arrow's compute functions, as in `pyarrow.compute`: only those that are used are made.

`pyarrow.compute` makes Python functions of all three hundred when it is imported, with signatures
and documentation, which takes 20 ms: a tenth of a report of a small log. Methods of arrays, batches
and tables such as `take`, `filter`, `cast` and `unique` import it too, so the functions here are
called instead of them.

Source: https://arrow.apache.org/docs/python/api/compute.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pyarrow as pa

_OF_ARROW = {"and_": "and", "or_": "or"}
"""What Arrow calls functions whose names are words of Python."""


def cast(values: Any, target: pa.DataType) -> Any:
    """Convert values to a type. Raises `pa.ArrowInvalid` for values that do not fit into it."""
    from pyarrow import _compute  # late: not all that is imported computes

    return _compute.call_function("cast", [values], _compute.CastOptions.safe(target))


def fill_null(values: Any, value: Any) -> Any:
    """Put a value in the place of nulls."""
    if not isinstance(value, pa.Scalar):
        value = pa.scalar(value, values.type)
    elif value.type != values.type:
        value = pa.scalar(value.as_py(), values.type)
    return _function("coalesce")(values, value)


def dictionary_encode(values: Any) -> Any:
    """Return values as codes of distinct ones; those that are that already as they are."""
    if pa.types.is_dictionary(values.type):
        return values
    return _function("dictionary_encode")(values)


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        function = _function(name)
    except KeyError:
        raise AttributeError(f"Arrow has no function {name!r}") from None
    globals()[name] = function  # next time without this
    return function


@functools.cache
def _function(name: str) -> Callable[..., Any]:
    """Return a function of Arrow. After its arguments it takes those of its options."""
    from pyarrow import _compute

    function = _compute.get_function(_OF_ARROW.get(name, name))
    arity, options = function.arity, function._doc.options_class

    def run(*arguments: Any, **named: Any) -> Any:
        count = len(arguments) if arity is ... else arity
        further = arguments[count:]
        has_options = further or named
        if has_options and not options:
            raise TypeError(f"{name} has no options")
        made = getattr(_compute, options)(*further, **named) if has_options else None
        return function.call(arguments[:count], made)

    return run
