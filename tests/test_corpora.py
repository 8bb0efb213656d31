"""Real logs, from a folder beside the project; skipped where it is missing.

The corpora are not ours to ship. `GLANCEMETRICS_CORPORA` names the folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from glancemetrics.formats.combined import decode
from glancemetrics.formats.notations import read_format
from glancemetrics.names import shortened
from glancemetrics.records import rows
from tests.conftest import needs

FOLDER = Path(
    os.environ.get("GLANCEMETRICS_CORPORA", Path(__file__).parents[2] / "shared" / "corpora")
)


def corpus(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


@pytest.mark.parametrize(
    ("name", "lines", "records"),
    [
        ("apache-combined-10k.log", 10_000, 9_999),  # one line is cut within its user agent
        ("apache-tls-on-plain-port.log", 11, 11),
        ("nginx-combined.log", 9, 4),  # a virtual host first, no user, an error log's line
        ("combined-with-a-bad-line.log", 3, 2),
        ("combined-empty-request.log", 1, 1),
    ],
)
def test_every_line_is_accounted_for(name: str, lines: int, records: int) -> None:
    data = corpus(name).read_bytes()
    decoded = decode(data if data.endswith(b"\n") else data + b"\n")
    assert (decoded.lines, decoded.batch.num_rows) == (lines, records)
    assert decoded.rejects == lines - records


COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
)


@pytest.mark.parametrize(
    ("name", "log_format", "lines", "records"),
    [
        ("nginx-shop-1k.log", f'{COMBINED} "$http_x_forwarded_for"', 1000, 1000),
        ("nginx-vhost-malformed-requests.log", f"$host {COMBINED}", 13, 12),  # one is empty
        (
            "jira-vhost-custom.log",
            r"%v:%p %h %{id}o %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %D",
            *(2, 2),
        ),
        ("traefik-clf.log", "traefik", 9, 7),  # two are empty
    ],
)
def test_logs_in_other_formats(name: str, log_format: str, lines: int, records: int) -> None:
    data = corpus(name).read_bytes()
    decoded = read_format(log_format).decode(data if data.endswith(b"\n") else data + b"\n")
    assert (decoded.lines, decoded.batch.num_rows) == (lines, records)
    assert {sample.reason for sample in decoded.samples} <= {"the line is empty"}


def test_tls_handshakes_on_a_plain_port_are_malformed_requests() -> None:
    data = corpus("apache-tls-on-plain-port.log").read_bytes()
    malformed = [record.request for record in rows(decode(data).batch) if record.request]
    assert malformed
    assert all(text.startswith(r"\x16\x03") for text in malformed)


# Hits, bytes and errors by name; only lines that end as a combined line does.
BY_WORD = r"""/"$/ { %s; h[k]++; b[k] += $10; e[k] += ($9 >= 400) }
END { for (k in h) printf "%%s\t%%.0f %%.0f %%.0f\n", k, h[k], b[k], e[k] }"""
BY_QUOTE = r"""/"$/ { split($3, n, " "); k = %s; if (k == "-") next
h[k]++; b[k] += n[2]; e[k] += (n[1] >= 400) }
END { for (k in h) printf "%%s\t%%.0f %%.0f %%.0f\n", k, h[k], b[k], e[k] }"""

AWK = {
    "hosts": (" ", BY_WORD % "k = $1"),
    "paths": (" ", BY_WORD % 'split($7, q, "?"); k = q[1]'),
    "sections": (" ", BY_WORD % 'split($7, q, "?"); split(q[1], p, "/"); k = "/" p[2]'),
    "methods": (" ", BY_WORD % "k = substr($6, 2)"),
    "status": (" ", BY_WORD % "k = $9"),
    "referrers": ('"', BY_QUOTE % "$4"),
    "agents": ('"', BY_QUOTE % "$6"),
}


def awk(separator: str, program: str, path: Path) -> dict[str, list[int]]:
    """Count with awk: name, then hits, bytes and errors."""
    output = subprocess.run(
        ["awk", "-F", separator, program, str(path)], check=True, capture_output=True
    ).stdout.decode()
    return {
        shortened(name): [int(number) for number in numbers.split()]
        for name, _, numbers in (text.partition("\t") for text in output.splitlines())
    }


def test_a_real_log_appended_while_it_is_followed_gives_the_counts_that_awk_gives(
    tmp_path: Path,
) -> None:
    needs("awk")
    source = corpus("apache-combined-10k.log")
    log = tmp_path / "access.log"
    log.write_bytes(b"")

    def append() -> None:
        data = source.read_bytes()
        with log.open("ab", buffering=0) as file:
            for start in range(0, len(data), 30_011):  # cuts lines anywhere
                file.write(data[start : start + 30_011])
                time.sleep(0.02)

    with subprocess.Popen(
        [sys.executable, "-m", "glancemetrics", "-f", str(log), "--json", "-r", "0.3"]
        + ["--timewindow", "400000", "--alert-log", "off"]  # more than the log spans
        + ["--section_limit", "100000", "--top_limit", "100000"],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        writer = threading.Thread(target=append)
        writer.start()
        snapshot: dict = {}
        deadline = time.monotonic() + 60
        while snapshot.get("health", {}).get("lines") != 10_000:
            assert time.monotonic() < deadline
            snapshot = json.loads(process.stdout.readline())
        writer.join()
        process.terminate()
    health = snapshot["health"]
    assert (health["records"], health["rejects"], health["late"]) == (9_999, 1, 0)
    assert health["clock"] == "log"
    for name, (separator, program) in AWK.items():
        counted = {
            row["name"]: [row["hits"], row["bytes"], row["errors"]] for row in snapshot["top"][name]
        }
        assert counted == awk(separator, program, log), name
    statuses = awk(*AWK["status"], log)
    assert snapshot["hits"] == sum(hits for hits, _, _ in statuses.values()) == 9_999
    assert snapshot["bytes"] == sum(size for _, size, _ in statuses.values())
    assert snapshot["errors"] == sum(errors for _, _, errors in statuses.values())
    assert snapshot["visitors"] == len(awk(*AWK["hosts"], log))
    assert snapshot["estimated"] == []
