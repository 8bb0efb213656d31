"""Every command in README and docs works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.commands import registry
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.formats.presets import PRESETS
from tests.actors.client.monitors import monitor, until_read
from tests.docs import commands
from tests.docs.commands import Command
from tests.redis import Redis
from tests.waiting import Running

COMMANDS = commands.all_commands()
OF_FORMATS = [one for one in COMMANDS if one.is_of_format and not one.follows_for_ever]
"""One for each named format, which are many: they run in this process."""
OTHERS = [one for one in COMMANDS if one not in OF_FORMATS]
PATIENCE_SECONDS = 60
NO_REDIS = "redis://127.0.0.1:9/"
ALIVE_SECONDS = 1.5


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("docs") / "world"
    root.mkdir()
    commands.make_world(root)
    return root


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> Path:
    root = tmp_path / "world"
    shutil.copytree(prepared, root)
    return root


def named(command: Command) -> str:
    return f"{command.page}: {command.line}"


def of_kind(is_endless: bool) -> list[Command]:
    chosen = [one for one in OTHERS if one.follows_for_ever is is_endless]
    assert len(chosen) > 15
    return chosen


@pytest.mark.slow
@pytest.mark.parametrize("command", of_kind(is_endless=False), ids=named)
def test_a_command_that_ends_does_what_it_says(command: Command, world: Path) -> None:
    with running(command, world) as process:
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors
    assert not complaints(errors), errors
    silent = {"healthcheck", "generate", "-"}
    if not re.search(r" -o |>| --end", command.line) and command.arguments[0] not in silent:
        assert output.strip(), errors


@pytest.mark.parametrize("command", OF_FORMATS, ids=named)
def test_a_report_on_the_example_of_a_format(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    name, *arguments = command.arguments
    found = registry.command_called(name)
    assert found is not None
    monkeypatch.chdir(tmp_path)
    write_files_of(command, tmp_path)
    assert found.run(arguments) == 0
    assert " requests" in capfd.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("command", of_kind(is_endless=True), ids=named)
def test_a_command_that_follows_stays_alive(command: Command, world: Path) -> None:
    with running(command, world) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=ALIVE_SECONDS)
        # On a busy machine it may not have started yet.
        time.sleep(0.2)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert not complaints(errors), errors


@pytest.mark.parametrize("command", of_kind(is_endless=True), ids=named)
def test_a_command_that_follows_is_announced(command: Command) -> None:
    assert re.search(r"\b(until|follows?|live)\b", command.context, re.IGNORECASE), command.context


def test_each_reason_for_not_running_a_command_is_needed() -> None:
    words = set()
    for path in commands.PAGES:
        for language, block, _ in commands.code_blocks(path.read_text(encoding="utf-8")):
            if language in commands.SHELL:
                words |= {commands.first_word(line) for line in commands.lines_of(block)}
    assert set(commands.CANNOT_RUN) <= words


@contextmanager
def running(command: Command, root: Path) -> Iterator[subprocess.Popen[str]]:
    line = command.line
    for pattern, stand_in in commands.STAND_INS:
        line = re.sub(pattern, stand_in.replace("{root}", str(root)), line)
    environment = commands.environment(root)
    write_files_of(command, root)
    if command.arguments == []:
        environment["GLANCEMETRICS_FILE"] = str(root / "access.log")
    with (
        heartbeat_of(command, root, environment),
        server_of(command, root) as url,
        redis_of(command, root) as redis,
        subprocess.Popen(
            [
                "bash",
                "-o",
                "pipefail",
                "-c",
                re.sub(r"--at \S+", f"--at {url}", line.replace(NO_REDIS, redis)),
            ],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def redis_of(command: Command, root: Path) -> Iterator[str]:
    """Run a Redis that knows the server of `agent-forget`; yields where it is."""
    if command.arguments[:1] != ["agent-forget"]:
        yield NO_REDIS
        return
    with Redis(root / "redis") as redis:
        redis.run("HSET", FleetKeys("prod").sent(command.arguments[1]), "id", "1-1")
        yield f"redis://127.0.0.1:{redis.port}/"


def write_files_of(command: Command, root: Path) -> None:
    """Write the configurations that a page shows, and a log in the format of the command."""
    page = (commands.PROJECT / command.page).read_text(encoding="utf-8")
    for found in re.finditer(r"(?ms)`([\w./-]+\.toml)`[^`]*```toml\n(.*?)^```", page):
        path = root / found[1].lstrip("/")
        text = re.sub(r'"/(var|run)/', rf'"{root}/\1/', found[2]).replace("unix:///dev/log", "off")
        path.write_text(text, encoding="utf-8")
    if command.arguments == ["check"]:
        (root / "glancemetrics.toml").write_text(commands.CONFIG, encoding="utf-8")
    for mark, lines in commands.OTHER_LOGS.items():
        if mark in command.line:
            name = "app.log" if "app.log" in command.line else "access.log"
            (root / name).write_text(lines, encoding="utf-8")
    if command.is_of_format:
        preset = PRESETS[Path(command.page).stem]
        (root / "access.log").write_text(preset.example + "\n", encoding="utf-8")


@contextmanager
def heartbeat_of(command: Command, root: Path, environment: dict[str, str]) -> Iterator[None]:
    """Let a monitor write the heartbeat that a command checks."""
    if command.arguments[:1] != ["healthcheck"]:
        yield
        return
    file = root / command.arguments[1].lstrip("/")
    monitor = f"{shlex.quote(sys.executable)} -m glancemetrics access.log --heartbeat {file}"
    with Running(
        shlex.split(monitor), cwd=root, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield
        process.terminate()


@contextmanager
def server_of(command: Command, root: Path) -> Iterator[str]:
    """Serve at the address that a command asks, if it asks one; yields where that is."""
    if "--at" not in command.arguments:
        yield ""
        return
    tokens = root / "etc/glancemetrics/web-token"
    tokens.parent.mkdir(exist_ok=True)
    tokens.write_text("a-token-of-the-docs\n", encoding="utf-8")
    log = root / "access.log"
    with monitor(log, root / "served", "--web-token-file", str(tokens)) as running:
        lines = log.read_bytes().count(b"\n")
        until_read(running.url, lines, token="a-token-of-the-docs")
        yield f"{running.url} --token-file {tokens}"


def complaints(errors: str) -> list[str]:
    return re.findall(r".*(?:\berror:|ERROR|Traceback|none in a known format).*", errors)
