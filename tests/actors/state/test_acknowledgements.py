"""Acknowledgements, in a file that cannot grow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.state.acknowledgements import KEPT_SECONDS, MOST, Acknowledgement, Acknowledgements
from tests.lines import BASE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "acknowledgements.json"


def test_what_is_acknowledged_is_known_until_it_is_taken_back(path: Path) -> None:
    assert Acknowledgements(path).known() == {}
    Acknowledgements(path).add("Scanner[\udcff]-1", BASE)
    Acknowledgements(path).add("Scanner-2", BASE + 1)
    assert Acknowledgements(path).known() == {
        "Scanner[\udcff]-1": Acknowledgement("Scanner[\udcff]-1", BASE),
        "Scanner-2": Acknowledgement("Scanner-2", BASE + 1),
    }
    assert Acknowledgements(path).take_back("Scanner-2")
    assert not Acknowledgements(path).take_back("Scanner-2")
    assert list(Acknowledgements(path).known()) == ["Scanner[\udcff]-1"]


def test_the_first_of_two_acknowledgements_counts(path: Path) -> None:
    Acknowledgements(path).add("Scanner-1", BASE)
    Acknowledgements(path).add("Scanner-1", BASE + 60)
    assert Acknowledgements(path).known()["Scanner-1"].at == BASE


def test_the_file_keeps_the_newest_of_a_month(path: Path) -> None:
    acknowledgements = Acknowledgements(path)
    path.parent.mkdir()
    numbers = range(MOST + 1)
    path.write_text(json.dumps([{"incident": f"Scanner-{n}", "at": BASE + n} for n in numbers]))
    acknowledgements.add("Scanner-1001", BASE + 1001)
    assert list(acknowledgements.known()) == [f"Scanner-{n}" for n in range(2, 1002)]
    acknowledgements.add("Scanner-late", BASE + 1000 + KEPT_SECONDS)
    assert list(acknowledgements.known()) == ["Scanner-1001", "Scanner-late"]


@pytest.mark.parametrize(
    "damaged",
    [
        "[{]",
        "[" * 100_000,
        '[{"incident": 1, "at": 1}]',
        '[{"incident": "a", "at": 1e300}]',
        '[{"incident": "a", "at": NaN}]',
        '[{"incident": "a", "at": "x"}]',
        '[{"incident": "a"}]',
        '[{"incident": "a", "at": 1, "more": 1}]',
        "[[]]",
        "1",
        "\xff",
    ],
    ids=lambda text: text[:30],
)
def test_a_damaged_file_acknowledges_nothing_and_is_not_overwritten(
    path: Path, damaged: str
) -> None:
    path.parent.mkdir()
    path.write_text(damaged, encoding="latin-1")
    assert Acknowledgements(path).known() == {}
    with pytest.raises(ValueError, match=r".*"):
        Acknowledgements(path).add("Scanner-1", BASE)
    assert path.read_text(encoding="latin-1") == damaged
