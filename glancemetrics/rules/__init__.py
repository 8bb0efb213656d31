"""Alert rules. `rule.py` is the interface; `rule_tables.py` reads `[[rule]]` tables."""
