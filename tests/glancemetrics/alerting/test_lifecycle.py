"""The state machine of a rule, against a model that is asked at every moment."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from glancemetrics.incidents.lifecycle import Lifecycle, Signal, StepKind, Timing
from tests.glancemetrics.alerting.lifecycle_model import Model

B, C, M, N = Signal.BREACH, Signal.CLEAR, Signal.BETWEEN, Signal.NO_DATA


class Machine(RuleBasedStateMachine):
    """Stretches of one signal, of any length, against the model at every moment of them."""

    @initialize(
        timing=st.builds(
            Timing,
            hold=st.integers(0, 12),
            keep=st.integers(0, 12),
            patience=st.integers(0, 12),
            flap_times=st.sampled_from([0, 2, 3, 4]),
            flap_within=st.integers(1, 60),
        ),
        step=st.integers(1, 5),
    )
    def begin(self, timing: Timing, step: int) -> None:
        self.timing, self.model, self.lifecycle = timing, Model(timing), Lifecycle(timing)
        self.step, self.now = step, 1000

    @rule(signal=st.sampled_from(Signal), moments=st.integers(1, 15))
    def lasts(self, signal: Signal, moments: int) -> None:
        times = [self.now + i * self.step for i in range(moments)]
        self.now = times[-1] + self.step
        expected = [step for time in times if (step := self.model.at(time, signal)) is not None]
        found = []
        first = times[0]
        while first <= times[-1]:
            step = self.lifecycle.during(signal, first, times[-1], self.step)
            if step is None:
                break
            found.append(step)
            first = step.time + self.step
        assert found == expected
        assert (self.lifecycle.firing, self.lifecycle.flapping) == (
            self.model.firing,
            self.model.flapping,
        )
        self._is_over_when_it_says(signal)

    def _is_over_when_it_says(self, signal: Signal) -> None:
        future = Lifecycle.from_json(self.timing, self.lifecycle.to_json())
        ends_at = future.ends_at
        step = future.during(signal, self.now, self.now + 1000 * self.step, self.step)
        if not self.lifecycle.firing:
            assert ends_at is None
        elif ends_at is None:
            assert step is None
        else:
            assert step is not None
            assert ends_at <= step.time < max(ends_at, self.now) + self.step


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)


def steps(timing: Timing, signals: list[Signal]) -> list[tuple[StepKind, int]]:
    lifecycle = Lifecycle(timing)
    found = [lifecycle.during(signal, i, i, 1) for i, signal in enumerate(signals)]
    return [(step.kind, step.time) for step in found if step is not None]


@pytest.mark.parametrize(
    ("timing", "signals", "expected"),
    [
        (Timing(), [C, B, C], [(StepKind.TRIGGERED, 1), (StepKind.RECOVERED, 2)]),
        (Timing(hold=2), [B, B, C, B, B, B], [(StepKind.TRIGGERED, 5)]),
        (Timing(hold=2), [B, M, B, B], []),
        (Timing(), [B, M, M, C], [(StepKind.TRIGGERED, 0), (StepKind.RECOVERED, 3)]),
        (Timing(keep=2), [B, C, C, M, C, C, C], [(StepKind.TRIGGERED, 0), (StepKind.RECOVERED, 6)]),
        (Timing(patience=2), [B, N, N, N], [(StepKind.TRIGGERED, 0), (StepKind.EXPIRED, 3)]),
        (
            Timing(flap_times=2, flap_within=3),
            [B, C, B, C, C, B, C, C, C, C],
            [
                *((StepKind.TRIGGERED, 0), (StepKind.RECOVERED, 1)),
                *((StepKind.FLAPPING, 2), (StepKind.RECOVERED, 9)),
            ],
        ),
    ],
)
def test_what_happens(
    timing: Timing, signals: list[Signal], expected: list[tuple[StepKind, int]]
) -> None:
    assert steps(timing, signals) == expected
