"""A fleet whose parts are killed, cut off, emptied and rotated: each line of each server once.

What the hub has counted, by server and second, is held against the files.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.conftest import thorough
from tests.redis import Redis
from tests.torture.fleet import AGENTS, FLEET, Faults, Fleet
from tests.waiting import free_port

pytestmark = pytest.mark.torture

SECONDS = int(os.environ.get("FLEET_SECONDS", thorough(8, 210)))
AOF = {
    "everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
    "always": ("--appendonly", "yes", "--appendfsync", "always"),
    "none": ("--appendonly", "no"),
}


@pytest.fixture(params=[*AOF, "secure"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    if request.param == "secure":
        made = secure_fleet(tmp_path)
    else:
        made = Fleet(tmp_path, redis=Redis(tmp_path / "redis", AOF[request.param]))
    try:
        made.start()
        made.until_heard()  # what is rotated before an agent has seen it is not for the agent
        made.write()
        yield made
    finally:
        made.close()


def secure_fleet(folder: Path) -> Fleet:
    """A fleet whose Redis wants certificates of clients, and users as `agent-user` prints them."""
    authority = trustme.CA()
    issued = {name: authority.issue_cert("localhost") for name in ("server", "hub", *AGENTS)}
    for name, cert in issued.items():
        cert.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    users = folder / "users"
    users.write_text("user default off\nuser admin on >admin ~* &* +@all\n")
    port, server = free_port(), str(folder / "server.pem")
    redis = Redis(
        folder / "redis",
        ("--port", "0", "--tls-port", str(port), "--tls-auth-clients", "yes",
         "--tls-cert-file", server, "--tls-key-file", server,
         "--tls-ca-cert-file", str(folder / "ca.pem"), "--aclfile", str(users)),
        port,
        ("--tls", "--cacert", str(folder / "ca.pem"), "--cert", server, "--key", server,
         "--user", "admin", "--pass", "admin", "--no-auth-warning"),
    )  # fmt: skip
    redis.start()
    for name in ("hub", *AGENTS):
        who = "--hub" if name == "hub" else name
        printed = subprocess.run(
            [sys.executable, "-m", "glancemetrics", "agent-user", who, "--fleet", FLEET],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip
        assert redis.run(line=printed) == "OK"
        (folder / f"{name}.password").write_text(printed.split(" >")[1].split()[0])
    redis.run("ACL", "SAVE")
    return Fleet(
        folder,
        redis=redis,
        query=lambda name: (
            f"rediss://{name}@",
            f"&ca={folder}/ca.pem&cert={folder}/{name}.pem&password-file={folder}/{name}.password",
        ),
    )


def test_each_line_is_counted_once_whatever_happens(
    fleet: Fleet, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("FLEET_SEED", random.randrange(1 << 32)))
    record_property("seed", seed)
    dice = random.Random(seed)
    faults = Faults(fleet, dice)
    kinds = [getattr(faults, name) for name in sorted(vars(Faults)) if not name.startswith("_")]
    happened = []
    until = time.monotonic() + SECONDS
    # Each kind happens; which is next is left to chance.
    left: list[Callable[[], None]] = []
    time.sleep(1)
    while time.monotonic() < until:
        left = left or dice.sample(kinds, len(kinds))
        fault = left.pop()
        happened.append(fault.__name__)
        fault()
        time.sleep(dice.uniform(0, 1.5))
    fleet.stop_writing()
    written = fleet.totals()
    deadline = time.monotonic() + 60
    while fleet.counted() != written and time.monotonic() < deadline:
        time.sleep(0.5)
    assert fleet.counted() == written, (seed, happened, fleet.errors())
    fleet.hub.end(signal.SIGTERM)
    kept, lines = fleet.in_history(), fleet.lines()
    assert kept == lines, (seed, happened, kept - lines, lines - kept)
