"""What reads hostile bytes in C is run under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import glancemetrics.native

pytestmark = pytest.mark.slow

SOURCES = sorted(Path(glancemetrics.native.__file__).parent.glob("*.c"))
TESTS = Path(__file__).parents[1]
RUN = [
    TESTS / "native" / "test_native.py",
    TESTS / "native" / "test_values.py",
    TESTS / "formats" / "test_combined.py",
    TESTS / "formats" / "test_pattern.py",
    TESTS / "formats" / "test_json_lines.py",
    TESTS / "formats" / "test_kept_fields.py",
    TESTS / "formats" / "test_clients.py",
    TESTS / "records" / "test_networks.py",
    TESTS / "formats" / "test_request_line.py",
    TESTS / "reporting" / "test_tally.py",
    TESTS / "reporting" / "test_plain_lines.py",
]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_no_byte_is_touched_that_should_not_be(tmp_path: Path) -> None:
    library = tmp_path / "_native.so"
    options = ["-std=c11", "-O1", "-g", "-fPIC", "-shared", "-fvisibility=hidden"]
    options += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall", "-Wextra"]
    subprocess.run(["gcc", *options, "-Werror", *SOURCES, "-o", library], check=True)
    runtimes = [
        subprocess.check_output(["gcc", f"-print-file-name={name}.so"], text=True).strip()
        for name in ("libasan", "libubsan")
    ]
    environment = os.environ | {
        "LD_PRELOAD": " ".join(runtimes),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter's own
        "GLANCEMETRICS_SANITIZED": str(library),
    }
    plugin = "tests.glancemetrics.native.sanitized"
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", plugin, "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *map(str, RUN)],
        cwd=TESTS.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout
