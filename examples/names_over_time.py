"""Names over time: how many documents name some people each month, as a plot (SVG). Needs the export as a database.

fliesstext export --tables data/tables --to sqlite --out texts.db
python examples/names_over_time.py texts.db names.svg "Anna Huber" "Claudia Alfons"

Months are those of publication; of documents that do not say it, those of their files (the view names_by_month).
"""

import sqlite3
import sys
from html import escape
from pathlib import Path

COLOURS = ("#0b5a63", "#8a2358", "#785200", "#2a4d9e")
COUNTED = "SELECT month, sum(n_documents) FROM names_by_month WHERE name = ? AND length(month) = 7 GROUP BY 1"

database, out, *names = sys.argv[1:]
texts = sqlite3.connect(database)
lines = {name: dict(texts.execute(COUNTED, (name,)).fetchall()) for name in names}
texts.close()
known = sorted({month for counted in lines.values() for month in counted}) or sys.exit("no document names any of them")
first, last = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (known[0], known[-1]))
months = [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(first, last + 1)]
most = max(max(counted.values(), default=0) for counted in lines.values())
drawn = []
for at, (name, counted) in enumerate(lines.items()):
    colour = COLOURS[at % len(COLOURS)]
    step = 640 / max(len(months) - 1, 1)
    points = " ".join(
        f"{40 + n * step:.1f},{260 - counted.get(month, 0) * 220 / most:.1f}" for n, month in enumerate(months)
    )
    drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    drawn.append(f'<text x="{40 + at * 170}" y="24" fill="{colour}">{escape(name)}</text>')
    print(f"{name}: " + ", ".join(f"{month} {n}" for month, n in sorted(counted.items())))
axis = f'<text x="40" y="290">{months[0]}</text><text x="680" y="290" text-anchor="end">{months[-1]}</text>'
head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 300" font-family="sans-serif">'
Path(out).write_text(f"{head}{''.join(drawn)}{axis}</svg>", encoding="utf-8")
