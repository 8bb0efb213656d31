"""Variables of the environment that are no settings. Light: the agent needs them too."""

from __future__ import annotations

CONFIG_VARIABLE = "GLANCEMETRICS_CONFIG"
"""The file of the settings."""
TOKEN_VARIABLE = "GLANCEMETRICS_TOKEN"  # noqa: S105 - the name of a variable
"""The token of commands that ask a server (`--at`)."""
PASSWORD_VARIABLE = "GLANCEMETRICS_REDIS_PASSWORD"  # noqa: S105 - the name of a variable
"""The password of the Redis of a fleet."""
TO_VARIABLE, NAME_VARIABLE = "GLANCEMETRICS_TO", "GLANCEMETRICS_NAME"
"""The fleet of an agent, and the name of its server."""

NO_SETTINGS = frozenset(
    [CONFIG_VARIABLE, TOKEN_VARIABLE, PASSWORD_VARIABLE, TO_VARIABLE, NAME_VARIABLE]
)
"""All of them."""
