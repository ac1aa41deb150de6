"""The stages of the pipeline, in run order. Each is one module with plain functions; none knows Prefect.

1. `discover`: which sources are new, changed, unchanged, duplicate or deleted.
2. `read`: the bytes of one source become raw text, with the encoding and how it was found.
3. `reflow`: broken lines become blocks, with the map back to the raw characters.
4. `identify_language`: language and confidence of documents and blocks.
5. `split_sentences`: blocks become sentences.
6. `extract_entities`: names and values are found in sentences.
7. `link_entities`: mentions that name the same person, organisation or place become one entity.
8. `publish`: validated rows become an immutable snapshot behind one atomic pointer.

Beside them: `sources` (how a source and its files are named), `code_pages` (which 8-bit code page a text is in),
`names` and `values` (the engines and rules of `extract_entities`), `offsets` (from clean to raw characters),
`annotate` (stages 3 to 6 over a batch), `move` (documents of renamed files), `account` (how every source ended),
`snapshots` (where published tables lie, reading and locking them), `agree` (what the rows of one table must say of
others) and `verify` (published tables checked again).
"""
