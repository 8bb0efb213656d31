"""A log of another generator than `glancemetrics generate`: all values are drawn evenly.

Real traffic has favourites, which every cache likes. Here each host, path and agent is as likely as
any other, so most lines have a host that is new or was last seen long ago: the worst that a log of
this size can do to tables of texts, short of no value ever coming twice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.lines import stamp

_HOSTS, _REQUESTS, _AGENTS = 920_000, 108_000, 400
_PER_SECOND = 100
_BATCH = 100_000
_FIRST_SECOND = 1_795_000_000
_STATUSES = np.array([200] * 17 + [301, 404, 500])


def write_even_log(path: Path, lines: int, seed: int = 7) -> Path:
    """Write a combined log: some 145 bytes a line, 608,000 hosts in a million lines."""
    random = np.random.default_rng(seed)
    requests = [
        f"{'POST' if number % 20 == 0 else 'GET'} /section-{number % 50}/page/{number:x} HTTP/1.1"
        for number in range(_REQUESTS)
    ]
    agents = [
        f"Mozilla/5.0 (X11; Linux x86_64) Firefox/{100 + number % 40}.{number // 40}"
        for number in range(_AGENTS)
    ]
    with path.open("w") as file:
        for begin in range(0, lines, _BATCH):
            count = min(_BATCH, lines - begin)
            # 2654435761 is odd: one to one modulo 2 ** 32 (Knuth's multiplicative hash).
            hosts = random.integers(0, _HOSTS, count) * 2_654_435_761 & 0xFFFF_FFFF
            columns = zip(
                hosts.tolist(),
                random.integers(0, _REQUESTS, count).tolist(),
                random.integers(0, _AGENTS, count).tolist(),
                random.choice(_STATUSES, count).tolist(),
                random.integers(100, 100_000, count).tolist(),
                strict=True,
            )
            for number, (host, request, agent, status, size) in enumerate(columns, begin):
                address = f"{host >> 24}.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}"
                date = stamp(_FIRST_SECOND + number // _PER_SECOND).decode()
                file.write(
                    f'{address} - - [{date}] "{requests[request]}" {status} {size} "-" '
                    f'"{agents[agent]}"\n'
                )
    return path
