"""Which files of a directory are logs that are being written, by their names."""

from __future__ import annotations

import pytest

from glancemetrics.lines.log_names import current_logs


@pytest.mark.parametrize(
    ("names", "current"),
    [
        (
            "access.log access.log.1 access.log.2.gz error.log error.log.1 shop-access.log",
            "access.log shop-access.log",
        ),
        ("access_log access_log-20261123 error_log ssl_access_log", "access_log ssl_access_log"),
        (
            "localhost_access_log.2026-11-24.txt localhost_access_log.2026-11-25.txt",
            "localhost_access_log.2026-11-25.txt",
        ),
        ("u_ex261124.log u_ex261125.log u_ex261126.log", "u_ex261126.log"),
        ("access.log-2026112305 access.log.old access.log~ .access.log.swp a.log", "a.log"),
        ("access.2026-11-25.log access.2026-11-26.log", "access.2026-11-26.log"),
        ("proxy-host-1_access.log proxy-host-12_access.log proxy-host-1_error.log",
         "proxy-host-12_access.log proxy-host-1_access.log"),
        ("nginx.conf index.html readme.toml haproxy.log", "haproxy.log"),
    ],
)  # fmt: skip
def test_rotated_compressed_and_other_files_are_left_out(names: str, current: str) -> None:
    assert current_logs(names.split()) == current.split()
