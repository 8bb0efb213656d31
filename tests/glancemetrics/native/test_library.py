"""A compiled part that does not fit is refused, with what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import glancemetrics.native

NATIVE = Path(glancemetrics.native.__file__).parent
OUTDATED = "reinstall it: pip install --force-reinstall glancemetrics"


def refused(library: Path) -> str:
    """Return why a library is refused."""
    import_it = (
        "import tests.glancemetrics.native.sanitized\nimport glancemetrics.native.line_decoder"
    )
    done = subprocess.run(
        [sys.executable, "-c", import_it],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"GLANCEMETRICS_SANITIZED": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip().rpartition("\n")[2]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize(
    ("name", "before", "after", "why"),
    [
        ("native.h", "#define GM_ABI 2", "#define GM_ABI 99", "version 99, needed is 2"),
        ("abi.c", "gm_abi(", "gm_other(", "undefined symbol: gm_abi"),
        ("combined.c", "    int32_t *left_line;\n", "    int32_t *left_line, *more;\n",
         r"gm_rows has \d+ bytes, needed are \d+"),
        ("combined.c", "gm_decoder_new(", "gm_decoder_anew(", "undefined symbol: gm_decoder_new"),
    ],
)  # fmt: skip
def test_a_library_of_another_version_is_refused(
    tmp_path: Path, name: str, before: str, after: str, why: str
) -> None:
    for source in NATIVE.glob("*.[ch]"):
        shutil.copy(source, tmp_path)
    changed = tmp_path / name
    text = changed.read_text()
    assert before in text
    changed.write_text(text.replace(before, after))
    library = tmp_path / "other.so"
    options = ["-std=c11", "-O0", "-fPIC", "-shared", "-fvisibility=hidden"]
    subprocess.run(["gcc", *options, *tmp_path.glob("*.c"), "-o", library], check=True)
    told = refused(library)
    assert told.startswith("ImportError: the compiled part of glancemetrics does not match (")
    assert re.search(why, told), told
    assert told.endswith(OUTDATED)


def test_a_library_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.so").write_bytes(b"no library")
    assert refused(tmp_path / "other.so").endswith(OUTDATED)
