"""The OpenAPI 3.1 document of the API, made from the list of endpoints."""

from __future__ import annotations

from typing import Any

from glancemetrics.formats.posted_keys import MOST_KEY
from glancemetrics.http_api.endpoints import ENDPOINTS, JSON, PROBLEM, Endpoint
from glancemetrics.http_api.schemas import SCHEMAS, ref
from glancemetrics.http_api.sent_lines import CODINGS

BASE = "/api/v1"

_PROBLEMS = {
    400: "The request is wrong; `detail` says what, in a sentence.",
    401: "A token or a password is needed.",
    403: "Not allowed: from another site, or without `--web-admin`.",
    404: "There is no such thing.",
    408: "The body arrived too slowly.",
    409: "A request with the same `Idempotency-Key` is in progress.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "The `Idempotency-Key` was used for other lines.",
    421: "The host's name is not one of this server's (`--web-host`).",
    429: "Too many requests; `Retry-After` says when to come back.",
    503: "Cannot be answered now.",
}


_HEADERS_OF_SENDERS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A text of your choice for this batch: sent again with it, for a day, its "
        "lines are not counted again (draft-ietf-httpapi-idempotency-key-header).",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": MOST_KEY},
    },
    {
        "name": "Content-Encoding",
        "in": "header",
        "description": "How the body is compressed.",
        "required": False,
        "schema": {"type": "string", "enum": ["identity", *CODINGS.split(", ")]},
    },
]
_ANY_BODY: dict[str, dict[str, Any]] = {
    "text/plain": {"type": "string", "description": "A line each, ended by a newline."},
    "application/x-ndjson": {"type": "string", "description": "A JSON value on each line."},
    "application/json": {
        "type": "array",
        "items": {"type": ["object", "string"]},
        "description": "A line in each: an object as it is, or what a shipper has put its line in.",
    },
}


def openapi(
    version: str, *, has_tokens: bool, has_users: bool, has_senders: bool = False
) -> dict[str, Any]:
    """Return the document (OpenAPI 3.1.0, section 4)."""
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        operation = _operation(endpoint)
        if endpoint.is_for_senders:
            operation["security"] = [{"sender": []}] if has_senders else []
        paths.setdefault(BASE + endpoint.path, {})[endpoint.method.lower()] = operation
    schemes: dict[str, Any] = {}
    if has_tokens:
        schemes["token"] = {"type": "http", "scheme": "bearer"}
    if has_users:
        schemes["password"] = {"type": "http", "scheme": "basic"}
    viewers: list[dict[str, list[str]]] = [{name: []} for name in schemes]
    if has_senders:
        schemes["sender"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `--web-senders`; also `Basic` with the token as password.",
        }
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "GlanceMetrics",
            "version": version,
            "description": "Web traffic as it is now and as it was, alerts, and their rules.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": schemes},
    }
    if viewers:
        document["security"] = viewers
    return document


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "tags": [endpoint.group],
        "responses": _responses(endpoint),
    }
    parameters = [
        {
            "name": one.name,
            "in": "query",
            "description": one.about,
            "required": one.is_required,
            "schema": dict(one.schema),
        }
        for one in endpoint.parameters
    ]
    if endpoint.is_for_senders:
        parameters += _HEADERS_OF_SENDERS
    elif endpoint.method != "GET":
        parameters.append(
            {
                "name": "X-GlanceMetrics",
                "in": "header",
                "description": "Must be there: no page of another site can send it.",
                "required": True,
                "schema": {"type": "string", "const": "1"},
            }
        )
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": ref(endpoint.body)}},
        }
    if endpoint.takes:
        operation["requestBody"] = {
            "required": True,
            "content": {media: {"schema": _ANY_BODY[media]} for media in endpoint.takes},
        }
    return operation


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "What was asked for."}
    if endpoint.media:
        good["content"] = {
            media: {"schema": ref(endpoint.answer) if media == JSON else {"type": "string"}}
            for media in endpoint.media
        }
    statuses = [400, 401, 403, 421, 429, 503]
    if endpoint.may_be_missing:
        statuses.append(404)
    if endpoint.body is not None:
        statuses += [413, 415]
    if endpoint.is_for_senders:
        statuses += [408, 409, 413, 415, 422]
    found = {str(endpoint.status): good, "431": {"description": "The head is over 32 kB."}}
    if endpoint.method == "GET" and endpoint.media and endpoint.name != "events":
        found["304"] = {"description": "Unchanged since the `ETag` of `If-None-Match`."}
    for status in sorted(statuses):
        found[str(status)] = {
            "description": _PROBLEMS[status],
            "content": {PROBLEM: {"schema": ref("Problem")}},
        }
    return found
