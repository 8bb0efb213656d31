"""Builds the image and runs containers of it, without Docker: buildah, unshare and chroot.

Needs root, buildah and mmdebstrap, and Debian's packages and PyPI within reach.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs

from tests.waiting import eventually

PROJECT = Path(__file__).parents[2]
IMAGE = "localhost/glancemetrics"
BASE = "docker.io/library/python:3.13-slim"
_BASE_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"

_START = """
set -e
root=$1 user=$2; shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$root$2"
    mount --bind "$1" "$root$2"
    shift 2
done
shift
exec chroot --userspec="$user" "$root" env -i "$@"
"""
"""The first process of a container: what it execs keeps its number, 1."""


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout.strip()


@attrs.define
class Store:
    """Images and containers in a folder of their own."""

    folder: Path

    def buildah(self, *command: str | Path) -> str:
        places = ("--root", self.folder / "images", "--runroot", self.folder / "run")
        return run("buildah", *places, *command)

    def make_base(self) -> None:
        """Make a Debian with its Python, and give it the name that the Dockerfile builds on."""
        archive = self.folder / "base.tar"
        link = 'ln -s /usr/bin/python3 "$1/usr/local/bin/python"'
        options = ("--quiet", "--variant=minbase", f"--include={_BASE_PACKAGES}")
        run("mmdebstrap", *options, f"--customize-hook={link}", "trixie", archive)
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, archive, "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)
        archive.unlink()

    def build(self) -> None:
        options = ("--isolation", "chroot", "--format", "docker", "--pull-never")
        print(self.buildah("build", *options, *self._volumes(), "--tag", IMAGE, PROJECT))

    def _volumes(self) -> list[str]:
        return list(dict.fromkeys([*self._pip_volumes(), *self._npm_volumes()]))

    def _npm_volumes(self) -> list[str]:
        """Let npm in the build find packages the way it does on this machine."""
        if shutil.which("npm") is None:
            return []
        found = {name: run("npm", "config", "get", name) for name in ("registry", "cafile")}
        config = self.folder / "npmrc"
        lines = [f"{name}={value}\n" for name, value in found.items() if value != "null"]
        config.write_text("".join(lines))
        paths = [value for value in found.values() if value.startswith("/")]
        return [f"--volume={config}:/root/.npmrc:ro", *(f"--volume={p}:{p}:ro" for p in paths)]

    def _pip_volumes(self) -> list[str]:
        """Let pip in the build find packages the way it does on this machine."""
        listed = run(sys.executable, "-m", "pip", "config", "list")
        found = re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE)
        settings = {name: value.replace("\\n", "\n  ") for name, value in found}
        config = self.folder / "pip.conf"
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        config.write_text("".join(["[global]\n", *lines]))
        words = " ".join(settings.values()).split()
        # An index in a folder refers to files beside it.
        indexes = [Path(word.removeprefix("file://")).parent for word in words if "file://" in word]
        paths = indexes + [Path(word) for word in words if word.startswith("/")]
        shared = [f"--volume={path}:{path}:ro" for path in paths if path.exists()]
        return [f"--volume={config}:/etc/pip.conf:ro", *shared]

    def unpacked_bytes(self, image: str) -> int:
        container = self.buildah("from", "--pull-never", image)
        root = Path(self.buildah("mount", container))
        total = sum(
            path.lstat().st_size
            for path in root.rglob("*")
            if path.is_file() and not path.is_symlink()
        )
        self.buildah("rm", container)
        return total

    def new_container(self) -> Container:
        image: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", IMAGE))
        root = self.buildah("mount", self.buildah("from", "--pull-never", IMAGE))
        return Container(Path(root), image["Docker"]["config"])

    def remove(self) -> None:
        self.buildah("rm", "--all")
        mounts = Path("/proc/mounts").read_text().splitlines()
        for mounted in [line.split()[1] for line in mounts]:
            if Path(mounted).is_relative_to(self.folder):
                run("umount", "--lazy", mounted)


@attrs.define
class Container:
    """One container, run as Docker runs it: user, environment, entry point and volumes."""

    root: Path
    config: dict[str, Any]
    processes: list[subprocess.Popen[str]] = attrs.field(factory=list)
    first_processes: list[int] = attrs.field(factory=list)

    def command(self, *arguments: str, volumes: dict[Path, str]) -> list[str]:
        """Return the command line for `docker run -v ... glancemetrics ARGUMENTS`."""
        mounts = [word for place, where in volumes.items() for word in (str(place), where)]
        program = [*self.config["Entrypoint"], *(arguments or self.config["Cmd"])]
        isolated = ["unshare", "--mount", "--pid", "--fork"]
        start = ["bash", "-c", _START, "start", str(self.root), self.config["User"]]
        return [*isolated, *start, *mounts, "--", *self.config["Env"], *program]

    def start(self, *arguments: str, volumes: dict[Path, str], **streams: Any) -> int:
        """Start it, as `docker run -d`; returns the number of its first process."""
        command = self.command(*arguments, volumes=volumes)
        process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, **streams)
        self.processes.append(process)
        self.first_processes.append(first_process(process.pid, self.config["Entrypoint"][0]))
        return self.first_processes[-1]

    def execute(self, pid: int, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as `docker exec`."""
        entered = ["nsenter", f"--target={pid}", "--mount", "--pid"]
        chroot = ["chroot", f"--userspec={self.config['User']}", str(self.root)]
        environment = ["env", "-i", *self.config["Env"]]
        whole = [*entered, *chroot, *environment, *command]
        return subprocess.run(whole, capture_output=True, text=True, check=False)

    def run(
        self, *arguments: str, volumes: dict[Path, str], text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run it until it exits, as `docker run --rm`."""
        command = self.command(*arguments, volumes=volumes)
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def remove(self) -> None:
        """Kill what still runs: with its first process, all of a container ends."""
        for process, first in zip(self.processes, self.first_processes, strict=True):
            if process.poll() is None:
                os.kill(first, signal.SIGKILL)
                process.wait(20)


def first_process(unshare: int, program: str) -> int:
    """Return the number that process 1 of a container has outside of it, once the program runs."""
    found: list[int] = []

    def runs() -> bool:
        children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
        found[:] = [int(child) for child in children]
        return any(
            program.encode() in Path(f"/proc/{child}/cmdline").read_bytes()
            and b"chroot" not in Path(f"/proc/{child}/cmdline").read_bytes()
            for child in found
        )

    eventually(runs, 30, program)
    (pid,) = found
    return pid
