"""Alert events as syslog messages, RFC 5424, and their framing on a stream, RFC 6587.

The event's fields are structured data; their values are escaped as section 6.3.3 requires, and
control characters are written out. The byte order mark that section 6.4 wants before UTF-8 is left
out: rsyslog would write it into its file.
"""

from __future__ import annotations

import json

import attrs

from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.syslog_names import FACILITIES, SEVERITIES
from glancemetrics.words.escaping import visible
from glancemetrics.words.instants import iso_time

_STRUCTURED_DATA_ID = "glancemetrics@32473"
"""The enterprise number reserved for documentation by RFC 5612: GlanceMetrics has none."""


@attrs.frozen
class SyslogFormat:
    """What every message of a run has in common."""

    facility: str
    alert_severity: str
    """Severity of an alert; its recovery is `notice`, start and stop of monitoring are `info`."""
    host: str
    process: int

    def message(self, event: AlertEvent) -> bytes:
        """Return the message, without framing."""
        priority = 8 * FACILITIES.index(self.facility) + self._severity(event)
        time = iso_time(event.time)
        data = "".join(
            f' {name}="{_parameter(value)}"'
            for name, value in event.to_json().items()
            if name != "message" and value is not None
        )
        host = "".join(c for c in self.host if 33 <= ord(c) <= 126)[:255] or "-"
        text = (
            f"<{priority}>1 {time} {host} glancemetrics {self.process} {event.kind.value} "
            f"[{_STRUCTURED_DATA_ID}{data}] {visible(event.message)}"
        )
        return text.encode()

    def _severity(self, event: AlertEvent) -> int:
        match event.kind:
            case AlertEventKind.TRIGGERED | AlertEventKind.FLAPPING:
                return self._alert_severity(event.incident)
            case AlertEventKind.RECOVERED:
                return SEVERITIES.index("notice")
            case _:
                return SEVERITIES.index("info")

    def _alert_severity(self, incident: Incident | None) -> int:
        """The configured one; for critical rules at least `crit`, for info rules at most `info`."""
        asked = SEVERITIES.index(self.alert_severity)
        match incident.severity if incident is not None else None:
            case "critical":
                return min(asked, SEVERITIES.index("crit"))
            case "info":
                return max(asked, SEVERITIES.index("info"))
            case _:
                return asked


def octet_counted(message: bytes) -> bytes:
    """Frame a message for a stream (RFC 6587 section 3.4.1, RFC 5425 section 4.3)."""
    return b"%d %s" % (len(message), message)


def _parameter(value: object) -> str:
    text = visible(value if isinstance(value, str) else json.dumps(value))
    for special in '\\"]':
        text = text.replace(special, "\\" + special)
    return text
