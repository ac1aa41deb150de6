"""Print real PDFs for the tests: paragraphs with heads, feet, notes and columns, set by fpdf2."""

from fpdf import FPDF

SENTENCES = (
    "Der Gemeinderat hat am Montag über den Umbau des alten Güterbahnhofs beraten.",
    "Die Bürgerinnen und Bürger sollen im Herbst noch einmal gehört werden.",
    "Nach Angaben der Verwaltung kostet der erste Bauabschnitt rund vierzehn Millionen Euro.",
    "Mehrere Vereine hatten zuvor gegen die geplante Tiefgarage protestiert.",
    "Das Gutachten nennt drei Varianten, von denen nur eine ohne Abriss auskommt.",
    "Eine Entscheidung wird nicht vor dem kommenden Frühjahr erwartet.",
    "Der Denkmalschutz verlangt, dass die Fassade der Lagerhalle erhalten bleibt.",
    "Im Erdgeschoss sind Werkstätten, eine Bibliothek und ein kleines Café vorgesehen.",
    "Wer die Flächen später verwaltet, ist bislang offen geblieben.",
)
INDENT = "\u00a0" * 6
TOWNS = (
    "Aachen", "Bautzen", "Celle", "Dessau", "Erfurt", "Fulda", "Goslar", "Hameln", "Itzehoe", "Jena", "Kiel",
    "Lindau", "Mainz", "Neuss", "Oldenburg", "Passau", "Rostock",
)  # fmt: skip
HEAD = "Blatt für die Stadt, Heft 7"


def paragraph(number: int, sentences: int = 4) -> str:
    """A paragraph of its own, made of the sentences in turn; it names a town of its own."""
    chosen = [SENTENCES[(3 * number + 2 * at) % len(SENTENCES)] for at in range(sentences)]
    return f"Aus {TOWNS[number % len(TOWNS)]}: " + " ".join(chosen)


class Sheet(FPDF):
    """A4 with a running head and the number of the page; text in Helvetica 11 on 16 points."""

    def __init__(self, furniture: bool = True) -> None:
        super().__init__(unit="pt", format="A4")
        self.furniture = furniture
        self.set_margins(70, 90, 70)
        self.set_auto_page_break(True, 90)

    def header(self) -> None:
        if self.furniture:
            self.set_font("Helvetica", size=8)
            self.text(70, 50, HEAD)

    def footer(self) -> None:
        if self.furniture:
            self.set_font("Helvetica", size=8)
            self.text(290, 800, str(self.page_no() + 40))


def set_paragraph(sheet: FPDF, text: str, indent: bool = False, align: str = "J") -> None:
    sheet.set_font("Helvetica", size=11)
    text = INDENT + text if indent else text
    sheet.multi_cell(0, 16, text, align=align, new_x="LMARGIN", new_y="NEXT")


def article(title: str, texts: list[str], furniture: bool = True, indent: bool = False) -> bytes:
    """A title, a heading before the second paragraph, and the paragraphs, over as many pages as they take."""
    sheet = Sheet(furniture)
    sheet.set_title(title)
    sheet.set_author("Mara Feld")
    sheet.add_page()
    sheet.set_font("Helvetica", style="B", size=18)
    sheet.multi_cell(0, 24, title, align="L", new_x="LMARGIN", new_y="NEXT")
    sheet.ln(10)
    for at, text in enumerate(texts):
        if at == 1:
            sheet.ln(8)
            sheet.set_font("Helvetica", style="B", size=13)
            sheet.cell(0, 20, "Streit um die Halle", new_x="LMARGIN", new_y="NEXT")
            sheet.ln(4)
        set_paragraph(sheet, text, indent)
        if not indent:
            sheet.ln(6)
    return bytes(sheet.output())


def two_columns(title: str, texts: list[str]) -> bytes:
    """A title over two columns of text, the first of them filled to the foot of the page."""
    sheet = Sheet()
    sheet.add_page()
    sheet.set_font("Helvetica", style="B", size=18)
    sheet.cell(0, 30, title, new_x="LMARGIN", new_y="NEXT")
    sheet.set_font("Helvetica", size=11)
    with sheet.text_columns(ncols=2, gutter=24, text_align="JUSTIFY", line_height=1.3) as columns:
        for text in texts:
            with columns.paragraph(bottom_margin=8) as set_text:
                set_text.write(text)
    return bytes(sheet.output())


def with_note() -> bytes:
    """A page whose paragraph goes on behind a footnote on the next; a caption and a table stand between."""
    sheet = Sheet()
    sheet.set_auto_page_break(False)
    sheet.add_page()
    set_paragraph(sheet, paragraph(1, 9))
    sheet.ln(10)
    sheet.set_font("Helvetica", size=11)
    for row in (("Ort", "Betten", "Jahr"), ("Kiel", "120", "1998"), ("Jena", "85", "2004")):
        for at, cell in enumerate(row):
            sheet.text(70 + 150 * at, sheet.get_y(), cell)
        sheet.set_y(sheet.get_y() + 16)
    sheet.ln(10)
    set_paragraph(sheet, "Abbildung 1: Die Halle vor dem Umbau.")
    sheet.set_y(640)
    lines = ("Die Halle wurde im Jahr 1911 nach Plänen aus der Hauptstadt für den Verkehr mit", "Kohlen gebaut und")
    set_paragraph(sheet, lines[0], align="L")
    sheet.set_font("Helvetica", size=8)
    sheet.text(70, 730, "1 Stadtarchiv, Bestand 12, Nummer 40.")
    sheet.add_page()
    set_paragraph(sheet, "dem ersten Plan nach doppelt so lang. Heute steht sie leer.", align="L")
    set_paragraph(sheet, paragraph(2, 9))
    return bytes(sheet.output())
