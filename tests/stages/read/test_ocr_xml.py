"""ALTO, PAGE and hOCR written for the tests: order, roles, hyphens, confidence, broken and hostile files."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages.errors import SourceError
from stages.read.ocr_xml import read_alto, read_hocr, read_page
from stages.read.raw_document import PageSize
from stages.reflow.layout import reflow_pieces
from stages.tables.schemas import REASONS
from tests.stages.read import newspaper

ROOT = Path(__file__).parents[3]

MANY = 10_000_000
LEFT = [
    "Der Rat der Stadt hat gestern über",
    "den Bau der Brücke beraten und sich",
    "auf einen Plan mit drei Bogen ge-",
    "einigt.",
]
RIGHT = [
    "Am Hafen wurde ein Schiff mit Holz",
    "aus dem Norden erwartet, das wegen",
    "des Sturmes erst am späten Abend in",
    "den Hafen lief.",
]


def string(word, x, y, extra=""):
    return f'<String CONTENT="{word}" HPOS="{x}" VPOS="{y}" WIDTH="{10 * len(word)}" HEIGHT="30" {extra}/>'


def text_line(text, x, y, extra="", sp="<SP/>"):
    words = text.split()
    inner = sp.join(string(word, x, y, extra) for word in words)
    return f'<TextLine HPOS="{x}" VPOS="{y}" WIDTH="{10 * len(text)}" HEIGHT="30">{inner}</TextLine>'


def text_block(name, lines, x, y, attributes=""):
    inner = "".join(text_line(text, x, y + 40 * at, 'WC="0.9"') for at, text in enumerate(lines))
    return f'<TextBlock ID="{name}" {attributes}>{inner}</TextBlock>'


def alto(body, before="", version=3):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><alto xmlns="http://www.loc.gov/standards/alto/ns-v{version}#">{before}'
        f'<Layout><Page WIDTH="1000" HEIGHT="1400"><PrintSpace>{body}</PrintSpace></Page></Layout></alto>'
    ).encode()


def texts(document, kind=None):
    return [block.text for block in reflow_pieces(document).blocks if kind in (None, block.kind)]


@pytest.mark.parametrize("version", [2, 3, 4])
def test_alto_lines_become_paragraphs_with_confidence(version):
    document = read_alto(
        alto(text_block("a", LEFT, 100, 100) + text_block("b", RIGHT, 100, 400), version=version), MANY
    )

    assert texts(document) == [
        "Der Rat der Stadt hat gestern über den Bau der Brücke beraten und sich auf einen Plan mit drei Bogen "
        "geeinigt.",
        "Am Hafen wurde ein Schiff mit Holz aus dem Norden erwartet, das wegen des Sturmes erst am späten Abend in den "
        "Hafen lief.",
    ]
    assert document.pieces["confidence"].to_list() == pytest.approx([0.9] * 8)


@pytest.mark.parametrize(
    ("line", "is_title"),
    [
        ("Lindauer Bote", True),
        ("1 * 2 * 3", False),
        ("je suis avec le plus profond respect,", False),
        ("und vergaß", False),
    ],
)
def test_only_what_may_name_a_page_is_its_title(line, is_title):
    tall = text_block("t", [line], 100, 40)
    tall = re.sub(r'HEIGHT="\d+"', 'HEIGHT="70"', tall)
    document = read_alto(alto(tall + text_block("a", LEFT, 100, 200)), MANY)
    assert [block.kind for block in reflow_pieces(document).blocks if block.text == line] == (
        ["title"] if is_title else ["heading"]
    )


def test_alto_words_divided_by_the_file_are_joined_as_it_says():
    removed = string("Wasser-", 100, 100, 'SUBS_TYPE="HypPart1" SUBS_CONTENT="Wasserwerk"')
    kept = string("SPD", 100, 140, 'SUBS_TYPE="HypPart1" SUBS_CONTENT="SPD-Mitglied"') + '<HYP CONTENT="-"/>'
    body = (
        f'<TextBlock><TextLine HPOS="100" VPOS="100" WIDTH="300" HEIGHT="30">{string("Das", 0, 100)}<SP/>{removed}'
        "</TextLine>"
        f'<TextLine HPOS="100" VPOS="140" WIDTH="300" HEIGHT="30">{string("werk", 100, 140)}<SP/>'
        f"{string('nahm', 200, 140)}<SP/>{string('ein', 230, 140)}<SP/>{kept}</TextLine>"
        f"{text_line('Mitglied auf.', 100, 180)}</TextBlock>"
    )
    found = reflow_pieces(read_alto(alto(body), MANY))

    assert [block.text for block in found.blocks] == ["Das Wasserwerk nahm ein SPD-Mitglied auf."]
    assert [repair.rule for repair in found.repairs] == ["hyphen_removed", "hyphen_kept"]


def test_alto_without_spaces_between_words_gets_them():
    lines = text_line("Ein Satz ohne Marken.", 100, 100, sp="")

    assert texts(read_alto(alto(f"<TextBlock>{lines}</TextBlock>"), MANY)) == ["Ein Satz ohne Marken."]


def test_alto_blocks_that_jump_between_columns_are_read_column_by_column():
    blocks = []
    for at in range(4):
        blocks.append(text_block(f"l{at}", LEFT, 50, 100 + 200 * at))
        blocks.append(text_block(f"r{at}", RIGHT, 550, 100 + 200 * at))
    found = texts(read_alto(alto("".join(blocks)), MANY))

    assert [text[:6] for text in found] == ["Der Ra"] * 4 + ["Am Haf"] * 4


def test_alto_reading_order_counts_before_all_else():
    order = '<ReadingOrder><OrderedGroup><ElementRef REF="b"/><ElementRef REF="a"/></OrderedGroup></ReadingOrder>'
    data = alto(text_block("a", LEFT, 100, 100) + text_block("b", RIGHT, 100, 400), before=order, version=4)

    assert [text[:3] for text in texts(read_alto(data, MANY))] == ["Am ", "Der"]


def articles(document):
    """The articles of the newspaper page in the order of their lines, and whether each stands whole and in order."""
    marks = re.findall(r"(?m)^([A-J])(\d\d)?\b", document.text.replace("\f", "\n"))
    order = list(dict.fromkeys(letter for letter, _ in marks))
    ours = [[number or "" for letter, number in marks if letter == article] for article in order]
    runs = [a for a, b in zip([None, *marks], marks, strict=False) if a is None or a[0] != b[0]]
    return "".join(order), len(runs) == len(order) and all(numbers == sorted(numbers) for numbers in ours)


def row_by_row(blocks):
    return sorted(blocks, key=lambda block: (block[1], block[0]))


def shuffled(blocks):
    return random.Random(5).sample(blocks, len(blocks))


@pytest.mark.parametrize("mixed", [list, row_by_row, shuffled], ids=["in order", "row by row", "shuffled"])
@pytest.mark.parametrize("seed", range(3))
def test_newspaper_of_five_columns_is_read_article_by_article(mixed, seed):
    chance = random.Random(seed)
    given = mixed(newspaper.blocks(chance))
    for document in (read_alto(newspaper.alto(given, chance), MANY), read_page(newspaper.page_xml(given), MANY)):
        order, whole = articles(document)
        assert order.startswith("ABCDEFG")
        assert sorted(order) == list("ABCDEFGHIJ")
        letters = re.findall(r"(?m)^[A-G]\b|^[A-G](?=\d\d)", document.text.replace("\f", "\n"))
        assert letters == sorted(letters)
        assert whole or mixed is not list


def test_newspaper_whose_lines_are_all_in_one_block_is_read_by_columns():
    chance = random.Random(1)
    given = newspaper.as_one_block(newspaper.blocks(chance))
    block = newspaper.alto(given, chance).replace(b"</TextBlock>", b"")
    data = re.sub(rb"<TextBlock[^>]*>", b"", block).replace(b"<PrintSpace>", b"<PrintSpace><TextBlock>")
    order, _ = articles(read_alto(data.replace(b"</PrintSpace>", b"</TextBlock></PrintSpace>"), MANY))

    assert order[:7] == "ABCDEFG"


def test_newspaper_page_is_read_in_the_order_that_the_file_names():
    blocks = newspaper.blocks(random.Random(1))
    backwards = list(range(len(blocks)))[::-1]

    order, _ = articles(read_page(newspaper.page_xml(blocks, backwards), MANY))
    assert order == "JIHGFEDCBA"


def test_alto_tags_name_the_roles():
    tags = (
        '<Tags><LayoutTag ID="t1" LABEL="page-number"/><LayoutTag ID="t2" LABEL="footnote"/>'
        '<OtherTag ID="t3" LABEL="RunningTitleZone"/></Tags>'
    )
    body = (
        text_block("n", ["- 12 -"], 450, 20, 'TAGREFS="t1"')
        + text_block("h", ["Die Stadtpost"], 100, 20, 'TAGREFS="t3"')
        + text_block("a", LEFT, 100, 100) + text_block("f", ["1 Siehe den Plan von 1901."], 100, 1200, 'TAGREFS="t2"')
    )  # fmt: skip
    document = read_alto(alto(body, before=tags, version=4), MANY)

    assert texts(document, "footnote") == ["1 Siehe den Plan von 1901."]
    assert len(texts(document)) == 2
    assert {r.before for r in reflow_pieces(document).repairs if r.rule == "furniture"} == {"- 12 -", "Die Stadtpost"}


def region(name, kind, lines, x, y, equiv=None):
    inner = "".join(
        f'<TextLine id="{name}{at}"><Coords points="{x},{y + 40 * at} {x + 10 * len(text)},{y + 40 * at + 30}"/>'
        + (equiv or '<TextEquiv conf="0.8"><Unicode>{}</Unicode></TextEquiv>').format(text) + "</TextLine>"
        for at, text in enumerate(lines)
    )  # fmt: skip
    return f'<TextRegion id="{name}" type="{kind}"><Coords points="{x},{y} {x + 400},{y + 200}"/>{inner}</TextRegion>'


def page(body, order="", year="2019-07-15"):
    return (
        f'<?xml version="1.0"?><PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/{year}">'
        f'<Page imageFilename="a.png" imageWidth="1000" imageHeight="1400">{order}{body}</Page></PcGts>'
    ).encode()


def ordered(*names):
    refs = "".join(f'<RegionRefIndexed index="{at}" regionRef="{name}"/>' for at, name in enumerate(names))
    return f'<ReadingOrder><OrderedGroup id="o">{refs}</OrderedGroup></ReadingOrder>'


@pytest.mark.parametrize("year", ["2013-07-15", "2017-07-15", "2019-07-15"])
def test_page_regions_have_their_types_and_order(year):
    body = (
        region("p", "page-number", ["- 3 -"], 400, 10) + region("b", "paragraph", RIGHT, 100, 400)
        + region("a", "paragraph", LEFT, 100, 100) + region("h", "heading", ["Von der Brücke"], 100, 60)
        + region("m", "marginalia", ["Brücke"], 800, 100) + region("c", "caption", ["Der Hafen"], 100, 700)
    )  # fmt: skip
    document = read_page(page(body, ordered("p", "h", "a", "b", "c", "m"), year), MANY)
    found = [(block.kind, block.text[:6]) for block in reflow_pieces(document).blocks]

    assert found == [
        ("heading", "Von de"), ("paragraph", "Der Ra"), ("paragraph", "Am Haf"), ("caption", "Der Ha"),
        ("footnote", "Brücke"),
    ]  # fmt: skip
    assert document.pieces["confidence"].drop_nulls().unique().to_list() == pytest.approx([0.8])


def test_page_takes_the_reading_with_the_lowest_index():
    both = (
        '<TextEquiv index="1"><Unicode>falsch</Unicode></TextEquiv>'
        '<TextEquiv index="0"><Unicode>{}</Unicode></TextEquiv>'
    )

    assert texts(read_page(page(region("a", "paragraph", ["Ein Satz."], 10, 10, both)), MANY)) == ["Ein Satz."]


def test_page_lines_without_text_are_put_together_from_words_and_glyphs():
    words = (
        "<Word><TextEquiv><Unicode>Aus</Unicode></TextEquiv></Word><Word><Glyph><TextEquiv><Unicode>W</Unicode></TextEquiv>"
        "</Glyph><Glyph><TextEquiv><Unicode>ort</Unicode></TextEquiv></Glyph></Word>"
    )

    assert texts(read_page(page(region("a", "paragraph", ["x"], 10, 10, words)), MANY)) == ["Aus Wort"]


def test_page_text_that_only_the_region_has_is_read_line_by_line():
    body = (
        '<TextRegion id="a"><Coords points="0,0 500,200"/><TextEquiv><Unicode>Das ist ein langer Satz, der über den\n'
        "Rand geht.</Unicode></TextEquiv></TextRegion>"
    )

    assert texts(read_page(page(body), MANY)) == ["Das ist ein langer Satz, der über den Rand geht."]


def test_page_lines_in_no_order_are_read_downwards():
    shuffled = region("a", "paragraph", LEFT, 100, 100)
    first, *rest = shuffled.split("<TextLine")
    data = page(
        "<TextLine".join([first, *(part.removesuffix("</TextRegion>") for part in rest[::-1])]) + "</TextRegion>"
    )

    assert texts(read_page(data, MANY))[0].startswith("Der Rat der Stadt hat gestern über den Bau")


def test_a_drop_capital_is_the_first_letter_of_its_paragraph():
    body = region("d", "drop-capital", ["D"], 50, 100) + region("a", "paragraph", ["er Rat tagte."], 100, 100)

    assert texts(read_page(page(body, ordered("d", "a")), MANY)) == ["Der Rat tagte."]


def hocr_line(text, x, y):
    words = " ".join(
        f"<span class='ocrx_word' title='bbox {x} {y} {x + 50} {y + 30}; x_wconf 80'>{word}</span>"
        for word in text.split()
    )
    return f"<span class='ocr_line' title='bbox {x} {y} {x + 10 * len(text)} {y + 30}; x_size 30'>{words}</span>"


def hocr(body):
    return (
        "<!DOCTYPE html><html><head><meta name='ocr-system' content='tesseract 5'/>"
        "<meta name='DC.creator' content='Mara Feld'></head>"
        f"<body><div class='ocr_page' title='image \"a.png\"; bbox 0 0 1000 1400'>{body}</div></body></html>"
    ).encode()


def paragraph(lines, y):
    return "<p class='ocr_par'>" + "".join(hocr_line(text, 100, y + 40 * at) for at, text in enumerate(lines)) + "</p>"


def test_hocr_paragraphs_with_confidence_and_facts():
    document = read_hocr(hocr(paragraph(LEFT, 100) + paragraph(RIGHT, 400)), MANY)

    assert [text[:6] for text in texts(document)] == ["Der Ra", "Am Haf"]
    assert texts(document)[0].endswith("Bogen geeinigt.")
    assert document.pieces["confidence"].to_list() == pytest.approx([0.8] * 8)
    assert document.facts["author"] == ("Mara Feld", "meta[name=DC.creator]")


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: data.replace(b"</p>", b""),
        lambda data: data.replace(b"</span></span>", b"</span></p></span>"),
        lambda data: data[: data.rindex(b"</div>")],
        lambda data: data.replace(b"<body>", b"<body><!-- a -- b --> <?php x ?>"),
        lambda data: data.replace(b"</span> <span", b"</span><span"),
    ],
    ids=["not closed", "closed in the wrong place", "cut off", "comments and instructions", "no space between words"],
)
def test_broken_hocr_is_read_as_a_browser_would(broken):
    data = broken(hocr(paragraph(LEFT, 100) + paragraph(RIGHT, 400)))

    assert texts(read_hocr(data, MANY)) == texts(read_hocr(hocr(paragraph(LEFT, 100) + paragraph(RIGHT, 400)), MANY))


BOMB = b'<?xml version="1.0"?><!DOCTYPE alto [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
ALTO = alto(text_block("a", LEFT, 100, 100))


@pytest.mark.parametrize(
    ("read", "data", "code"),
    [
        (read_alto, BOMB + b'<alto><String CONTENT="&b;"/></alto>', "unsafe"),
        (read_page, BOMB.replace(b"alto", b"PcGts") + b"<PcGts><Page>&b;</Page></PcGts>", "unsafe"),
        (read_alto, ALTO[: len(ALTO) // 2], "damaged"),
        (read_page, page(region("a", "paragraph", LEFT, 0, 0))[:-20], "damaged"),
        (read_alto, alto("<TextBlock/>"), "empty"),
        (read_page, page(""), "empty"),
        (read_hocr, hocr(""), "empty"),
        (read_hocr, b"", "damaged"),
    ],
)
def test_what_cannot_be_read_says_why(read, data, code):
    with pytest.raises(SourceError) as caught:
        read(data, MANY)

    assert caught.value.code == code
    assert code in REASONS


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (read_alto, ALTO),
        (read_page, page(region("a", "paragraph", LEFT, 0, 0))),
        (read_hocr, hocr(paragraph(LEFT, 100))),
    ],
)
def test_a_text_longer_than_the_limit_is_refused(read, data):
    with pytest.raises(SourceError) as caught:
        read(data, 50)

    assert caught.value.code == "too_large"


STREAMED = """
from stages.errors import SourceError
from stages.read.ocr_xml import read_alto
from tests.memory import peak_mb
block = b"<TextBlock>" + b"<TextLine HPOS='1' VPOS='2'><String CONTENT=''/></TextLine>" * 10 + b"</TextBlock>"
data = b"<alto><Layout><Page><PrintSpace>" + block * 20_000 + b"</PrintSpace></Page></Layout></alto>"
before = peak_mb()
try:
    read_alto(data, 1000)
