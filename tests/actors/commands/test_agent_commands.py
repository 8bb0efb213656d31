"""`agent` and `agent-user`: what they answer to mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.commands import agent, agent_user
from actors.sources.registry import check_sources
from glancemetrics.cli import main
from glancemetrics.errors import UsageError
from glancemetrics.planning.sources import Sources

TO = ("--to", "redis://127.0.0.1:1/0?fleet=prod")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["web1", "--hub"], "agent-user web1 --hub: NAME is for an agent, --hub for the hub; give"),
        ([], "name the agent's server, or use --hub"),
        (["", "--fleet", "prod"], "name the agent's server, or use --hub"),
        (["web1", "--fleet", ""], "--fleet: must have 1 to 63 letters"),
        (["hub"], "hub: is the name of the hub's own user; give the agent of this machine another"),
    ],
)
def test_a_user_is_for_an_agent_or_for_the_hub(arguments: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        agent_user.run(arguments)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.log", *TO, "--name", ""], "--name '': must have 1 to 63 letters"),
        (["docker:web", *TO], "docker:web: an agent sends files; give it the path of a log"),
        (["-", *TO], "-: an agent sends files"),
        (["redis:/x", *TO], "redis:/x: no such file; did you mean redis://x?"),
        (["a.log", "--to", "redis:/h/0?fleet=a"], "--to redis:/h/0?fleet=a: did you mean redis://"),
    ],
)
def test_mistakes_of_an_agent(arguments: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        agent.run(arguments)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("redis:/127.0.0.1:1/0?fleet=prod", "redis://127.0.0.1:1/0?fleet=prod"),
        ("syslog+udp:/0.0.0.0:5514", "syslog+udp://0.0.0.0:5514"),
        ("docker//web", "docker:web"),
    ],
)
def test_a_mistyped_address_is_no_file(
    text: str, right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        check_sources(Sources((text,)))
    assert str(caught.value) == (
        f"--file {text}: no such file; did you mean {right}? A file of this name that is not there "
        f"yet is ./{text}"
    )
    check_sources(Sources((f"./{text}",)))
    path = tmp_path / text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    check_sources(Sources((text,)))


def test_a_password_in_an_address_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for text in (
        "redis://redis/0?fleet=prod&password=s3cret",
        "redis://:s3cret@redis/0?fleet=prod",
        "redis:/hub:s3cret@redis/0?fleet=prod",
        "reddis://hub:s3cret@redis/0?fleet=prod",
    ):
        with pytest.raises(SystemExit) as ended:
            main(["-f", text, "--no-console"])
        assert ended.value.code == UsageError.exit_status
        shown = capsys.readouterr().err
        assert "..." in shown
        assert "s3cret" not in shown
