"""Alerting: counts records for rules, evaluates the rules, opens and closes incidents.

`counting.py` counts records; `measuring.py` turns counts into values of windows; `judge.py`
compares them with a rule; `watch.py` keeps a rule's groups and their incidents (when they begin and
end is decided in `incidents/lifecycle.py`); `alerting.py` puts it together; `replay.py` does the
same over old logs.
"""
