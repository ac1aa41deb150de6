"""A folder of every kind of file that a newsroom has: what a page shows of each is what its reader took from it."""

import json
import zipfile
from email.message import EmailMessage
from pathlib import Path

import polars as pl

from tests.benchmarks.formats import docx
from tests.stages.read.print_pdf import article
from tests.stages.read.test_ocr_xml import alto, text_block

HOUSE = "Die Direktorin Anna Huber hat am Montag das Museum in Köln eröffnet. Anna Huber dankte der Stadt."
MARKET = (
    "Der Stadtrat von Lindau hat am Dienstag den Umbau des alten Marktes beschlossen. Bürgermeisterin Claudia Alfons "
    "sprach von einem guten Tag für die Händler. Die Arbeiten beginnen im Herbst und dauern bis zum nächsten Sommer. "
    "Am Rand des Platzes sollen zwölf Linden gepflanzt werden, dazu kommen Bänke und ein Brunnen aus Sandstein."
)
BRIDGE = [
    "Anna Huber aus Köln hat gestern die",
    "neue Brücke über den Rhein besucht und",
    "dort mit Peter Sommer gespro-",
    "chen.",
]
WORD = '<span class="ocrx_word" title="bbox {} {} {} {}; x_wconf {}">{}</span>'
HOCR = f"""<!DOCTYPE html><html><head><meta name="ocr-system" content="x"><title>t</title></head><body>
<div class="ocr_page" title="bbox 0 0 800 1000; ppageno 0"><div class="ocr_carea" title="bbox 90 90 700 300">
<p class="ocr_par" title="bbox 90 90 700 300">
<span class="ocr_line" title="bbox 90 90 700 130">{WORD.format(90, 90, 200, 130, 91, "Peter")}
{WORD.format(210, 90, 340, 130, 88, "Sommer")} {WORD.format(350, 90, 480, 130, 95, "sprach")}</span>
<span class="ocr_line" title="bbox 90 150 700 190">{WORD.format(90, 150, 140, 190, 95, "in")}
{WORD.format(150, 150, 260, 190, 60, "Bonn.")}</span></p></div></div></body></html>"""


def fill(folder: Path) -> Path:
    """Write the files; a sidecar, a near-duplicate and the same bytes twice are among them."""
    folder.mkdir(parents=True)
    (folder / "haus.txt").write_text(HOUSE + "\n", encoding="utf-8")
    (folder / "haus.meta.json").write_text(
        json.dumps(
            {
                "author": "Mara Feld",
                "published": "2024-03",
                "url": "javascript:alert(1)",
                "ressort": "Kultur",
                "bestand": "Keller",
            }
        ),
        encoding="utf-8",
    )
    (folder / "markt.txt").write_text(MARKET + "\n", encoding="utf-8")
    (folder / "markt_kopie.txt").write_text(MARKET + "\n", encoding="utf-8")
    (folder / "markt_neu.txt").write_text(MARKET + " Das Geld kommt vom Land.\n", encoding="utf-8")
    (folder / "bericht.pdf").write_bytes(article("Der Umbau", [MARKET, HOUSE] * 4))
    (folder / "seite.alto.xml").write_bytes(alto(text_block("a", BRIDGE, 100, 100)))
    (folder / "seite.hocr").write_text(HOCR, encoding="utf-8")
    (folder / "brief.docx").write_bytes(docx([HOUSE, MARKET]))
    (folder / "netz.html").write_text(
        f"<!DOCTYPE html><html lang=de><body><main><h1>Der Markt</h1><p>{MARKET}</p><p>{HOUSE}</p></main></body>",
        encoding="utf-8",
    )
    with zipfile.ZipFile(folder / "jahr.zip", "w") as archive:
        archive.writestr("03/drei.txt", "Der alte Hafen von Emden wird ge-\nschlossen, sagt Peter Sommer.\n")
    rows = pl.DataFrame(
        {
            "nr": ["7", "8"],
            "body": ["Peter Sommer war am Freitag in Bonn zu Gast.", "Anna Huber las am Abend in Mainz."],
        }
    )
    (folder / "zeilen.csv").write_text(rows.write_csv(), encoding="utf-8")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Mara Feld <m@example.org>", "r@example.org", "Aus Köln"
    message["Date"] = "Tue, 05 Mar 2024 10:00:00 +0100"
    message.set_content(HOUSE + "\n", cte="quoted-printable")
    (folder / "post.eml").write_bytes(message.as_bytes())
    return folder
