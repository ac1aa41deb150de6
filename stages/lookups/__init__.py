"""Known single cases as data, each file with its source."""
