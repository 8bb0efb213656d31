"""What memory the program may take, by the control groups that it is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.monitor.memory import memory_limit

GIB = 1 << 30


def groups(folder: Path, limits: dict[str, str]) -> Path:
    for name, limit in limits.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{limit}\n")
    return folder / "groups"


@pytest.mark.parametrize(
    ("own", "limits", "limit"),
    [
        ("0::/a/b", {"a/b/memory.max": str(GIB), "a/b/memory.high": "max"}, GIB),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.high": "5", "a/memory.max": "7"}, 5),
        ("0::/", {"memory.max": "3"}, 3),  # a container that sees but its own
        ("0::/a", {"a/memory.max": "max"}, None),
        ("0::/a", {"a/memory.max": "what"}, None),
        ("0::/a", {}, None),
        (
            "5:cpu,cpuacct:/x\n4:memory:/a/b\n0::/",
            {
                "memory/a/b/memory.limit_in_bytes": "9223372036854771712",
                "memory/a/memory.limit_in_bytes": str(2 * GIB),
            },
            2 * GIB,
        ),
        ("4:memory:/docker/c0ffee", {"memory/memory.limit_in_bytes": "12"}, 12),
    ],
)
def test_the_least_of_its_groups_counts(
    tmp_path: Path, own: str, limits: dict[str, str], limit: int | None
) -> None:
    own_groups = tmp_path / "cgroup"
    own_groups.write_text(f"{own}\n")
    assert memory_limit(own_groups, groups(tmp_path, limits)) == limit


def test_where_there_are_no_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert memory_limit(tmp_path / "none", tmp_path) is None
