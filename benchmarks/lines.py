"""Realistic lines that are generated once and get their time when written."""

from __future__ import annotations

import time

from glancemetrics.simulation import Shape, Traffic


def stamp(second: float) -> bytes:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second)).encode()


def fixed_lines(count: int, seed: int = 1) -> list[bytes]:
    """Return combined lines in pieces: the text before, between and after their times."""
    made = b"".join(Traffic(Shape(count), seed=seed).seconds(0, count))
    moment = stamp(0)
    return made.replace(stamp(1), moment).split(moment)
