"""What the pipeline promises when things go wrong, tried out. The long form: ``python -m tests.faults``."""
