"""Values of a configuration as an error may show them: what may be a secret is left out.

People put an address with a token under a key that has a typing error, or under the wrong one, and
errors end up in logs and tickets.
"""

from __future__ import annotations

import re

_LONGEST = 120
_MAY_BE_SECRET = re.compile(
    r"@"  # user:password@host
    r"|^(?!(?:udp|tcp|tls|unix)://)[A-Za-z][A-Za-z0-9+.-]*://"  # webhooks; syslog has no secrets
    r"|://[^/\s]+/[^\s]"  # what follows a host
    r"|(?=[A-Za-z_+=-]*[0-9])[A-Za-z0-9_+=-]{20,}",  # a token
    re.MULTILINE,
)


def shown(value: object, *, is_known: bool = True) -> str | None:
    """Return a value as an error may show it; `None` if it may be a secret, or is too long.

    Texts are shown only under a key that is known, and is not one of a secret (`is_known`).
    """
    if isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if abs(value) < 10**18 else None
    if not isinstance(value, str) or not is_known or len(value) > _LONGEST:
        return None
    return None if _MAY_BE_SECRET.search(value) else repr(value)
