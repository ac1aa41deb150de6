"""Store: where published tables lie on a local disk, and who may write there.

`folder` (whose it is, who writes, what is cleared away), `snapshots` (the pointer, and reading), `publish` (the next
one).
"""
