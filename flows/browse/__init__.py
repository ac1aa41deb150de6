"""Browse: a local web page over what is published: overview, search, documents beside their raw text, entities."""
