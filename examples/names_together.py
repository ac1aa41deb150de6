"""Two names together: which documents name both, and the sentences that do. Needs the export as a database.

fliesstext export --tables data/tables --to sqlite --out texts.db
python examples/names_together.py texts.db "Haifa" "Görlitz"
"""

import sqlite3
import sys

BOTH = """
SELECT a.source_uri, a.title FROM named_in a JOIN named_in b ON b.doc_id = a.doc_id
WHERE a.name = ? AND b.name = ? ORDER BY a.source_uri
"""
SAID = "SELECT DISTINCT sentence FROM mentions_in_context WHERE source_uri = ? AND text IN (?, ?)"

database, one, other = sys.argv[1:]
texts = sqlite3.connect(database)
for source_uri, title in texts.execute(BOTH, (one, other)).fetchall():
    print(f"{source_uri}: {title}")
    for (sentence,) in texts.execute(SAID, (source_uri, one, other)):
        print(f"    {sentence}")
texts.close()
