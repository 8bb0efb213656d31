"""Tab completion, in the shells themselves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.shared_files import FOLDER, shared_files
from tests.conftest import needs
from tests.tmux import Tmux


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts that the command prints, and a `glancemetrics` in a folder of its own."""
    folder = tmp_path_factory.mktemp("completion")
    program = folder / "bin" / "glancemetrics"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m glancemetrics "$@"\n')
    program.chmod(0o755)
    for shell, name in (("bash", "gm.bash"), ("zsh", "_glancemetrics"), ("fish", "gm.fish")):
        made = subprocess.run([program, "completion", shell], capture_output=True, check=True)
        (folder / name).write_bytes(made.stdout)
    return folder


def environment(scripts: Path) -> dict[str, str]:
    return {"PATH": f"{scripts}/bin:/usr/bin:/bin", "HOME": str(scripts), "LC_ALL": "C.UTF-8"}


def in_bash(scripts: Path, typed: str) -> set[str]:
    words = typed.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    done = subprocess.run(
        ["bash", "--norc", "-c",
         f"source {scripts}/gm.bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
         'compopt() { :; }; _glancemetrics; printf "%s\\n" "${COMPREPLY[@]}"'],
        capture_output=True, text=True, check=True, cwd=scripts, env=environment(scripts),
        timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split("\n")) - {""}


def in_fish(scripts: Path, typed: str) -> set[str]:
    needs("fish")
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {scripts}/gm.fish; complete -C '{typed}'"],
        capture_output=True, text=True, check=True, cwd=scripts, env=environment(scripts),
        timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


OFFERED = [
    ("glancemetrics rep", {"report", "replay"}),
    ("glancemetrics --alert-t", {"--alert-threshold"}),
    ("glancemetrics --from ", {"window", "start", "end"}),
    ("glancemetrics --format comb", {"combined", "combinedio"}),
    ("glancemetrics report --sort h", {"hits"}),
    ("glancemetrics report --panels paths,ho", {"paths,hosts", "paths,hours_of_day"}),
    ("glancemetrics query --by ro", {"route"}),
    ("glancemetrics query --measures hits,p9", {"hits,p90", "hits,p95", "hits,p99"}),
    ("glancemetrics audit ver", {"verify"}),
    ("glancemetrics completion f", {"fish"}),
    ("glancemetrics help sq", {"sql"}),
]


@pytest.mark.parametrize("complete", [in_bash, in_fish])
@pytest.mark.parametrize(("typed", "offered"), OFFERED, ids=[one for one, _ in OFFERED])
def test_commands_options_and_values_are_completed(
    scripts: Path, complete: Callable[[Path, str], set[str]], typed: str, offered: set[str]
) -> None:
    found = complete(scripts, typed)
    assert offered <= found
    assert len(found) <= len(offered) + 2


def test_rules_are_completed_with_those_of_the_configuration(scripts: Path) -> None:
    (scripts / "glancemetrics.toml").write_text(
        '[[rule]]\nname = "Server trouble"\nmetric = "errors"\nabove = 3\n'
    )
    try:
        assert in_bash(scripts, "glancemetrics silence Serv") == {
            "Server\\ clock",
            "Server\\ errors",
            "Server\\ trouble",
        }
        assert "Server trouble" in in_fish(scripts, "glancemetrics silence Serv")
    finally:
        (scripts / "glancemetrics.toml").unlink()


def test_files_are_completed(scripts: Path) -> None:
    for complete in (in_bash, in_fish):
        assert "gm.bash" in complete(scripts, "glancemetrics report gm.b")


@pytest.mark.terminal
def test_in_zsh_a_tab_completes(scripts: Path, terminal: Callable[[int, int], Tmux]) -> None:
    needs("zsh")
    screen = terminal(100, 30)
    path = f"{scripts}/bin:/usr/bin:/bin"
    screen.type(f"env -i HOME={scripts} TERM=xterm PATH={path} LC_ALL=C.UTF-8 zsh -f")
    screen.type(f"PS1='z> '; fpath=({scripts} $fpath); autoload -U compinit; compinit -u; clear")
    screen.until(r"(?m)^z> *$")
    screen("send-keys", "glancemetrics repo", "Tab")
    screen.until(r"(?m)^z> glancemetrics report *$")
    screen("send-keys", "-l", "--", "--so")
    screen.press("Tab")
    screen.until(r"(?m)^z> glancemetrics report --sort")
    screen("send-keys", "hit", "Tab")
    screen.until(r"(?m)^z> glancemetrics report --sort=? ?hits")
    screen.press("C-c")
    screen.until(r"(?m)^z> *$")  # what is typed before it may be lost or shown by the terminal
    screen("send-keys", "glancemetrics --alert-thr", "Tab")
    screen.until(r"(?m)^z> glancemetrics --alert-threshold")


def test_what_packages_install_is_made_from_the_options() -> None:
    for name, text in shared_files().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "make share writes it"


def test_the_man_page_has_no_mistake(tmp_path: Path) -> None:
    needs("man")
    page = FOLDER / "man/man1/glancemetrics.1"
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(page)],
        capture_output=True, text=True, check=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stderr == ""
    assert "--alert-threshold RATE" in done.stdout
    assert "glancemetrics report access.log" in done.stdout
