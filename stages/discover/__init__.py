"""Discover: what the sources of a run hold, and what becomes of every path below them.

`sources` (what the user named), `selection` (what is passed over), `file_kinds` and `forms` (what a name says of a
file), `files` (what is there), `decide` (new, changed, moved, gone).
"""
