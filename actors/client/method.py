"""`Method`: what makes a method of a client of a function of `glancemetrics/http_api/calls.py`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Generic, ParamSpec, Self, TypeVar, overload

K = TypeVar("K")
P = ParamSpec("P")
C = TypeVar("C")
T = TypeVar("T")


class Method(Generic[K, P, C, T]):
    """A method with the arguments and the docstring of `make`; `run` sends what that returns."""

    def __init__(self, make: Callable[P, C], run: Callable[[K, C], T]) -> None:
        self.make = make
        self._run = run
        self.__doc__ = make.__doc__
        # It returns what `run` does.
        self._signature = inspect.signature(make).replace(return_annotation=inspect.Parameter.empty)

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...

    @overload
    def __get__(self, client: K, owner: type) -> Callable[P, T]: ...

    def __get__(self, client: K | None, owner: type) -> Self | Callable[P, T]:
        if client is None:
            return self

        @functools.wraps(self.make)
        def method(*arguments: P.args, **named: P.kwargs) -> T:
            return self._run(client, self.make(*arguments, **named))

        method.__signature__ = self._signature  # type: ignore[attr-defined]
        return method
