"""A Debian with GlanceMetrics as a service, in QEMU without any hardware's help.

Needs root, mmdebstrap, QEMU for x86, and Debian's packages and PyPI within reach.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs

PROJECT = Path(__file__).parents[2]
_PACKAGES = "systemd-sysv,udev,dbus,python3,python3-venv,procps,logrotate,linux-image-cloud-amd64"
_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "linux")

_FILES = {
    "etc/glancemetrics.toml": """
file = ["/var/log/nginx/access.log"]
alert_threshold = 10
alertwindow = 0.2
""",
    "etc/logrotate-trial.conf": """
/var/log/nginx/access.log {
rotate 1000
create 0640 root adm
compress
delaycompress
postrotate
pkill -USR1 -f 'guest.py write'
endscript
}
""",
    "etc/systemd/system/trial.service": """
[Unit]
After=glancemetrics.service
[Service]
ExecStart=/usr/bin/python3 /opt/trial/guest.py
[Install]
WantedBy=multi-user.target
""",
}

_COUNTING = """
[Service]
ExecStart=
ExecStart=/opt/glancemetrics/bin/glancemetrics --json --config /etc/glancemetrics.toml \
--state-dir %S/glancemetrics --timewindow 3600 --refresh 0.5 --alert-threshold 1e9
StandardOutput=truncate:/run/snapshots.jsonl
StandardError=journal
"""
"""The service as it is delivered but for what it prints, so that its counts can be seen."""


_JOURNAL = _COUNTING.replace(
    "--config /etc/glancemetrics.toml", "--config off -f journald:shop --from start"
)
"""The same, following a unit whose output is in the journal."""


def _run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def build(folder: Path) -> Path:
    """Make a Debian with the service and the trials; returns its root."""
    root, wheels = folder / "root", folder / "root/opt/wheels"
    _run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", root)
    pip = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check")
    _run(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, PROJECT)
    (wheel,) = wheels.iterdir()
    platforms = [f"--platform={platform}_x86_64" for platform in _PLATFORMS]
    which = ["--only-binary=:all:", "--python-version=3.11", *platforms]
    _run(*pip, "download", *which, "--dest", wheels, wheel)
    venv = "/opt/glancemetrics"
    _run("chroot", root, "python3", "-m", "venv", venv)
    offline = ["--no-index", "--find-links", "/opt/wheels"]
    _run("chroot", root, f"{venv}/bin/pip", "--quiet", "install", *offline, "glancemetrics")
    (root / "opt/trial").mkdir()
    for name, text in _FILES.items():
        (root / name).write_text(text.lstrip())
    _run("cp", PROJECT / "tests/machine/guest.py", root / "opt/trial")
    _run("cp", PROJECT / "packaging/glancemetrics.service", root / "etc/systemd/system")
    log = root / "var/log/nginx/access.log"
    log.parent.mkdir()
    log.touch()
    _run("chown", "root:adm", log)
    log.chmod(0o640)
    _run("chroot", root, "systemctl", "--quiet", "enable", "glancemetrics", "trial")
    return root


@attrs.define
class VirtualMachine:
    """One with a disk of its own, which stays when its power goes."""

    root: Path
    folder: Path
    trial: str
    process: subprocess.Popen[bytes] | None = None

    def make_disk(self) -> None:
        override = self.root / "etc/systemd/system/glancemetrics.service.d/trial.conf"
        override.parent.mkdir(exist_ok=True)
        override.write_text({"power": _COUNTING, "journal": _JOURNAL}.get(self.trial, ""))
        _run("mke2fs", "-q", "-t", "ext4", "-d", self.root, self.folder / "disk", "2G")

    def start(self) -> None:
        (kernel,) = (self.root / "boot").glob("vmlinuz-*")
        (initrd,) = (self.root / "boot").glob("initrd.img-*")
        hardware = ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536"]
        hardware += ["-nic", "none", "-drive", f"file={self.folder}/disk,if=virtio,format=raw"]
        system = ["-kernel", str(kernel), "-initrd", str(initrd)]
        system += ["-append", f"root=/dev/vda rw console=ttyS0 quiet trial={self.trial}"]
        ports = ["-serial", f"file:{self.folder}/console", "-serial", f"file:{self.folder}/facts"]
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-nographic", "-no-reboot", "-monitor", "none"]
            + hardware
            + system
            + ports,
            stdin=subprocess.DEVNULL,
        )

    def cut_power(self) -> None:
        """What the system had not written to its disk is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def remove(self) -> None:
        self.cut_power()
        (self.folder / "disk").unlink()

    def wait(self, seconds: float) -> None:
        """Wait until it has turned itself off."""
        assert self.process is not None
        self.process.wait(seconds)

    @property
    def facts(self) -> list[dict[str, Any]]:
        """What was found out since it was started."""
        path = self.folder / "facts"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
