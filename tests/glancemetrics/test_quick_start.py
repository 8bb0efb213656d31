"""What the program leaves out to start quickly, and that nobody misses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CLASSES = """
import json, sys
import attrs
{before}

def made():
    @attrs.frozen
    class Inner:
        size: int
        secret: str = attrs.field(repr=False)
        text: str = attrs.field(default="é", repr=lambda text: text.upper())
        _own: tuple = ()

    @attrs.define
    class Outer(Inner):
        later: int = attrs.field(init=False)
        inner: object = None

    @attrs.define(repr=False)
    class Hidden(Inner):
        password: str = "p"

    @attrs.define(repr=False)
    class Named(Exception):
        why: str = ""

    plain = Inner(1, "s")
    outer = Outer(2, "s", inner=[plain])
    outer.inner.append(outer)
    return [repr(one) for one in (plain, outer, Hidden(3, "s"), Named("w"))] + [str(plain)]

print(json.dumps(made()))
"""


def _made(before: str) -> bytes:
    script = CLASSES.format(before=before)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_objects_are_shown_as_attrs_shows_them() -> None:
    start = "from glancemetrics.quick_start import start_quickly; start_quickly()"
    assert _made(start) == _made("")
    assert b"Outer(size=2, text=" in _made(start)


@pytest.mark.parametrize("what", ["attr._make._ClassBuilder.add_repr", "attr._make"])
def test_another_attrs_is_left_as_it_is(what: str) -> None:
    script = (
        f"import attr, attr._make; del {what}; "
        "from glancemetrics.quick_start import start_quickly; start_quickly()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_who_needs_yaml_gets_it() -> None:
    """As apprise may, which sends notifications."""
    script = (
        "import sys; from glancemetrics.quick_start import NotNeeded; "
        "sys.meta_path.insert(0, NotNeeded); import ua_parser; "
        "assert 'yaml' not in sys.modules; import yaml; yaml.SafeLoader"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
