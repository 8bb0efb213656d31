"""The Debian package in a Debian of its own: installed, run, upgraded, removed and purged.

Needs root and mmdebstrap, and Debian's packages and PyPI within reach.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.lines import line
from tests.waiting import eventually

PROJECT = Path(__file__).parents[2]
PACKAGES = "adduser,init-system-helpers,libstdc++6,python3,systemd"
UNIT = "usr/lib/systemd/system/glancemetrics.service"
CONFIG = "etc/glancemetrics/config.toml"
STATE = "var/lib/glancemetrics"


class Debian:
    """A Debian in a folder, entered by chroot."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, *command: str) -> list[str]:
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        return ["chroot", str(self.root), *environment, *command]

    def run(self, *command: str, status: int = 0) -> str:
        done = subprocess.run(
            self.command(*command),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def install(self, package: Path) -> None:
        """Install it as an administrator who keeps his configuration."""
        shutil.copy(package, self.root / "tmp")
        self.run("dpkg", "--force-confold", "--install", f"/tmp/{package.name}")

    def exists(self, path: str) -> bool:
        return (self.root / path).exists()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("dpkg-deb", "gcc", "strip")
    folder = tmp_path_factory.mktemp("package")
    builder = PROJECT / "packaging/deb/build.py"
    subprocess.run([sys.executable, builder, "--output", folder], check=True)
    (made,) = folder.glob("*.deb")
    return made


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """The release that this machine runs: the package is built with its Python."""
    needs("mmdebstrap", "chroot")
    assert os.geteuid() == 0, "making a Debian needs root"
    root = tmp_path_factory.mktemp("debian") / "root"
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    options = ("--quiet", "--variant=minbase", f"--include={PACKAGES}")
    subprocess.run(["mmdebstrap", *options, release, root], check=True)
    for name in ("proc", "dev"):
        subprocess.run(["mount", "--rbind", f"/{name}", root / name], check=True)
        subprocess.run(["mount", "--make-rslave", root / name], check=True)
    yield Debian(root)
    for name in ("proc", "dev"):
        subprocess.run(["umount", "--recursive", "--lazy", root / name], check=True)
    shutil.rmtree(root)


def test_its_contents(package: Path) -> None:
    listed = subprocess.run(
        ["dpkg-deb", "--contents", package], check=True, capture_output=True, text=True
    ).stdout
    assert not re.search(r"/tmp/|/root/", listed)
    assert "./usr/bin/glancemetrics -> ../lib/glancemetrics/bin/glancemetrics" in listed
    assert all(row.split()[1] == "root/root" for row in listed.splitlines())
    fields = subprocess.run(
        ["dpkg-deb", "--field", package], check=True, capture_output=True, text=True
    ).stdout
    assert re.search(r"^Depends: .*python3 \(>= 3\.\d+\), .*\(<< 3\.\d+\)$", fields, re.MULTILINE)


def test_lintian_has_no_error(package: Path) -> None:
    needs("lintian")
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error", package],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout


def test_the_life_of_an_installation(debian: Debian, package: Path) -> None:
    debian.install(package)

    # The command, and the user.
    assert debian.run("glancemetrics", "-h").startswith("usage: glancemetrics")
    debian.run("glancemetrics", "generate", "--fast", "--lines", "2000", "-o", "/tmp/access.log")
    assert "2,000" in debian.run("glancemetrics", "report", "/tmp/access.log")
    debian.run("glancemetrics", "report", "/tmp/access.log", "-o", "/tmp/report.html")
    groups = debian.run("id", "--name", "--groups", "glancemetrics").split()
    assert set(groups) == {"glancemetrics", "adm"}
    assert not (debian.root / "usr/lib/glancemetrics/pyvenv.cfg").read_text().count("/tmp")

    # The unit, and what it runs, as its user.
    debian.run("systemd-analyze", "verify", f"/{UNIT}")
    unit = (debian.root / UNIT).read_text()
    assert "User=glancemetrics" in unit
    assert "DynamicUser" not in unit
    log = debian.root / "var/log/nginx/access.log"
    log.parent.mkdir()
    log.touch()
    os.chown(log, 0, 4)
    log.chmod(0o640)
    assert "access.log" in debian.run("glancemetrics", "check", f"/{CONFIG}")
    debian.run("install", "-d", "-o", "glancemetrics", "-g", "glancemetrics", f"/{STATE}")
    found = re.search(r"^ExecStart=(.*)", unit, re.MULTILINE)
    assert found is not None
    start = found[1].replace("%S", "/var/lib").split()
    service = subprocess.Popen(
        debian.command("setpriv", "--reuid=glancemetrics", "--regid=glancemetrics",
                       "--init-groups", *start)
    )  # fmt: skip
    query = ["glancemetrics", "query", "--state-dir", f"/{STATE}", "--measures", "hits", "--csv"]

    def counted() -> bool:
        with log.open("ab") as file:
            file.write(line(int(time.time())))
        done = subprocess.run(debian.command(*query), capture_output=True, text=True, check=False)
        return bool(re.search(r"^[1-9]\d*$", done.stdout, re.MULTILINE))

    try:
        eventually(counted, 60, "the first request")
    finally:
        service.terminate()
        assert service.wait(20) == 0
    assert debian.exists(f"{STATE}/alerts.jsonl")

    # An upgrade keeps the configuration and the state; a removal too.
    config = debian.root / CONFIG
    config.write_text(config.read_text() + "\nalert_threshold = 99\n")
    debian.install(package)
    assert "alert_threshold = 99" in config.read_text()
    assert debian.exists(f"{STATE}/alerts.jsonl")
    debian.run("glancemetrics", "--version")
    debian.run("dpkg", "--remove", "glancemetrics")
    assert not debian.exists("usr/bin/glancemetrics")
    assert not debian.exists("usr/lib/glancemetrics")
    assert not debian.exists(UNIT)
    assert config.exists()
    assert debian.exists(f"{STATE}/alerts.jsonl")

    # Purging removes both, and it can be installed again.
    debian.run("dpkg", "--purge", "glancemetrics")
    assert not debian.exists("etc/glancemetrics")
    assert not debian.exists(STATE)
    debian.install(package)
    assert "alert_threshold = 99" not in config.read_text()
    debian.run("dpkg", "--purge", "glancemetrics")
