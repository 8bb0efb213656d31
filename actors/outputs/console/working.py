"""What keys ask for, carried out in worker threads: silences, files, reports."""

from __future__ import annotations

import glob

from actors.outputs.console import effects
from actors.outputs.desk import Desk
from actors.state.silences import Silence, silence_among
from glancemetrics.incidents.incident import rule_title
from glancemetrics.words.durations import written_span


def work(effect: effects.Effect, desk: Desk) -> str:
    """Carry out an effect; return what to say. Raises `OSError` and `ValueError`."""
    now = desk.wall()
    match effect:
        case effects.BeginSilence(rule, seconds):
            pattern = glob.escape(rule)
            desk.silences.add(Silence(pattern, now + seconds, "from the console"), now)
            return f"{rule_title(rule)} is silenced for {written_span(seconds)}"
        case effects.EndSilence(rule):
            if desk.silences.end(glob.escape(rule), now):
                return f"{rule_title(rule)} is no longer silenced"
            wider = silence_among(desk.silences.active(now), rule)
            if wider is None:
                return f"{rule_title(rule)} is not silenced"
            return (
                f"it is silenced by {wider.pattern}; end that with: "
                f"glancemetrics silence '{wider.pattern}' --end"
            )
        case effects.Acknowledge(incident, is_begin):
            if is_begin:
                desk.acknowledgements.add(incident, now)
                return "acknowledged: no more reminders for this incident"
            desk.acknowledgements.take_back(incident)
            return "no longer acknowledged"
        case _:
            raise AssertionError(effect)
