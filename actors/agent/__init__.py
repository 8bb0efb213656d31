"""The agent: the tailer, and nothing behind it. Its logs go to a hub through Redis.

`agent` runs it, `following` is one sequence of entries from a position on, `gathering` makes
entries of what the tailer says, `mailbox` is the agent's part of Redis, `lease` its name there.

It must stay small: nothing here may import numpy, pyarrow or DuckDB.
"""
