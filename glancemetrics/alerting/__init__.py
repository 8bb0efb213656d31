"""Alerting: records are counted for rules, rules are evaluated, and incidents come and go.

`counting.py` makes counts of records, `watch.py` evaluates one rule over them, by what
`measuring.py` makes of them in windows; `lifecycle.py` says when a breach is an incident, and
`alerting.py` puts it together.
"""
