"""Trained weights, each beside its card and the script that rebuilds it; `corpora` reads the annotated texts."""
