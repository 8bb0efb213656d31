"""The OpenAPI 3.1 document of the API, made from the list of endpoints."""

from __future__ import annotations

from typing import Any

from glancemetrics.http_api.endpoints import ENDPOINTS, JSON, PROBLEM, Endpoint
from glancemetrics.http_api.schemas import SCHEMAS, ref

BASE = "/api/v1"

_PROBLEMS = {
    400: "The request is wrong; `detail` says what, in a sentence.",
    401: "A token or a password is needed.",
    403: "Not allowed: from another site, or without `--web-admin`.",
    404: "There is no such thing.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    421: "The host's name is not one of this server's (`--web-host`).",
    429: "Too many requests; `Retry-After` says when to come back.",
    503: "Cannot be answered now.",
}


def openapi(version: str, *, has_tokens: bool, has_users: bool) -> dict[str, Any]:
    """Return the document (OpenAPI 3.1.0, section 4)."""
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(BASE + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    schemes: dict[str, Any] = {}
    if has_tokens:
        schemes["token"] = {"type": "http", "scheme": "bearer"}
    if has_users:
        schemes["password"] = {"type": "http", "scheme": "basic"}
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
    if schemes:
        document["security"] = [{name: []} for name in schemes]
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
    if endpoint.method != "GET":
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
    found = {str(endpoint.status): good, "431": {"description": "The head is over 32 kB."}}
    if endpoint.method == "GET" and endpoint.media and endpoint.name != "events":
        found["304"] = {"description": "Unchanged since the `ETag` of `If-None-Match`."}
    for status in sorted(statuses):
        found[str(status)] = {
            "description": _PROBLEMS[status],
            "content": {PROBLEM: {"schema": ref("Problem")}},
        }
    return found
