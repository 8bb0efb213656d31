"""Values of the client are what the schemas of the API say."""

from __future__ import annotations

import attrs
import pytest

from glancemetrics.http_api.monitor_values import Incident, Pending, Rule, Silence, value_of
from glancemetrics.http_api.schemas import SCHEMAS


@pytest.mark.parametrize(
    ("kind", "schema", "left_out"),
    [
        (Incident, SCHEMAS["Incident"], set()),
        (Rule, SCHEMAS["Rule"], {"chart"}),
        (Silence, SCHEMAS["Silence"], set()),
        (Pending, SCHEMAS["Alerts"]["properties"]["pending"]["items"], set()),
    ],
)
def test_each_field_of_the_schema_has_a_place(
    kind: type, schema: dict[str, dict[str, object]], left_out: set[str]
) -> None:
    named = {one.metadata.get("json", one.name) for one in attrs.fields(kind)}
    assert named == schema["properties"].keys() - left_out


def test_fields_of_a_newer_server_are_ignored() -> None:
    silence = value_of(Silence, {"pattern": "*", "until": 0, "why": "", "rules": [], "who": "me"})
    assert silence.until.year == 1970
    with pytest.raises(KeyError):
        value_of(Silence, {"pattern": "*"})
