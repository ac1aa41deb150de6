"""PDFs that fpdf2 printed: reading order, roles, furniture, what heals over pages, and files that are no good."""

import io

import pypdfium2
import pytest
from fpdf import FPDF

from stages.errors import SourceError
from stages.read.pdf import read_pdf
from stages.read.raw_document import PageSize
from stages.reflow.layout import reflow_pieces
from stages.tables.schemas import REASONS
from tests.stages.read.print_pdf import HEAD, Sheet, article, paragraph, set_paragraph, two_columns, with_note

MANY = 10_000_000
TEXTS = [paragraph(number) for number in range(1, 16)]


def blocks(data):
    return reflow_pieces(read_pdf(data, MANY)).blocks


def of_kind(found, kind):
    return [block.text for block in found if block.kind == kind]


@pytest.mark.parametrize("indent", [False, True])
def test_an_article_over_pages_comes_back_as_its_paragraphs(indent):
    document = read_pdf(article("Die leere Halle", TEXTS, indent=indent), MANY)
    found = reflow_pieces(document)

    assert document.pieces["page"].max() > 1
    assert of_kind(found.blocks, "title") == ["Die leere Halle"]
    assert of_kind(found.blocks, "heading") == ["Streit um die Halle"]
    assert of_kind(found.blocks, "paragraph") == TEXTS
    assert "furniture" in {repair.rule for repair in found.repairs}
    assert found.parted_by == "layout"


def test_a_paragraph_over_a_page_break_leaves_a_repair():
    found = reflow_pieces(read_pdf(article("Die leere Halle", TEXTS), MANY))
    healed = [repair for repair in found.repairs if repair.rule == "page_break"]

    assert len(healed) == 1
    assert HEAD in healed[0].before


def test_heads_and_page_numbers_leave_a_repair_and_no_text():
    document = read_pdf(article("Die leere Halle", TEXTS), MANY)
    found = reflow_pieces(document)
    removed = [repair.before for repair in found.repairs if repair.rule == "furniture"]

    assert removed.count(HEAD) == document.pieces["page"].max()
    assert "41" in removed
    assert not any(HEAD in block.text for block in found.blocks)
    assert HEAD in document.text


def test_columns_are_read_one_after_the_other():
    found = blocks(two_columns("Umbau in zwei Spalten", TEXTS[:12]))

    assert of_kind(found, "title") == ["Umbau in zwei Spalten"]
    assert of_kind(found, "paragraph") == TEXTS[:12]


def test_a_paragraph_goes_on_behind_the_note_at_the_foot_of_its_page():
    found = blocks(with_note())

    torn = next(block for block in found if block.text.startswith("Die Halle wurde"))
    assert "Verkehr mit dem ersten Plan nach doppelt so lang." in torn.text
    assert of_kind(found, "footnote") == ["1 Stadtarchiv, Bestand 12, Nummer 40."]
    assert of_kind(found, "caption") == ["Abbildung 1: Die Halle vor dem Umbau."]
    assert of_kind(found, "table") == ["Ort Betten Jahr", "Kiel 120 1998", "Jena 85 2004"]


def test_a_large_initial_belongs_to_the_first_line_beside_it():
    sheet = Sheet(furniture=False)
    sheet.add_page()
    sheet.set_font("Helvetica", size=30)
    sheet.text(70, 122, "D")
    sheet.set_font("Helvetica", size=11)
    lines = ("ie Fähre legt im Winter nur noch bei Flut an, denn die Rinne ist", "seit dem Herbst versandet. Der Rat")
    for at, line in enumerate(lines):
        sheet.text(96, 106 + 16 * at, line)
    sheet.text(70, 138, "der Insel verlangt Ersatz, bevor die Gäste kommen, und einen neuen Plan.")
    sheet.text(70, 154, "Darüber wird im Kreistag erst nach Ostern gestritten.")

    assert of_kind(blocks(bytes(sheet.output())), "paragraph") == [
        "Die Fähre legt im Winter nur noch bei Flut an, denn die Rinne ist seit dem Herbst versandet. Der Rat der "
        "Insel verlangt Ersatz, bevor die Gäste kommen, und einen neuen Plan. Darüber wird im Kreistag erst nach "
        "Ostern gestritten."
    ]