except SourceError as error:
    assert error.code == "empty"
print(peak_mb() - before)
"""


def test_what_was_read_of_a_large_file_is_forgotten():
    done = subprocess.run([sys.executable, "-c", STREAMED], cwd=ROOT, capture_output=True, text=True, check=True)

    assert float(done.stdout) < 40  # the whole tree of these 12 MB takes more than twice as much


LARGE = """
import random
from stages.read.ocr_xml import read_alto
from tests.memory import peak_mb
from tests.stages.read import newspaper
chance = random.Random(1)
body = newspaper.alto(newspaper.blocks(chance), chance)
head, page = body[: body.index(b"<Page")], body[body.index(b"<Page") : body.index(b"</Layout>")]
page = page.replace(b"<String ", b'<String STYLEREFS="TXT_1 PAR_1" CC="' + b"0 1 2 " * 100 + b'" ')
n_pages = 100_000_000 // len(page) + 1
data = head + page * n_pages + b"</Layout></alto>"
assert len(data) > 100_000_000
before = peak_mb()
document = read_alto(data, 10_000_000)
assert document.pieces["page"].max() == n_pages and document.text.count("Lindauer Volksblatt") == n_pages
print(peak_mb() - before)
"""


def test_a_file_of_100_mb_takes_little_more_than_its_text():
    done = subprocess.run([sys.executable, "-c", LARGE], cwd=ROOT, capture_output=True, text=True, check=True)

    assert float(done.stdout) < 120  # its tree would take 500 MB and more


def test_a_caption_that_explains_at_length_is_one():
    lines = [
        "Abbildung 2: Der Plan der Brücke, wie ihn der Rat beschlossen hat,",
        *["und was er sonst noch zeigt, bis"] * 12,
    ]
    document = read_hocr(hocr(paragraph([*LEFT] * 4, 100) + paragraph(lines, 900)), MANY)

    assert [text[:12] for text in texts(document, "caption")] == ["Abbildung 2:"]


def test_a_head_of_number_and_title_is_furniture_on_a_single_page():
    text = "Der Rat der Stadt hat gestern über den Bau der Brücke beraten."
    head = f"<p class='ocr_par'>{hocr_line('162', 100, 60)}</p><p class='ocr_par'>{hocr_line('SCHLUSS', 500, 62)}</p>"
    document = read_hocr(hocr(head + paragraph([text] * 12, 200)), MANY)

    assert {r.before for r in reflow_pieces(document).repairs if r.rule == "furniture"} == {"162", "SCHLUSS"}
    assert texts(document) == [" ".join([text] * 12)]


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (read_alto, ALTO),
        (read_page, page(region("a", "paragraph", LEFT, 0, 0))),
        (read_hocr, hocr(paragraph(LEFT, 100))),
    ],
)
def test_every_character_is_mapped_to_the_text_of_the_lines(read, data):
    document = read(data, MANY)

    assert document.text.split("\n") == [
        document.text[a:b] for a, b in document.pieces.select("start", "end").iter_rows()
    ]
    for block in reflow_pieces(document).blocks:
        for start, raw, length in block.spans:
            assert block.text[start : start + length] == document.text[raw : raw + length]


@pytest.mark.parametrize(
    ("read", "data", "width"),
    [
        (read_alto, alto(text_block("a", LEFT, 100, 100)), b'WIDTH="1000" '),
        (read_page, page(region("a", "paragraph", LEFT, 100, 100)), b'imageWidth="1000" '),
        (read_hocr, hocr(paragraph(LEFT, 100)), b"; bbox 0 0 1000 1400"),
    ],
)
def test_a_page_is_as_large_as_its_file_says(read, data, width):
    assert read(data, MANY).pages == (PageSize(1000, 1400),)
    assert data.count(width) == 1
    assert read(data.replace(width, b""), MANY).pages == (PageSize(),)


def test_hocr_pages_without_text_are_counted():
    second, third = (f"</div><div class='ocr_page' title='bbox 0 0 {size}'>" for size in ("900 1300", "800 1200"))
    document = read_hocr(hocr(paragraph(LEFT, 100) + second + third + paragraph(RIGHT, 100)), MANY)
    assert document.pages == (PageSize(1000, 1400), PageSize(900, 1300), PageSize(800, 1200))
    assert document.pieces["page"].unique(maintain_order=True).to_list() == [1, 3]
