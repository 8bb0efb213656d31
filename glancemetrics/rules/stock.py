"""Built-in rules: quiet on a healthy site, loud on a sick one.

They are written like anyone's rules; docs/guides/alerts.md gives the reasons for the numbers.
"""

from __future__ import annotations

import functools

from glancemetrics.rules.rule import Rule
from glancemetrics.rules.rule_tables import read_rules

STOCK_RULES = """\
[[rule]]
name = "Server errors"
metric = "status_ratio(5xx)"
above = 0.05
recover_below = 0.02
window = "2m"
for = "30s"
keep_firing = "2m"
min_hits = 60
severity = "critical"

[[rule]]
name = "Client errors"
metric = "status_ratio(4xx)"
above = 0.4
recover_below = 0.3
window = "5m"
for = "5m"
keep_firing = "5m"
min_hits = 150
severity = "info"

[[rule]]
name = "Nothing served"
metric = "hits"
change = "0.02x over 15m and 30m ago"
window = "3m"
min_hits = 60
severity = "critical"

[[rule]]
name = "Traffic drop"
metric = "rate"
change = "0.3x over 30m and 1h ago"
window = "5m"
for = "5m"
keep_firing = "5m"
min_hits = 300
severity = "warning"

[[rule]]
name = "Traffic surge"
metric = "rate"
change = "4x over 30m and 1h ago"
window = "5m"
for = "2m"
keep_firing = "10m"
min_hits = 600
severity = "warning"

[[rule]]
name = "Slow responses"
metric = "p95"
change = "3x over 30m and 1h ago"
window = "5m"
for = "2m"
keep_firing = "5m"
min_hits = 100
severity = "warning"

[[rule]]
name = "Scanner"
scan = "paths"
keep_firing = "10m"
severity = "info"

[[rule]]
name = "Attack paths"
scan = "attacks"
keep_firing = "10m"
severity = "info"

[[rule]]
name = "Password guessing"
scan = "logins"
keep_firing = "10m"
severity = "warning"

[[rule]]
name = "Unparsed lines"
metric = "reject_ratio"
above = 0.1
recover_below = 0.05
window = "5m"
for = "1m"
keep_firing = "5m"
min_hits = 60
severity = "warning"
"""


@functools.cache
def stock_rules() -> tuple[Rule, ...]:
    """Return the built-in rules."""
    return tuple(read_rules(STOCK_RULES, "the built-in rules"))
