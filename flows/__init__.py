"""Flows: the wiring around the stages. `refresh` is the main flow, `cli` the command line."""
