"""Compiles the C sources while the package is built, with whatever C compiler there is.

Where there is none, pip brings one along: the `ziglang` wheel holds a whole compiler, of which
`zig cc` takes the same options as gcc and clang do.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path("glancemetrics", "native")
LIBRARY = NATIVE / "_native.so"
SHARE = Path("packaging", "share")
"""Man page and completions (`make share`): share/ of the installed program."""
OPTIONS = (
    *("-std=c11", "-O3", "-DNDEBUG", "-fPIC", "-shared", "-fvisibility=hidden"),
    *("-Wall", "-Wextra", "-Werror"),
    # What is read is hostile: a mistake of ours should end the program, and nothing worse.
    *("-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"),
)
ON_LINUX = ("-Wl,-z,relro,-z,now",)


def _compiler() -> list[str] | None:
    named = os.environ.get("CC")
    if named:
        return shlex.split(named)
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found and _has_headers(found):
            return [found]
    return None


def _has_headers(compiler: str) -> bool:
    """Tell whether the C library's headers are there; a compiler alone is of no use."""
    command = [compiler, "-fsyntax-only", "-include", "string.h", "-x", "c", os.devnull]
    tried = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - found above
    return tried.returncode == 0


class CompileHook(BuildHookInterface):  # type: ignore[misc]
    """Compiles the library into the source tree, from where editable installs use it."""

    def dependencies(self) -> list[str]:
        return [] if _compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        root = Path(self.root)
        compiler = _compiler() or [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]
        sources = sorted((root / NATIVE).glob("*.c"))
        target = root / LIBRARY
        made = target.with_suffix(".new")
        options = [*OPTIONS, *(ON_LINUX if sys.platform == "linux" else ())]
        command = [*compiler, *options, *map(str, sources), "-o", str(made)]
        subprocess.run(command, check=True)  # noqa: S603 - our own sources
        made.replace(target)
        build_data["artifacts"].append(str(LIBRARY))
        build_data["pure_python"] = False
        for file in sorted((root / SHARE).rglob("*")):
            if file.is_file():
                installed = Path("share", file.relative_to(root / SHARE))
                build_data["shared_data"][str(file)] = installed.as_posix()
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
