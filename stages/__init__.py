"""Stages: what is done to the data, in the order of the run; none knows Prefect.

1. `discover`: which sources are new, changed, unchanged, moved, duplicate or gone.
2. `read`: the bytes of one source become raw documents, with encoding, layout and metadata.
3. `reflow`: broken lines become blocks, with the map back to the raw characters.
4. `identify_language`: language and confidence of documents and blocks.
5. `split_sentences`: blocks become sentences.
6. `extract_entities`: names and values are found in sentences.
7. `link_entities`: mentions that name the same person, organisation or place become one entity.
8. `find_duplicates`: texts that are nearly the same are one cluster.
9. `correct`: what people have put right by hand is applied.
10. `annotate`: stages 3 to 7 over a batch, as far as they look at one document alone.

A stage may use those before it and what lies below them all: `tables` (the contract, how every source ended, the
store of what is published), `lookups` and `models` (known cases and trained weights as data) and `errors`.
"""