def narrow(lines):
    """Lines set justified to a narrow column, each of them full, but for the last."""
    sheet = Sheet(furniture=False)
    sheet.add_page()
    sheet.set_font("Helvetica", size=11)
    for at, line in enumerate(lines):
        words, x = line.split(" "), 70.0
        gap = (170 - sum(map(sheet.get_string_width, words))) / max(len(words) - 1, 1)
        for word in words:
            sheet.text(x, 106 + 14 * at, word)
            x += sheet.get_string_width(word) + (gap if at < len(lines) - 1 else 3)
    return bytes(sheet.output())


def test_two_words_pushed_to_the_edges_of_a_column_do_not_end_the_paragraph():
    lines = ["Die Reederei hat gestern früh", "mitgeteilt, dass für die Strecke", "Hochgeschwindigkeitsboote nur",
             "Inselgästen vorbehalten", "bleiben, weil die Fahrrinne vor", "dem Hafen versandet ist."]  # fmt: skip

    assert of_kind(blocks(narrow(lines)), "paragraph") == [" ".join(lines)]


def test_words_in_the_rows_of_a_table_stay_cells():
    rows = [("Name", "Hafen"), ("Frisia", "Norddeich"), ("Seewolf", "Neßmersiel"), ("Adler", "Harlesiel")]
    sheet = Sheet(furniture=False)
    sheet.add_page()
    set_paragraph(sheet, paragraph(1))
    for at, (left, right) in enumerate(rows):
        sheet.text(70, 220 + 14 * at, left)
        sheet.text(525 - sheet.get_string_width(right), 220 + 14 * at, right)

    assert len(of_kind(blocks(bytes(sheet.output())), "table")) == len(rows)


def test_letters_that_begin_alike_on_every_page_keep_their_beginning():
    sheet = Sheet()
    towns = ["Kiel", "Lindau", "Passau"]
    for town in towns:
        sheet.add_page()
        set_paragraph(sheet, f"{paragraph(4, 3)} Wir schreiben Ihnen nach {town}, weil Sie dort gebaut haben.")
    found = reflow_pieces(read_pdf(bytes(sheet.output()), MANY))

    assert [block.text.startswith(paragraph(4, 1)) for block in found.blocks] == [True] * len(towns)
    assert not any(HEAD in block.text for block in found.blocks)


def test_notes_that_name_the_same_book_on_several_pages_stay():
    sheet = Sheet()
    sheet.set_auto_page_break(False)
    for page in range(3):
        sheet.add_page()
        set_paragraph(sheet, paragraph(page, 9))
        sheet.set_font("Helvetica", size=6)
        sheet.text(70, 746, str(page + 1))
        sheet.set_font("Helvetica", size=8)
        sheet.text(74, 750, f"Harms, Insel und Verkehr, Leer 2019, S. {40 + page}.")

    notes = of_kind(blocks(bytes(sheet.output())), "footnote")
    assert [note[-6:] for note in notes] == ["S. 40.", "S. 41.", "S. 42."]


def test_words_divided_at_line_ends_are_joined():
    sheet = Sheet(furniture=False)
    sheet.add_page()
    for line in ("Die Bürgerinnen sollen im Herbst noch einmal zu der Sache und zu den Kos-", "ten gehört werden."):
        sheet.set_font("Helvetica", size=11)
        sheet.text(70, 120 + 16 * (line[0] == "t"), line)
    found = reflow_pieces(read_pdf(bytes(sheet.output()), MANY))

    assert found.blocks[0].text.endswith("zu den Kosten gehört werden.")
    assert "hyphen_removed" in {repair.rule for repair in found.repairs}


def test_every_character_is_mapped_to_the_text_of_the_pages():
    document = read_pdf(article("Die leere Halle", TEXTS), MANY)

    assert not document.in_file
    for start, end, text in document.pieces.select("start", "end", "text").iter_rows():
        assert text is None
        assert "\n" not in document.text[start:end]
    for block in reflow_pieces(document).blocks:
        assert sum(length for _, _, length in block.spans) > 0.9 * len(block.text)
        for start, raw, length in block.spans:
            assert block.text[start : start + length] == document.text[raw : raw + length]


def test_properties_are_facts_and_the_date_of_the_file_is_none():
    facts = read_pdf(article("Die leere Halle", TEXTS[:2]), MANY).facts

    assert facts["title"] == ("Die leere Halle", "PDF property Title")
    assert facts["author"].value == "Mara Feld"
    assert set(facts) == {"title", "author"}


