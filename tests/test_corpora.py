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

import glancemetrics as gm
from glancemetrics.formats.combined import decode
from glancemetrics.records.names import shortened
from glancemetrics.records.schema import rows
from tests.conftest import needs
from tests.waiting import Running

FOLDER = Path(
    os.environ.get("GLANCEMETRICS_CORPORA", Path(__file__).parents[2] / "shared" / "corpora")
)


def corpus(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


# Counted by hand: lines, requests that can be read, requests that cannot, other programs' lines.
@pytest.mark.parametrize(
    ("name", "found", "lines", "records", "rejects", "foreign"),
    [
        ("apache-combined-10k.log", "combined", 10_000, 10_000, 0, 0),  # one is cut in its agent
        ("apache-tls-on-plain-port.log", "combined", 11, 11, 0, 0),
        ("aws-alb.log", "aws-alb", 14, 14, 0, 0),
        ("aws-cloudfront-headless.log", "aws-cloudfront", 2, 2, 0, 0),
        ("caddy-json-in-compose-output.log", "caddy in compose", 39, 4, 0, 35),
        ("caddy-json.log", "caddy", 4, 4, 0, 0),
        ("combined-empty-request.log", "combined", 1, 1, 0, 0),
        ("combined-with-a-bad-line.log", "combined", 3, 2, 1, 0),  # no identity and user
        ("envoy-json-in-kubernetes-cri.log", "envoy-json + envoy in cri", 10, 10, 0, 0),
        ("fastly-json-behind-syslog.log", "fastly in rfc3164", 4, 4, 0, 0),
        ("haproxy-syslog-2.log", "haproxy in rfc3164", 1, 1, 0, 0),
        # Three proxies that started, and a handshake that failed.
        ("haproxy-syslog.log", "haproxy in rfc3164", 17, 13, 0, 4),
        ("iis-advanced.log", "iis", 10, 3, 0, 7),  # directives and empty lines
        ("iis-w3c-v4-header-changes.log", "iis", 22, 14, 0, 8),
        ("iis-w3c.log", "iis", 254, 210, 0, 44),
        ("jira-vhost-custom.log", "combined with more", 2, 2, 0, 0),
        # A line without a user, and one of an error log.
        ("nginx-combined.log", "combined + vhost-first", 9, 7, 1, 1),
        ("nginx-proxy-manager-mixed.log", "nginx-proxy-manager + combined", 14, 12, 0, 2),
        ("nginx-shop-1k.log", "combined with more", 1000, 1000, 0, 0),
        ("nginx-vhost-malformed-requests.log", "vhost-first", 13, 12, 0, 1),  # one is empty
        ("traefik-clf.log", "traefik", 9, 7, 0, 2),  # two are empty
        ("traefik-json.log", "traefik-json", 7, 6, 0, 1),  # a plugin has its say
    ],
)
def test_every_log_is_detected_and_every_request_in_it_read(
    name: str, found: str, lines: int, records: int, rejects: int, foreign: int
) -> None:
    report = gm.report(corpus(name))
    assert report.sources[0].format == found
    assert (report.lines, report.hits) == (lines, records)
    assert (report.rejects.count, report.foreign) == (rejects, foreign)


def test_no_log_of_the_folder_is_left_out() -> None:
    mark = test_every_log_is_detected_and_every_request_in_it_read.pytestmark[0]
    tested = {arguments[0] for arguments in mark.args[1]}
    assert {path.name for path in corpus("README.md").parent.glob("*.log")} == tested


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
def test_logs_in_formats_that_are_given(
    name: str, log_format: str, lines: int, records: int
) -> None:
    report = gm.report(corpus(name), format=log_format)
    assert (report.lines, report.hits, report.foreign) == (lines, records, lines - records)
    assert report.rejects.count == 0


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
    # One line is cut in its agent: it is a request, but awk does not know which.
    lines = source.read_bytes().splitlines(keepends=True)
    data = b"".join(line for line in lines if line.endswith(b'"\n'))

    def append() -> None:
        with log.open("ab", buffering=0) as file:
            for start in range(0, len(data), 30_011):  # cuts lines anywhere
                file.write(data[start : start + 30_011])
                time.sleep(0.02)

    with Running(
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
        # The last second is in the window when it has closed.
        while snapshot.get("hits") != 9_999:
            assert time.monotonic() < deadline
            snapshot = json.loads(process.stdout.readline())
        writer.join()
        process.terminate()
    health = snapshot["health"]
    assert health["lines"] == 9_999
    assert (health["records"], health["rejects"], health["late"]) == (9_999, 0, 0)
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
