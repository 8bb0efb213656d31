"""The state machine of a rule as a model that is asked at every moment."""

from __future__ import annotations

import attrs

from glancemetrics.incidents.lifecycle import Signal, Step, StepKind, Timing


@attrs.define
class Model:
    """What should be, written down as plainly as can be: the whole history, looked at anew."""

    timing: Timing
    signals: list[tuple[int, Signal]] = attrs.field(factory=list)
    begun: list[int] = attrs.field(factory=list)
    firing: bool = False
    flapping: bool = False
    floor: int = 0
    """Moments before this are of an earlier life."""

    def lasted(self, signal: Signal) -> int | None:
        """How long up to now nothing else was said; `None` if something else is."""
        since = None
        for time, said in reversed(self.signals):
            if said is not signal or time < self.floor:
                break
            since = time
        return None if since is None else self.signals[-1][0] - since

    def at(self, time: int, signal: Signal) -> Step | None:
        self.signals.append((time, signal))
        timing = self.timing
        if not self.firing:
            lasted = self.lasted(Signal.BREACH)
            if lasted is None or lasted < timing.hold:
                return None
            recent = [begun for begun in self.begun if time - begun <= timing.flap_within]
            self.begun.append(time)
            self.firing, self.floor = True, time + 1
            self.flapping = 0 < timing.flap_times <= len(recent) + 1
            return Step(StepKind.FLAPPING if self.flapping else StepKind.TRIGGERED, time)
        clear, unknown = self.lasted(Signal.CLEAR), self.lasted(Signal.NO_DATA)
        keep = timing.flap_within if self.flapping else timing.keep
        kind = None
        if clear is not None and clear >= keep:
            kind = StepKind.RECOVERED
        elif unknown is not None and unknown >= timing.patience:
            kind = StepKind.EXPIRED
        if kind is None:
            return None
        self.firing = self.flapping = False
        self.floor = time + 1
        return Step(kind, time)
