"""Alerting: records are counted for rules, rules are evaluated, and incidents come and go.

`counting.py` makes counts of records, `judge.py` says what one rule says of them, by what
`measuring.py` makes of them in windows; `watch.py` knows its groups and their incidents, of which
`lifecycle.py` says when they begin and end; `alerting.py` puts it together, and `replay.py` does so
over old logs.
"""
