"""Discover: which files below the named sources are new, changed, moved, unchanged, duplicate or deleted."""
