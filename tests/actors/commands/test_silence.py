"""`glancemetrics silence`, and that targets are not told meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.notifier.notifier import make_notifier
from actors.state.silences import Silence, Silences, silence_among
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from tests.actors.outputs.http_server import http_server
from tests.actors.outputs.test_notifier import bodies, describe, event, target


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "glancemetrics", "silence", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(cwd)},
        timeout=60,
        check=False,
    )


def test_silences_are_made_listed_and_ended(tmp_path: Path) -> None:
    assert run(cwd=tmp_path).stdout == "No active silences.\n"
    made = run("Checkout*", "--for", "2h", "--why", "deploy", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "Checkout*" in made.stdout
    assert run("Other", "--for", "1h", cwd=tmp_path).returncode == 0
    listed = run(cwd=tmp_path).stdout
    assert "Checkout*" in listed
    assert "deploy" in listed
    (silence,) = [
        one
        for one in Silences(tmp_path / "glancemetrics" / "silences.json").active(time.time())
        if one.pattern == "Checkout*"
    ]
    assert silence.until - time.time() == pytest.approx(7200, abs=60)
    assert run("Checkout*", "--end", cwd=tmp_path).returncode == 0
    assert "Checkout*" not in run(cwd=tmp_path).stdout
    assert "Other" in run(cwd=tmp_path).stdout


def test_a_name_that_no_rule_has_is_warned_of(tmp_path: Path) -> None:
    done = run("Server eror", "--for", "1h", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        "glancemetrics: warning: no rule here matches 'Server eror'; "
        "did you mean 'Server errors'?\n"
    )
    assert run("Server*", "--for", "1h", cwd=tmp_path).stderr == ""


def test_a_rule_is_silenced_by_the_name_that_people_see() -> None:
    silence = Silence("High traffic", 60)
    assert silence_among([silence], "high_traffic") == silence
    assert silence_among([silence], "Scanner") is None


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("Checkout*",), 2, "Checkout*: for how long? add --for 2h"),
        (("--for", "1h"), 2, "--for: name a rule, or '*' for all"),
        (("a", "--for", "soon"), 2, "--for soon: must be a duration such as 30s, 2m, 1h30m or 7d"),
        (("a", "--for", "99999999999d"), 2, "--for"),
        (("a", "--end"), 1, "a: no such silence"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: tuple[str, ...], status: int, error: str) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert error in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "damaged",
    [
        "[{]",
        "[" * 100_000,
        '[{"pattern": 1, "until": 1}]',
        '[{"pattern": "a", "until": 1e300}]',
        '[{"pattern": "a", "until": Infinity}]',
        '[{"pattern": "a", "until": NaN}]',
        '[{"pattern": "*", "until": "x"}]',
        '[{"pattern": "*", "until": 9e99, "why": []}]',
        "[[]]",
        "1",
    ],
    ids=lambda text: text[:30],
)
def test_a_damaged_file_silences_nothing(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "glancemetrics" / "silences.json"
    path.parent.mkdir()
    path.write_text(damaged)
    assert Silences(path).known(0) == ()
    done = run(cwd=tmp_path)
    assert done.returncode == 1
    assert "silences.json: damaged; delete it" in done.stderr


async def test_a_silent_rule_is_not_told_but_for_the_end_of_what_was(tmp_path: Path) -> None:
    silences = Silences(tmp_path / "silences.json")

    def of(rule: str, number: int, kind: AlertEventKind) -> AlertEvent:
        made = event(number, kind)
        assert made.incident is not None
        return attrs.evolve(made, incident=attrs.evolve(made.incident, rule=rule))

    begins, ends = AlertEventKind.TRIGGERED, AlertEventKind.RECOVERED
    with http_server() as server:
        told = target(f'name = "a"\nwebhook = "{server.url}"')
        delivery = Delivery.to(make_notifier(told, tmp_path / "a.db", time.time, describe))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_running, delivery)

            async def until(count: int) -> None:
                with trio.fail_after(20):
                    while len(server.received) < count:
                        await trio.sleep(0.02)

            delivery.send_event(of("Checkout", 1, begins))
            await until(1)
            silences.save([Silence("Check*", time.time() + 60)])
            delivery.send_event(of("Checkout", 2, begins))
            delivery.send_event(of("Checkout", 2, ends))
            delivery.send_event(of("Checkout", 1, ends))
            delivery.send_event(of("Other", 3, begins))
            await until(3)
            silences.save([Silence("Check*", time.time() - 1)])
            delivery.send_event(of("Checkout", 4, begins))
            await until(4)
            nursery.cancel_scope.cancel()
    assert [body["key"] for body in bodies(server)] == [
        *("high_traffic-1 triggered", "high_traffic-1 recovered"),
        *("high_traffic-3 triggered", "high_traffic-4 triggered"),
    ]


def test_a_silence_that_would_have_no_effect_is_refused(tmp_path: Path) -> None:
    none = run("High traffic", "--for", "1h", "--state-dir", "none", cwd=tmp_path)
    assert none.returncode == 2
    assert "--state-dir none: no such directory; name that of the monitor" in none.stderr
    assert not (tmp_path / "none").exists()
    end = run("--end", cwd=tmp_path)
    assert end.returncode == 2
    assert "--end: name a rule, or '*' for all" in end.stderr
    # The name in JSON, as well as the title.
    assert run("high_traffic", "--for", "1h", cwd=tmp_path).stderr == ""
