"""Conditions for what a person types without knowing the language of `--where`.

`404`, `5xx`, `POST`, `203.0.113.7`, `/api` and `googlebot` say clearly enough what is meant.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote

_METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
)
"""Source: RFC 9110, section 9, and RFC 5789."""
_WHOLE_PARTS = (8, 16, 24)
_ERRORS = frozenset({"errors", "error"})
_STATUS = re.compile(r"[1-5][0-9]{2}")
_CLASS = re.compile(r"([1-5])xx", re.IGNORECASE)
_PATH = re.compile(r"/[^\s'\"*()]*\*?")
_WORD = re.compile(r"[\w.-]+")
_TEXTS = ("path", "referrer", "agent", "host")


def condition_in(text: str, fields: frozenset[str] = frozenset()) -> str:
    """Return the condition for plain words; any other text as it is.

    `fields`: names that are no plain words.
    """
    text = text.strip()
    words = text.split()
    if len(words) > 1:
        return _together(words, fields) or text
    if text.lower() in _ERRORS:
        return "status >= 400"
    if network := _network(text):
        return network
    if found := _CLASS.fullmatch(text):
        return f"status BETWEEN {found[1]}00 AND {found[1]}99"
    # The first of these that holds.
    meanings = (
        (_STATUS.fullmatch(text), f"status = {text}"),
        (text.upper() in _METHODS, f"method = '{text.upper()}'"),
        (_is_address(text), f"host = '{text}'"),
        (_PATH.fullmatch(text), f"starts_with(path, '{text.rstrip('*')}')"),
        (_is_text(text, fields), _containing(text.lower())),
    )
    return next((condition for holds, condition in meanings if holds), text)


def _together(words: list[str], fields: frozenset[str]) -> str:
    """Return the condition for several plain words, such as `5xx /api`; empty if one is none."""
    found = []
    is_negated = False
    for word in words:
        if word.lower() == "not" and not is_negated:
            is_negated = True
            continue
        condition = condition_in(word, fields)
        if condition == word:
            return ""
        found.append(f"NOT ({condition})" if is_negated else f"({condition})")
        is_negated = False
    return "" if is_negated else " AND ".join(found)


def _network(text: str) -> str:
    """Return the condition for a network of whole parts of an address: `203.0.113.0/24`."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ""
    if "/" not in text or network.version != 4 or network.prefixlen not in _WHOLE_PARTS:
        return ""
    parts = str(network.network_address).split(".")[: network.prefixlen // 8]
    return f"starts_with(host, '{'.'.join(parts)}.')"


def is_searched(text: str, fields: frozenset[str] = frozenset()) -> bool:
    """Tell whether `condition_in` takes a text for one to look for, as it does with most words."""
    return condition_in(text, fields) == _containing(text.strip().lower())


def _is_text(text: str, fields: frozenset[str]) -> bool:
    return _is_word(text) and text.lower() not in fields


def _is_word(text: str) -> bool:
    is_plain = _WORD.fullmatch(text) is not None and not text.isdigit()
    return is_plain and text.lower() not in _LITERALS


def _containing(text: str) -> str:
    return " OR ".join(
        f"contains(lower({name}), '{written}')" for name in _TEXTS for written in spellings(text)
    )


def spellings(text: str) -> list[str]:
    """Return a text in lower case as logs may have it, quoted for SQL: also percent-encoded.

    Clients encode letters outside ASCII (RFC 3986, section 2.5), which are shown decoded.
    """
    written = text.lower().replace("'", "''")
    encoded = "".join(
        one if one.isascii() else quote(one, errors="surrogatepass") for one in written
    ).lower()
    return list(dict.fromkeys((written, encoded)))


_LITERALS = frozenset({"true", "false", "null", "not", "and", "or"})


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
