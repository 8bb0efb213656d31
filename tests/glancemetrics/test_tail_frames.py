"""What `tail -F a b` puts between files."""

from __future__ import annotations

import pytest

from glancemetrics.tail_frames import frame_name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("==> /var/log/nginx/a.log <==", "/var/log/nginx/a.log"),
        ("==> standard input <==\n", "standard input"),
        ("==> a <== b <==\r\n", "a <== b"),
        ("==>  <==", None),
        ("==> a.log <== ", None),
        (" ==> a.log <==", None),
        ('192.0.2.1 - - [x] "==> a <=="', None),
        ("", None),
    ],
)
def test_a_frame_names_the_file_of_which_the_lines_follow(line: str, name: str | None) -> None:
    assert frame_name(line) == name
