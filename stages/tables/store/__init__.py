"""Store: where published tables lie."""
