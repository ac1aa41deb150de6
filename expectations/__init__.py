"""Expectations: the rules of the table contract, parting good rows from bad, and the gate before publishing."""
