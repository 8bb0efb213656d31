"""Redis: connections on trio, with hiredis as their parser.

The clients that know all of Redis take as much memory as an agent may have in all; a fleet needs
some twenty commands, and has to know for sure when a connection was lost.
"""
