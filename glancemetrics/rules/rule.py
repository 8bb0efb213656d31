"""The interface of a rule, and the numbers a second that rules are computed from."""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.incidents import Incident
from glancemetrics.metric_series import MetricSeries


@attrs.frozen(eq=False)
class Metrics:
    """One series for each number that rules may ask for."""

    hits: MetricSeries
    bytes: MetricSeries
    errors: MetricSeries


class Rule(Protocol):
    """What is watched: a value for every second, and when it is a breach."""

    @property
    def name(self) -> str: ...

    @property
    def threshold(self) -> float: ...

    @property
    def window_seconds(self) -> int: ...

    def values(self, metrics: Metrics, start: int, end: int) -> npt.NDArray[np.float64]:
        """Return the value at the close of each second from `start` up to, not with, `end`."""
        ...

    def breached(self, value: float) -> bool | None:
        """Whether a value is a breach; `None` where it leaves things as they are."""
        ...

    def triggered_message(self, incident: Incident, time: str) -> str: ...

    def recovered_message(self, incident: Incident, time: str) -> str: ...
