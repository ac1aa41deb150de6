"""Tables: the contract of what is published, the accounts of a run, and the store.

`schemas` (the contract), `ids` (how rows are named), `offsets` (from clean to raw characters), `account` (how every
source ended), `move` (documents of renamed files), `agree` (what tables must say of each other), `verify` (published
tables checked again), `store`.
"""
