"""Shrinks the image: removes what GlanceMetrics never loads, and checks that the rest works.

    /opt/glancemetrics/bin/python slim.py

The first stage of the Dockerfile runs it on the virtual environment of that interpreter. It fails
if a part it should remove is missing (a new release moved it), or if GlanceMetrics does not work
without it. It needs a C compiler and binutils.
"""

from __future__ import annotations

import importlib.util
import json
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SITE = Path(sysconfig.get_path("purelib"))


class Part(NamedTuple):
    """Files that are not needed at run time. Each pattern must match something."""

    why: str
    patterns: tuple[str, ...]


UNUSED = [
    Part(
        "pyarrow: headers and Cython sources, only needed to compile against it",
        ("pyarrow/include", "pyarrow/includes", "pyarrow/src", "pyarrow/*.p[yx][xdi]"),
    ),
    Part(
        "pyarrow: Flight, a protocol between databases",
        ("pyarrow/libarrow_flight.so.*", "pyarrow/libarrow_python_flight.so*", "pyarrow/_flight.*"),
    ),
    Part(
        "pyarrow: cloud storage (optional: pyarrow.fs loads without it)",
        (
            *("pyarrow/libarrow_s3.so.*", "pyarrow/_s3fs.*", "pyarrow/_gcsfs.*"),
            *("pyarrow/_azurefs.*", "pyarrow/_hdfs.*"),
        ),
    ),
    Part(
        "pyarrow: ORC, Substrait query plans and encrypted Parquet, which nothing here reads",
        (
            *("pyarrow/_orc.*", "pyarrow/_dataset_orc.*", "pyarrow/_substrait.*"),
            *("pyarrow/_parquet_encryption.*", "pyarrow/_dataset_parquet_encryption.*"),
            "pyarrow/libarrow_python_parquet_encryption.so*",
        ),
    ),
    Part(
        "pyarrow: two copies of libarrow_python.so.NNNN (the loader uses that name)",
        ("pyarrow/libarrow_python.so", "pyarrow/libarrow_python.so.*.*"),
    ),
    Part(
        "test suites of packages",
        (
            *("pyarrow/tests", "pyarrow/_pyarrow_cpp_tests.*", "numpy/**/tests", "trio/**/_tests"),
            *("numpy/_core/_*tests.*.so", "numpy/testing"),
        ),
    ),
    Part(
        "numpy: a module that exposes single CPU instructions to numpy's own tests",
        ("numpy/_core/_simd.*.so",),
    ),
    Part(
        "numpy: headers, static libraries and the Fortran wrapper, only needed to compile",
        (
            *("numpy/f2py", "numpy/_core/include", "numpy/**/*.a", "numpy/**/*.pxd"),
            *("../../../bin/f2py", "../../../bin/numpy-config"),
        ),
    ),
    Part(
        "numpy: Fourier transforms and polynomials, imported on first use and not used here",
        ("numpy/fft", "numpy/polynomial"),
    ),
    Part(
        "pyarrow: exchange with other tables, virtual machines, graphics cards",
        (
            *("pyarrow/interchange", "pyarrow/jvm.py", "pyarrow/cuda.py", "pyarrow/orc.py"),
            *("pyarrow/flight.py", "pyarrow/conftest.py"),
        ),
    ),
    Part(
        "duckdb: a Spark-compatible interface, pictures of query plans, and Polars",
        ("duckdb/experimental", "duckdb/query_graph", "duckdb/polars_io.py"),
    ),
    Part(
        "apprise: translations of its own command, and icons for desktops",
        ("apprise/i18n/*/LC_MESSAGES", "apprise/assets/themes"),
    ),
    Part("prompt_toolkit: servers for Telnet and SSH, and grammars", ("prompt_toolkit/contrib",)),
    Part("what installers note for themselves", ("*.dist-info/RECORD",)),
    Part("bills of materials of single packages", ("*.dist-info/sboms",)),
    Part(
        "helpers for tests, other services, and Python in a browser",
        (
            *("starlette/testclient.py", "anyio/pytest_plugin.py", "oauthlib/openid"),
            *("urllib3/contrib/emscripten", "trio/_tools"),
            *("prometheus_client/twisted", "prometheus_client/bridge"),
        ),
    ),
    Part(
        "wcwidth: its C version (it falls back to Python) and tables for named terminals",
        ("wcwidth/_wcwidth_c.*", "wcwidth/table_grapheme_overrides/_known_*.py"),
    ),
    Part(
        "click: only used by the commands of apprise and httpx",
        ("click", "apprise/cli.py", "../../../bin/apprise", "../../../bin/httpx"),
    ),
    Part(
        "zstandard, msgpack: their versions for PyPy",
        ("zstandard/_cffi.*", "zstandard/backend_cffi.py", "msgpack/fallback.py"),
    ),
    Part(
        "ua-parser: the same expressions in two more forms, and its command",
        (
            *("ua_parser_builtins/matchers.py", "ua_parser_builtins/regexes.py"),
            "ua_parser/__main__.py",
        ),
    ),
    Part(
        "isal: its command, files in threads, and what its C library says of itself",
        ("isal/igzip.py", "isal/igzip_threaded.py", "isal/isa-l/*.md", "isal/isa-l/CMakeLists.txt"),
    ),
    Part("yaml: its C version (it falls back to Python)", ("yaml/_yaml.*.so",)),
    Part("cffi: argon2 needs its compiled part only", ("cffi", "pycparser")),
    Part("anyio: its other event loop; here it runs on trio", ("anyio/_backends/_asyncio.py",)),
    Part("type stubs, for editors and type checkers", ("**/*.pyi",)),
]

