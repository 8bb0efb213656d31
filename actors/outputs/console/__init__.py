"""The full-screen console.

`cells` measures and cuts text, `panels` turns a snapshot into rows of it, `screen` lays the rows
out for a size of terminal, `keys` and `styles` are what their names say; none of these knows a
terminal. `console` is the output: prompt-toolkit, in a thread of its own.
"""
