"""The frame of a self-contained page.

Its policy allows only its own script (Content Security Policy Level 3, hashes), and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from glancemetrics.words.escaping import visible


def text_of(text: str) -> str:
    """Escape text from a log for a page."""
    return escape(visible(text))


def document(title: str, body: Iterable[str], *, scripted: bool) -> str:
    """Build a page; `title` is plain text, `body` is HTML.

    With `scripted`, tables can be sorted, searched and folded.
    """
    here = files("glancemetrics.reporting.html")
    style = here.joinpath("page.css").read_text(encoding="utf-8")
    script = here.joinpath("page.js").read_text(encoding="utf-8") if scripted else ""
    scripts = f"script-src '{_digest(script)}'; " if scripted else ""
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; {scripts}"
        "base-uri 'none'; form-action 'none'"
    )
    run = f"<script>{script}</script>\n" if scripted else ""
    lines = "\n".join(body)
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text_of(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{lines}\n{run}</body>\n</html>\n"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
