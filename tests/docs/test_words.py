"""What people read is plain English: CONTRIBUTING.md, Style."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.commands import registry

PROJECT = Path(__file__).parents[2]
PAGES = [
    *sorted(PROJECT.glob("*.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
    *sorted((PROJECT / "changelog.d").glob("*.md")),
    PROJECT / "Makefile",
]
SOURCES = sorted(
    path for name in ("glancemetrics", "actors", "docs") for path in (PROJECT / name).rglob("*.py")
)
MOST_WORDS = 30
"""Of a sentence in the README."""

BANNED = (
    # Phrases that were once written, and what took their place.
    "leaves a trail",  # keeps an audit trail
    "finds out by itself",  # detects automatically
    "made-up traffic",  # simulated traffic
    r"(is|are) told",  # is shown, is notified, is documented
    "told apart",  # distinct
    "could not be told",  # undelivered
    "what is to be",  # what runs
    "is but a",  # is only a
    "come along",  # built-in
    "comes along",
    "that is believed",  # trusted
    r"(is|are) believed",
    "says whom",
    "to do without",  # disables
    r"do without",
    "logs of itself",  # its own log
    "and nothing else",  # only
    "is called so",  # no such, duplicate name
    "are none",  # invalid
    "address is none",
    "taken of what",
    "nobody is told",  # no notifications
    "told otherwise",
    "nothing is silent",
    "stopped before the end",  # interrupted
    "belong into",  # belong in, must not be stored in
    "is known explains",
    "to be had",  # available
    "as fast as can be",  # as fast as possible
    "may not be read",  # permission denied
    "as soon as it may",
    "might mean another",  # ambiguous
    "read over",  # ignored
    "reporting a hole",
    "nothing comes",  # no requests
    "nothing parses",
    "by and by",
    "goes on",  # continues
    "going on as",
    "no more than",  # at most
    "but for",  # except
    "whom",
    "of which none",
    "said of",  # about
    "that which",
    "all together",  # total
    "at worst",  # peak
    "there is nothing in it",
    "nothing that it measures",
    "so much before now",  # that far behind real time
    "keep here what",  # directory for saved state
    "what now is",  # which clock to use
    "stuck and did not end",  # shutdown timed out
    "must be one question",  # must be a single SELECT
    "and not asked",  # not in the table
    "waiting for it to appear",  # waiting for FILE
    "is none of auto",  # did you mean ...?
    "answers of 5xx",  # of responses are 5xx
    "requests of scanners",  # requests for attack paths
    "silence can be told",
    "of what begins in them",
)
"""Regular expressions, in any case, with any white space where they have a space."""

ALLOWED = {
    ("glancemetrics/formats/log_format.py", "are none"),
    ("glancemetrics/formats/pattern.py", "are none"),
    ("actors/archive/reporting.py", "are none"),
}
"""(file, phrase): `None` or an empty value "if there are none" is what a programmer says."""


def banned_in(text: str) -> Iterator[str]:
    joined = " ".join(text.split())
    for phrase in BANNED:
        for found in re.finditer(rf"\b{phrase}\b", joined, re.IGNORECASE):
            yield f"{found[0]}: ... {joined[max(0, found.start() - 50) : found.end() + 50]} ..."


def helps() -> dict[str, str]:
    return {
        each.name or "glancemetrics": each.parser().format_help()
        for each in (registry.MONITOR, *registry.COMMANDS)
    }


HELPS = helps()


@pytest.mark.parametrize("name", HELPS)
def test_a_help_shows_defaults_in_brackets_with_their_unit(name: str) -> None:
    assert "(default: " not in HELPS[name]
    assert not re.findall(r"\[\s*[\d.,]+\s*\]", HELPS[name])
    assert not [*banned_in(HELPS[name])]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_page_is_plain(path: Path) -> None:
    assert not [*banned_in(path.read_text(encoding="utf-8"))]


def test_texts_in_the_code_are_plain() -> None:
    found = []
    used = set()
    for path in SOURCES:
        name = path.relative_to(PROJECT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)):
                continue
            said = node.value
            for one in banned_in(said if isinstance(said, str) else said.decode("latin-1")):
                exception = (name, one.partition(":")[0].lower())
                if exception in ALLOWED:
                    used.add(exception)
                else:
                    found.append(f"{name}:{node.lineno}: {one}")
    assert not found, "\n".join(found)
    assert used == ALLOWED


def test_comments_in_the_code_are_plain() -> None:
    found = []
    for path in SOURCES:
        with tokenize.open(path) as file:
            tokens = tokenize.generate_tokens(file.readline)
            comments = [one.string for one in tokens if one.type == tokenize.COMMENT]
        found += [f"{path.name}: {one}" for text in comments for one in banned_in(text)]
    assert not found, "\n".join(found)


def sentences(markdown: str) -> Iterator[str]:
    """Yield the sentences of a page, without code blocks, lists of links and pictures."""
    text = re.sub(r"^( {4}.*|#.*|!\[.*)$", "", markdown, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    for paragraph in re.split(r"\n\s*\n|\n- ", text):
        yield from re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split()))


def test_sentences_of_the_readme_are_short() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 110
    for sentence in sentences(text):
        assert len(sentence.split()) <= MOST_WORDS, sentence
