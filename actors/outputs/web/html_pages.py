"""Pages that are made here, without scripts: the login, and the documentation of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from glancemetrics.words.humane import capitalized


def _page(title: str, body: str, *, up: str = "") -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="dark light">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" href="{up}favicon.svg" type="image/svg+xml">\n'
        f'<link rel="stylesheet" href="{up}assets/pages.css">\n</head>\n<body>\n'
        f"{body}\n</body>\n</html>\n"
    )


def login_page(*, has_tokens: bool, has_users: bool, is_wrong: bool = False) -> str:
    """Return the page that asks for a token or a password; its form posts to itself."""
    fields = []
    if has_users:
        fields.append(
            '<label>Name<input name="name" autocomplete="username" autofocus></label>\n'
            '<label>Password<input name="password" type="password" '
            'autocomplete="current-password"></label>'
        )
    if has_tokens:
        fields.append('<label>Token<input name="token" type="password" autocomplete="off"></label>')
    between = '\n<p class="or">or</p>\n'
    wrong = '<p class="wrong" role="alert">Wrong name, password or token.</p>\n' if is_wrong else ""
    body = (
        '<main class="login">\n<h1>GlanceMetrics</h1>\n'
        f'{wrong}<form method="post">\n{between.join(fields)}\n'
        "<button>Log in</button>\n</form>\n</main>"
    )
    return _page("Log in – GlanceMetrics", body)


def unbuilt_page() -> str:
    """Return the page of an installation in which the page was not built."""
    return _page(
        "GlanceMetrics",
        "<main>\n<h1>GlanceMetrics</h1>\n<p>The page was not built into this installation. "
        "Install a wheel, or run <code>make web</code> in a clone.</p>\n"
        '<p>The API works: <a href="api/docs">its documentation</a>.</p>\n</main>',
    )


def problem_page(title: str, detail: str, path: str) -> str:
    """Return an error as a page; `path` is what was asked for."""
    up = "../" * (path.count("/") - 1)
    said = f"{capitalized(detail)}."
    return _page(
        f"{title} – GlanceMetrics",
        f"<main>\n<h1>{escape(title)}</h1>\n<p>{escape(said)}</p>\n"
        f'<p><a href="{up or "./"}">GlanceMetrics</a></p>\n</main>',
        up=up,
    )


def docs_page(document: Mapping[str, Any]) -> str:
    """Return an OpenAPI document as a page that loads nothing else."""
    return _page("API – GlanceMetrics", "\n".join(_docs(document)), up="../")


def _docs(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f"<header><h1>{escape(info['title'])} API</h1>"
    yield f"<p>{_marked(info['description'])} Version {escape(info['version'])}. "
    yield 'For programs: <a href="v1/openapi.json">OpenAPI document</a>. '
    yield '<a href="../">Back to the page</a>.</p></header>'
    yield "<main>"
    groups: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((path, method, operation))
    for group, operations in groups.items():
        yield f"<section><h2>{escape(group)}</h2>"
        for path, method, operation in operations:
            yield from _operation(path, method, operation)
        yield "</section>"
    yield "<section><h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        text = escape(json.dumps(schema, indent=2))
        yield f'<details id="{escape(name)}"><summary>{escape(name)}</summary>'
        yield f"<pre>{text}</pre></details>"
    yield "</section></main>"


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    anchor = escape(operation["operationId"])
    yield f'<article id="{anchor}"><h3>{method.upper()} {escape(path)}</h3>'
    yield f"<p>{_marked(operation['summary'])}</p>"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "<table><thead><tr><th>Parameter</th><th>Meaning</th></tr></thead><tbody>"
        for one in parameters:
            required = " (required)" if one["required"] else ""
            yield (
                f"<tr><td><code>{escape(one['name'])}</code>{required}</td>"
                f"<td>{_marked(one['description'])}{_values(one['schema'])}"
                f"{_default(one['schema'])}</td></tr>"
            )
        yield "</tbody></table>"
    for kind, content in (
        ("Takes", operation.get("requestBody", {}).get("content", {})),
        ("Returns", next(iter(operation["responses"].values())).get("content", {})),
    ):
        if content:
            yield f"<p>{kind} {', '.join(_media(media, content[media]) for media in content)}</p>"
    yield "</article>"


def _marked(text: str) -> str:
    """Return a text as HTML, with what is in backticks as code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:  # one without its other
        return escape(text)
    return "".join(f"<code>{one}</code>" if at % 2 else one for at, one in enumerate(parts))


def _values(schema: Mapping[str, Any]) -> str:
    known = schema.get("enum") or schema.get("items", {}).get("enum")
    if not known:
        return ""
    return f" One of: {', '.join(f'<code>{escape(str(one))}</code>' for one in known)}."


def _default(schema: Mapping[str, Any]) -> str:
    if "default" not in schema:
        return ""
    return f" Default: <code>{escape(json.dumps(schema['default']).strip(chr(34)))}</code>."


def _media(media: str, content: Mapping[str, Any]) -> str:
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    text = f"<code>{escape(media)}</code>"
    return f'{text} (<a href="#{escape(name)}">{escape(name)}</a>)' if name else text