@pytest.mark.parametrize("title", ["Rat.docx", "seite.html", "Dokument1", "Layout 1", "Scan 0001.tif", "- 3 -"])
def test_the_name_of_a_file_is_no_title(title):
    assert "title" not in read_pdf(article(title, TEXTS[:1]), MANY).facts


def picture_only():
    sheet = Sheet(furniture=False)
    sheet.add_page()
    sheet.rect(100, 100, 200, 200, style="F")
    return bytes(sheet.output())


def blank():
    sheet = FPDF()
    sheet.add_page()
    sheet.add_page()
    return bytes(sheet.output())


def locked():
    sheet = FPDF()
    sheet.set_encryption(owner_password="a", user_password="b")
    sheet.add_page()
    sheet.set_font("Helvetica", size=12)
    sheet.cell(text="geheim")
    return bytes(sheet.output())


@pytest.mark.parametrize(
    ("data", "code", "advice"),
    [
        (picture_only(), "needs_ocr", "ocrmypdf"),
        (blank(), "empty", "fetch it again"),
        (locked(), "encrypted", "password"),
        (b"%PDF-1.7\nnothing", "damaged", "fetch it again"),
        (article("Halle", TEXTS)[:3000], "damaged", "fetch it again"),
        (b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 99999>>endobj\n"
         b"trailer<</Root 1 0 R>>\n", "damaged", "page 1"),
    ],
    ids=["picture", "blank pages", "locked", "no PDF", "cut off", "pages in a circle"],
)  # fmt: skip
def test_what_cannot_be_read_says_why_and_what_to_do(data, code, advice):
    with pytest.raises(SourceError) as caught:
        read_pdf(data, MANY)

    assert caught.value.code == code
    assert code in REASONS
    assert advice in caught.value.reason


def test_a_file_that_only_forbids_changes_is_read():
    sheet = Sheet(furniture=False)
    sheet.set_encryption(owner_password="a")
    sheet.add_page()
    set_paragraph(sheet, TEXTS[0])

    assert [block.text for block in blocks(bytes(sheet.output()))] == [TEXTS[0]]


def test_a_text_longer_than_the_limit_is_refused_before_it_is_laid_out():
    with pytest.raises(SourceError) as caught:
        read_pdf(article("Halle", TEXTS), 500)

    assert caught.value.code == "too_large"


def code_of(data):
    try:
        read_pdf(data, MANY)
    except SourceError as error:
        return error.code
    return None


def test_damaged_bytes_raise_nothing_but_a_reason():
    data = article("Halle", TEXTS[:3])
    places = range(0, len(data), max(len(data) // 25, 1))
    codes = {code_of(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]) for at in places}

    assert codes <= {None, *REASONS}


def turned_text(turn):
    """A page of 400 by 600 points with lines that run in one direction, as many degrees counter-clockwise."""
    sheet = FPDF(unit="pt", format=(400, 600))
    sheet.add_page()
    sheet.set_font("Helvetica", size=11)
    with sheet.rotation(turn, 200, 300):
        for at in range(4):
            sheet.text(80, 250 + 16 * at, f"Der Rat tagt am Abend im Saal {at}, sagt Anna.")
    return bytes(sheet.output())


def shown_turned(data, rotation):
    """The same file, which a viewer turns clockwise."""
    document = pypdfium2.PdfDocument(data)
    document[0].set_rotation(rotation)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("turn", "rotation", "size"),
    [
        (0, 0, PageSize(400, 600, 0)),
        (90, 0, PageSize(600, 400, 90)),
        (180, 0, PageSize(400, 600, 180)),
        (270, 0, PageSize(600, 400, 270)),
        (90, 90, PageSize(600, 400, 0)),
        (0, 90, PageSize(400, 600, 270)),
        (30, 0, PageSize(turned=None)),
    ],
)
def test_a_page_has_its_size_and_boxes_lie_on_its_print(turn, rotation, size):
    data = shown_turned(turned_text(turn), rotation)
    document = read_pdf(data, MANY)
    assert document.pages == (size,)
    if size.turned is not None:
        ink = pypdfium2.PdfDocument(data)[0].render(rotation=size.turned).to_numpy().min(axis=2) < 128
        assert ink.shape == (size.height, size.width)
        for box in document.pieces.select("x0", "y0", "x1", "y1").iter_rows():
            x0, y0, x1, y1 = map(round, box)
            assert ink[y0:y1, x0:x1].mean() > 0.03
            ink[y0:y1, x0 - 2 : x1 + 2] = False
        assert not ink.any()
