"""`glancemetrics query --at`: the output of the same query on the disk of the monitor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from glancemetrics.cli import main
from glancemetrics.http_api import calls
from tests.actors.client.monitors import LINES, monitor, until_read, write_log
from tests.conftest import thorough
from tests.waiting import eventually

TOKEN = "0123456789abcdef-token"


def run(*arguments: object) -> object:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


@attrs.frozen
class Place:
    """A monitor, its state, and a file with its token."""

    url: str
    state: Path
    folder: Path

    @property
    def there(self) -> tuple[str, ...]:
        return ("--at", self.url, "--token-file", str(self.folder / "tokens"))

    @property
    def here(self) -> tuple[str, ...]:
        return ("--state-dir", str(self.state))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("at")
    write_log(folder / "access.log")
    (folder / "tokens").write_text(f"# who may look\n\n{TOKEN}\n", encoding="utf-8")
    state = folder / "state"
    options = ("--keep", "cache", "--web-token-file", str(folder / "tokens"))
    with monitor(folder / "access.log", state, *options) as running:
        until_read(running.url, token=TOKEN)
        eventually(lambda: stored(state) == LINES, what="all requests on disk")
        yield Place(running.url, state, folder)


def stored(state: Path) -> int:
    """How many requests are on disk."""
    names = [one.name.partition(".")[0] for one in state.glob("*.history/[0-9]*.arrow")]
    return max((int(name.partition("-")[2]) for name in names), default=0)


Same = Callable[..., None]


@pytest.fixture
def same(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> Same:
    return lambda *arguments: compare(place, capfdbinary, arguments)


def compare(
    place: Place, captured: pytest.CaptureFixture[bytes], arguments: tuple[str, ...]
) -> None:
    """Ask both; what they print is the same."""
    captured.readouterr()
    status = run("query", *place.here, *arguments)
    here = captured.readouterr()
    assert run("query", *place.there, *arguments) == status, captured.readouterr().err
    there = captured.readouterr()
    assert there.out == here.out
    if status:
        assert there.err
        assert not there.out
    else:
        assert there.err == here.err


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)], ids=["text", "json", "csv"])
@pytest.mark.parametrize(
    "asked",
    [
        (),
        ("status >= 400", "--by", "path"),
        ("--by", "cache,status", "--measures", "all", "--sort", "p99.9"),
        ("--by", "CACHE", "--reverse", "--limit", "2"),
        ("--step", "1m"),
        ("--step", "1s", "--since", "2026-09-21T14:13", "--until", "2026-09-21T14:20"),
        ("--step", "5m", "--by", "section", "--timezone", "Europe/Paris"),
        ("--since", "2026-09-20T10:00", "--timezone", "Asia/Tokyo"),
        ("--since", "1960-01-01"),
        ("--records",),
        ("--records", "cache = 'HIT'", "--limit", "7", "--offset", "20", "--reverse"),
        ("--records", "--offset", "50000"),
        ("status = 999",),
        ("path = 'ümläut'", "--by", "path"),
    ],
    ids=lambda asked: " ".join(asked) or "nothing",
)
def test_each_form_is_the_same(same: Same, asked: tuple[str, ...], form: tuple[str, ...]) -> None:
    same(*asked, *form)


def test_requests_of_several_pages_are_the_same(
    same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = calls.records.__kwdefaults__
    monkeypatch.setattr(calls.records, "__kwdefaults__", defaults | {"page": 170})
    for order in ((), ("--reverse",)):
        for limit in ("--limit=1000", "--limit=170", "--limit=999999", "--limit=171"):
            same("--records", limit, "--csv", *order)
            same("--records", limit, "--offset", "333", "--json", *order)


@pytest.mark.parametrize("asked", [
    ("--by", "path"), ("--step", "1m"), ("--records",), ("--records", "status = 999"),
    ("status = 999", "--by", "path"), ("--records", "status = 503", "--limit", "4"),
], ids=" ".join)  # fmt: skip
def test_files_are_the_same(place: Place, tmp_path: Path, asked: tuple[str, ...]) -> None:
    for ending in ("parquet", "json", "csv", "txt"):
        files = [tmp_path / f"{name}.{ending}" for name in ("here", "there")]
        for file, where in zip(files, (place.here, place.there), strict=True):
            assert run("query", *asked, *where, "-o", file) == 0
        here, there = (file.read_bytes() for file in files)
        assert here == there


def test_a_file_has_no_texts_of_other_requests(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "few.parquet"
    assert run("query", *place.here, "--records", "--limit", "2", "-o", file) == 0
    dictionary = parquet.read_table(file).column("path").combine_chunks().dictionary
    assert len(dictionary) <= 2
    assert file.read_bytes().count(b"/s") <= 8


names = st.sampled_from
OPTIONAL = st.none()
ASKED = st.fixed_dictionaries(
    {
        "": OPTIONAL | names(["status >= 400", "duration > 0.2", "cache is null", "status = 999",
                              "class = '5xx' and method = 'POST'", "nope = 1", "bytes"]),
        "--by": OPTIONAL | st.lists(names(["path", "host", "class", "cache", "bot", "route", "user",
                                           "section", "nope"]), min_size=1, max_size=2,
                                    unique=True).map(",".join),
        "--since": OPTIONAL | names(["2026-09-21T14:14", "2026-09-21", "14:00", "x"]),
        "--until": OPTIONAL | names(["2026-09-21T14:20:30", "2026-09-21T14:15"]),
        "--step": OPTIONAL | names(["7s", "1m", "1h"]),
        "--measures": OPTIONAL | st.lists(names(["hits", "rate", "visitors", "p95", "under_300ms",
                                                 "first_seen", "error_ratio", "total_time"]),
                                          min_size=1, max_size=3).map(",".join),
        "--sort": OPTIONAL | names(["hits", "p99", "bytes", "last_seen", "under_1s"]),
        "--limit": OPTIONAL | names(["1", "3", "50", "0"]),
        "--timezone": OPTIONAL | names(["Europe/Paris", "America/St_Johns", "local"]),
    }
)  # fmt: skip
REQUESTS = st.fixed_dictionaries(
    {
        "": OPTIONAL | names(["status >= 400", "cache = 'MISS'", "status = 999", "nope = 1"]),
        "--since": OPTIONAL | names(["2026-09-21T14:14", "2026-09-21"]),
        "--until": OPTIONAL | names(["2026-09-21T14:20:30", "2026-09-21T14:15"]),
        "--limit": OPTIONAL | names(["1", "30", "2000"]),
        "--offset": OPTIONAL | names(["1", "250", "100000"]),
        "--timezone": OPTIONAL | names(["Europe/Paris"]),
    }
)


@settings(
    max_examples=thorough(60, 2000),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    asked=ASKED | REQUESTS.map(lambda one: {**one, "--records": True}),
    is_reversed=st.booleans(),
    form=names([(), ("--json",), ("--csv",)]),
)
@example(asked={"--by": "bot", "--step": "7s", "--limit": "3"}, is_reversed=False, form=())
def test_any_query_is_the_same(
    place: Place,
    capfdbinary: pytest.CaptureFixture[bytes],
    asked: dict[str, str | bool | None],
    is_reversed: bool,
    form: tuple[str, ...],
) -> None:
    arguments = ["--reverse"] * is_reversed
    for name, value in asked.items():
        if isinstance(value, str):
            arguments += [name, value] if name else [value]
        elif value:
            arguments.append(name)
    compare(place, capfdbinary, (*arguments, *form))


def test_no_condition_is_a_mistake(same: Same) -> None:
    same("  ")


def test_the_last_minutes_are_those_of_the_server(same: Same) -> None:
    same("--last", "5000w", "--csv", "--by", "section")


def test_a_token_may_be_in_the_environment(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLANCEMETRICS_TOKEN", f" {TOKEN}\n")
    assert run("query", "--json", "--at", place.url) == 0
    assert json.loads(capfd.readouterr().out)["records"] == LINES
    monkeypatch.setenv("GLANCEMETRICS_TOKEN", "wrong")
    assert run("query", "--json", *place.there) == 0, "the file wins"
    assert run("query", "--json", "--at", place.url) == 1
    assert "the token or password was refused" in capfd.readouterr().err
    monkeypatch.delenv("GLANCEMETRICS_TOKEN")
    assert run("query", "--at", place.url) == 1
    assert capfd.readouterr().err == (
        f"glancemetrics: error: {place.url}: needs a token (Authorization: Bearer TOKEN); pass one "
        "of its --web-token-file (`--token-file FILE`, `token=`) or --web-users (`user=`, "
        "`password=`)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--at", "x:1", "-f", "a.log"), "--at: cannot be combined with --file"),
        (("--at", "x:1", "--state-dir", "."), "--at: cannot be combined with --state-dir"),
        (("--token-file", "x"), "--token-file: needs --at"),
        (("--ca", "x"), "--ca: needs --at"),
        (("--at", "ftp://x"), "--at ftp://x: must be HOST:PORT, or an http:// or https:// address"),
        (("--at", "http://a:b@x"), "--at http://x: must be written without name and password"),
        (("--at", "https://x", "--ca", "/nope.pem"), "--ca /nope.pem: No such file or directory"),
        (("--at", "http://x", "--ca", "x"), "--at http://x: certificates need an https:// address"),
    ],
)
def test_mistakes_are_named(
    arguments: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("query", *arguments) == 2
    assert said in capfd.readouterr().err


def test_a_token_file_that_cannot_be_used(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("query", "--at", "x:1", "--token-file", tmp_path / "no") == 1
    assert f"--token-file {tmp_path}/no: No such file or directory" in capfd.readouterr().err
    # As some editors write it.
    (tmp_path / "empty").write_text("# nobody\n", encoding="utf-8-sig")
    assert run("query", "--at", "x:1", "--token-file", tmp_path / "empty") == 1
    assert "there is no token in this file" in capfd.readouterr().err
