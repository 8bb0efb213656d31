"""The source archive and the wheel, built and installed where nothing else is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from glancemetrics.version import __version__
from tests.conftest import needs

PROJECT = Path(__file__).parents[2]
SHARE = PROJECT / "packaging" / "share"
NAMED = os.environ.get("WHEEL")
"""The wheel that `make wheel` built, to be tested instead of a new one."""


def build(kind: str, folder: Path, out: Path) -> Path:
    """Build it without asking for packages: hatchling is one of those that tests need."""
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        f"--{kind}",
        "--outdir",
        out,
        folder,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", PROJECT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def built_wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the source archive."""
    needs("gcc")
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    made = build("wheel", source, tmp_path_factory.mktemp("wheel"))
    # The page was bundled already: neither Node.js nor a network was needed.
    assert not (source / "web" / "node_modules").exists()
    return made


@pytest.fixture(scope="module")
def wheel(request: pytest.FixtureRequest) -> Path:
    if NAMED:
        return Path(NAMED).resolve()
    made: Path = request.getfixturevalue("built_wheel")
    return made


def test_the_source_archive_has_all_that_building_and_testing_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a clone")
    ours = {name for name in listed.stdout.splitlines() if (PROJECT / name).exists()}
    missing = {
        name for name in ours - names if not name.startswith((".ci/", ".github/", "changelog.d/"))
    }
    assert missing <= {".gitignore", ".pre-commit-config.yaml"}
    assert not [name for name in names if name.endswith((".so", ".pyc"))]


def test_a_wheel_is_for_every_python_and_has_what_runs(wheel: Path) -> None:
    version, python, abi, platform = wheel.stem.split("-")[1:]
    assert (version, python, abi) == (__version__, "py3", "none")
    if NAMED:
        versions = [int(number) for number in re.findall(r"manylinux_2_(\d+)_", platform)]
        assert versions, f"{platform}: package indexes refuse this"
        assert min(versions) <= 28
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert {"glancemetrics/native/_native.so", "glancemetrics/py.typed"} <= set(names)
    packages = {name.split("/")[0] for name in names}
    assert {name for name in packages if "." not in name} == {"glancemetrics", "actors"}
    assert not [name for name in names if name.endswith((".c", ".h", ".pyc"))]
    assert [name for name in names if name.endswith("licenses/LICENSE")]


def test_the_page_is_bundled_with_its_licences(wheel: Path) -> None:
    folder = "actors/outputs/web"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith(f"{folder}/")}
        html = archive.read(f"{folder}/static/index.html").decode()
        assert b"MIT" in archive.read(f"{folder}/static/licenses.txt")
    assert f"{folder}/pages.css" in names
    for name in re.findall(r'(?:src|href)="(assets/[^"]+)"', html):
        assert f"{folder}/static/{name}" in names
    assert not [name for name in names if name.endswith((".ts", ".tsx", ".map"))]


def test_man_page_and_completions_are_installed(built_wheel: Path) -> None:
    shared = [path for path in SHARE.rglob("*") if path.is_file()]
    assert len(shared) >= 4
    with zipfile.ZipFile(built_wheel) as archive:
        for path in shared:
            name = path.relative_to(SHARE).as_posix()
            where = f"glancemetrics-{__version__}.data/data/share/{name}"
            assert archive.read(where) == path.read_bytes()


def test_a_wheel_runs_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin/python", "-m", "pip", "--disable-pip-version-check", "-qq"]
    subprocess.run([*pip, "install", "--no-compile", wheel], check=True)

    def done(*arguments: str) -> str:
        environment = {"PATH": f"{venv}/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        command = [venv / "bin/glancemetrics", *arguments]
        finished = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
        )
        assert finished.returncode == 0, finished.stderr
        assert "Traceback" not in finished.stderr
        return finished.stdout

    assert __version__ in done("--version")
    assert done("-h").startswith("usage: glancemetrics")
    done("generate", "--fast", "--lines", "2000", "-o", "access.log")
    assert "2,000" in done("report", "access.log")
    done("report", "access.log", "-o", "report.html")
    assert "2,000" in done("sql", "access.log", "select count(*) from log")
