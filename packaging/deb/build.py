"""Builds the Debian package: GlanceMetrics and its dependencies, with Debian's own Python.

    python packaging/deb/build.py [--output FOLDER]

It installs into a virtual environment, shrinks it like the image, and removes all paths of the
build. The package uses the Python of the Debian or Ubuntu release that it is built on, and is for
that release only. Building needs dpkg-deb, a C compiler and binutils.
"""

from __future__ import annotations

import argparse
import email.utils
import gzip
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
PYTHON = "/usr/bin/python3"
VENV = "usr/lib/glancemetrics"
COMMAND = re.compile(r"^command = .*\n", re.MULTILINE)
SERVICE = {
    r"^# tells others\..*?\n\n": "# tells others.\n\n",
    r"/opt/glancemetrics/bin/glancemetrics": "/usr/bin/glancemetrics",
    r"/etc/glancemetrics\.toml": "/etc/glancemetrics/config.toml",
    r"^# A user of its own, which may read logs.*\nDynamicUser=yes\n": (
        "# The package creates this user.\nUser=glancemetrics\n"
    ),
}
"""How the unit for an installation by hand becomes that of the package."""


def run(*command: str | Path) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def write(path: Path, text: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)


def version() -> str:
    found = re.search(r'__version__ = "(.+)"', (PROJECT / "glancemetrics/version.py").read_text())
    assert found is not None
    return found[1]


def install_program(root: Path) -> None:
    venv = root / VENV
    run(PYTHON, "-m", "venv", "--without-pip", venv)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "--python", venv / "bin/python", "install", "--no-compile", f"{PROJECT}[notify,otlp]")
    print(run(venv / "bin/python", PROJECT / "packaging/image/slim.py"))
    for script in (venv / "bin").iterdir():
        if not script.name.startswith("python") and script.name != "glancemetrics":
            script.unlink()
    shutil.rmtree(venv / "include", ignore_errors=True)
    # No file may contain a path of the build.
    config, program = venv / "pyvenv.cfg", venv / "bin/glancemetrics"
    write(config, COMMAND.sub("", config.read_text()))
    write(program, program.read_text().replace(str(venv), f"/{VENV}"), 0o755)
    for record in venv.rglob("*.dist-info"):
        (record / "direct_url.json").unlink(missing_ok=True)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/glancemetrics").symlink_to("../lib/glancemetrics/bin/glancemetrics")


def install_shared(root: Path) -> None:
    """Put man page and completions, if the wheel has them, where the system looks for them."""
    share = root / VENV / "share"
    if share.exists():
        shutil.copytree(share, root / "usr/share", dirs_exist_ok=True)
        shutil.rmtree(share)
    for page in (root / "usr/share").glob("man/man*/*"):
        write(page.with_name(f"{page.name}.gz"), gzip.compress(page.read_bytes(), mtime=0))
        page.unlink()


def install_files(root: Path) -> None:
    write(root / "etc/glancemetrics/config.toml", (HERE / "config.toml").read_text())
    unit = (PROJECT / "packaging/glancemetrics.service").read_text()
    for pattern, replacement in SERVICE.items():
        unit, count = re.subn(pattern, replacement, unit, flags=re.MULTILINE | re.DOTALL)
        if count != 1:
            sys.exit(f"packaging/glancemetrics.service: {pattern} is there {count} times, not once")
    write(root / "usr/lib/systemd/system/glancemetrics.service", unit)
    docs = root / "usr/share/doc/glancemetrics"
    licence = "License: Apache-2.0\n See /usr/share/common-licenses/Apache-2.0.\n"
    write(
        docs / "copyright",
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: GlanceMetrics\n"
        "Comment: licences of the dependencies are in their *.dist-info directories below\n"
        f" /{VENV}.\n\n"
        f"Files: *\nCopyright: 2026 GlanceMetrics contributors\n{licence}",
    )
    who = re.search(r"^Maintainer: (.*)$", (HERE / "control").read_text(), re.MULTILINE)
    assert who is not None
    changes = (
        f"glancemetrics ({version()}-1) unstable; urgency=medium\n\n"
        "  * New release; see changelog.gz.\n\n"
        f" -- {who[1]}  {email.utils.formatdate()}\n"
    )
    write(docs / "changelog.Debian.gz", gzip.compress(changes.encode(), mtime=0))
    news = (PROJECT / "CHANGELOG.md").read_bytes()
    write(docs / "changelog.gz", gzip.compress(news, mtime=0))
    overrides = (HERE / "lintian-overrides").read_text()
    write(root / "usr/share/lintian/overrides/glancemetrics", overrides)


def write_control(root: Path) -> None:
    size = sum(file.lstat().st_size for file in root.rglob("*") if not file.is_dir())
    major, minor = map(int, run(PYTHON, "-c", "import sys; print(*sys.version_info[:2])").split())
    values = {
        "VERSION": version(),
        "ARCHITECTURE": run("dpkg", "--print-architecture"),
        "SIZE": str(size // 1024),
        "PYTHON": f"{major}.{minor}",
        "NEXT_PYTHON": f"{major}.{minor + 1}",
    }
    text = (HERE / "control").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    write(root / "DEBIAN/control", text)
    write(root / "DEBIAN/conffiles", "/etc/glancemetrics/config.toml\n")
    for script in ("postinst", "prerm", "postrm"):
        write(root / "DEBIAN" / script, (HERE / script).read_text(), 0o755)
    files = [
        str(file.relative_to(root))
        for file in sorted(root.rglob("*"))
        if file.is_file() and not file.is_symlink() and "DEBIAN" not in file.parts
    ]
    sums = subprocess.run(["md5sum", *files], cwd=root, check=True, capture_output=True, text=True)
    write(root / "DEBIAN/md5sums", sums.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the Debian package.")
    parser.add_argument("--output", type=Path, default=PROJECT / "dist")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir(0o755)
        install_program(root)
        install_shared(root)
        install_files(root)
        write_control(root)
        run("chmod", "--recursive", "u=rwX,go=rX", root)
        for library in root.rglob("*.so*"):
            library.chmod(0o644)
        options = ("--root-owner-group", "-Zxz", "-z2")
        print(run("dpkg-deb", *options, "--build", root, output))


if __name__ == "__main__":
    main()
