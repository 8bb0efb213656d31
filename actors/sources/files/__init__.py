"""The tailer: follows sources and hands on whole lines.

`identity` tells files apart, `position` says where to begin, `path_follower` reads one path
through rotations, `waking` says when to look again, `paths` expands globs, `standard_input` reads
a pipe. `tail` runs them.
"""
