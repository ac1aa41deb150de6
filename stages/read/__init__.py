"""Read: files become raw texts, each with the encoding that was found and how.

`text` (plain text, also compressed), `code_pages` and `east_asian` (which encoding it is in), `again` (what was
published).
"""