SELDOM_LOADED = (
    *("apprise/plugins", "markdown", "oauthlib", "requests_oauthlib", "requests", "urllib3"),
    *("charset_normalizer", "yaml", "google/protobuf", "opentelemetry", "prometheus_client"),
)
"""Loaded only for apprise's notifications, --otlp and /metrics: uncompiled, up to 0.5 s slower."""

OPENBLAS = "numpy.libs/libscipy_openblas64_*.so"
"""23 MB of matrix code, replaced by blas.c."""
SUBSTRAIT = "pyarrow/libarrow_substrait.so.*"
"""Every part of pyarrow is linked with it, but only the part removed above calls it."""


IMPORT_ALL = """
import importlib, pkgutil, actors, glancemetrics
for package in (glancemetrics, actors):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("._native", ".__main__")):  # a C library, and the program
            importlib.import_module(module.name)
"""


def run(*command: str | Path) -> str:
    """Return the output of a command. If it fails, show why and exit."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"slim.py: {' '.join(map(str, command))}: status {done.returncode}\n{done.stderr}")
    return done.stdout


def size() -> int:
    return sum(file.stat().st_size for file in SITE.rglob("*") if file.is_file())


def find(pattern: str) -> list[Path]:
    found = sorted(SITE.glob(pattern))
    if not found:
        sys.exit(f"slim.py: no {pattern} in {SITE}: find out what replaced it")
    return found


def remove(part: Part) -> None:
    for path in [path for pattern in part.patterns for path in find(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # two patterns may match it


def symbols(library: Path, which: str) -> set[str]:
    """Return the names a library defines or needs, without C++ templates, which many share."""
    lines = run("nm", "--dynamic", "--no-weak", which, library).splitlines()
    return {line.split()[-1].partition("@")[0] for line in lines}


def libraries() -> list[Path]:
    # Not *.so*, which is a file of sources, too.
    found = (*SITE.rglob("*.so"), *SITE.rglob("*.so.*"))
    return [path for path in found if path.is_file()]


def replace_library(pattern: str, *sources: Path) -> None:
    """Replace a library with a small one: these sources, and functions that abort for the rest."""
    (large,) = find(pattern)
    others = [library for library in libraries() if library != large]
    needed = set().union(*(symbols(each, "--undefined-only") for each in others))
    elsewhere = set().union(*(symbols(each, "--defined-only") for each in others))
    missing = sorted((needed & symbols(large, "--defined-only")) - elsewhere)
    message = f"glancemetrics: {large.name} is not in this image\\n"
    lines = [
        "#include <stdlib.h>\n#include <unistd.h>",
        f'static const char message[] = "{message}";',
        "__attribute__((unused)) static void end(void)",
        "{ if (write(2, message, sizeof message - 1)) abort(); abort(); }",
        *(f"__attribute__((weak)) void {name}(void) {{ end(); }}" for name in missing),
    ]
    with tempfile.TemporaryDirectory() as folder:
        stubs = Path(folder, "stubs.c")
        stubs.write_text("\n".join(lines) + "\n")
        options = ("-O3", "-shared", "-fPIC", "-s", f"-Wl,-soname,{large.name}")
        run("cc", *options, stubs, *sources, "-o", large)


def check() -> None:
    """Import all of GlanceMetrics and run its commands on simulated traffic."""
    run(sys.executable, "-c", IMPORT_ALL)
    run(sys.executable, "-c", "import apprise; assert apprise.Apprise('json://localhost')")
    run(sys.executable, "-c", "import actors.agent.agent, actors.sources.agents.hub")
    run(sys.executable, "-c", "import duckdb, pyarrow.dataset, pyarrow.fs, pyarrow.parquet")
    program = Path(sys.executable).with_name("glancemetrics")
    with tempfile.TemporaryDirectory() as folder:
        log, config, state = (Path(folder, name) for name in ("access.log", "config.toml", "state"))
        config.write_text(
            f'file = "{log}"\n[[notify]]\nname = "team"\napprise = "json://localhost"\n'
            '[[notify]]\nname = "hook"\nwebhook = "http://localhost/"\n'
        )
        run(program, "generate", "--fast", "--lines", "20000", "-o", log)
        run(program, "report", log)
        for ending in ("html", "json", "csv", "parquet"):
            run(program, "report", log, "-o", Path(folder, f"report.{ending}"))
        run(program, "sql", log, "select section, count(*) from log group by all")
        run(program, "check", config)
        run(program, "replay", log, "--rules", "stock")
        options = ("--from", "start", "--json", "--state-dir", state, "--where", "status >= 200")
        # The monitor exits at the end of its standard input.
        with log.open("rb") as lines:
            printed = subprocess.run(
                [str(program), "-f", "-", *map(str, options)],
                stdin=lines,
                capture_output=True,
                check=False,
            )
        if printed.returncode:
            sys.exit(f"slim.py: the monitor failed\n{printed.stderr.decode()}")
        health = json.loads(printed.stdout.splitlines()[-1])["health"]
        if health["lines"] != 20000 or health["rejects"]:
            sys.exit(f"slim.py: the monitor counted {health}")


def compile_loaded() -> None:
    """Keep the compiled files that the check left, and make them independent of file times."""
    for package in SELDOM_LOADED:
        for folder in list((SITE / package).rglob("__pycache__")):
            shutil.rmtree(folder)
    for compiled in SITE.rglob("__pycache__/*.pyc"):
        source = importlib.util.source_from_cache(str(compiled))
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(source, str(compiled), doraise=True, invalidation_mode=mode)


def report(before: int, what: str) -> int:
    after = size()
    print(f"{(before - after) / 1e6:7.1f} MB  {what}", flush=True)
    return after


def slim(parts: Iterable[Part]) -> None:
    left = began = size()
    for part in parts:
        remove(part)
        left = report(left, part.why)
    replace_library(OPENBLAS, HERE / "blas.c")
    left = report(left, "numpy: OpenBLAS, replaced by blas.c")
    replace_library(SUBSTRAIT)
    left = report(left, "pyarrow: the Substrait library")
    for library in libraries():
        run("strip", "--strip-unneeded", library)
    left = report(left, "debug symbols")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    check()
    compile_loaded()
    left = report(left, "compiled Python files, added")
    print(f"{began / 1e6:.1f} MB before, {left / 1e6:.1f} MB now")


if __name__ == "__main__":
    slim(UNUSED)
