"""A newspaper page of five columns, written for the tests: what stands where, as ALTO and as PAGE."""

from html import escape

WIDTH, HEIGHT, COLUMN, STEP = 4000, 5600, 720, 40
LEFT = [100 + at * (COLUMN + 60) for at in range(5)]
WORDS = """der Rat die Stadt hat gestern über den Bau einer neuen Brücke beraten und sich nach langer Aussprache auf
einen Plan geeinigt Arbeiter Hafen Schiff Ernte Preis Bürger Schule Straße Winter Gemeinde Wasser Kohle Bahn Markt"""


def columns_wide(number):
    return number * (COLUMN + 60) - 60


def prose(article, first, count, chance):
    """Lines of an article, each beginning with its letter and its number."""
    return [f"{article}{first + at:02} {' '.join(chance.choices(WORDS.split(), k=4))}" for at in range(count)]


def blocks(chance):
    """(left, top, width, size, lines) of each block, in the order in which a person reads the page.

    Article A stands under a headline over three columns, B under one over two; C to G, each in a column of its own,
    are cut into two blocks; at the foot stand three advertisements.
    """
    found = [(100, 80, 3800, 120, ["Lindauer Volksblatt"])]
    for article, left, wide in (("A", 0, 3), ("B", 3, 2)):
        found.append((LEFT[left], 340, columns_wide(wide), 80, [f"{article} Ein Satz über mehreren Spalten"]))
        for at in range(wide):
            found.append((LEFT[left + at], 460, COLUMN, 30, prose(article, 20 * at, 20, chance)))
    for at, article in enumerate("CDEFG"):
        found.append((LEFT[at], 1340, COLUMN, 45, [f"{article} Kurze Meldung"]))
        found.append((LEFT[at], 1400, COLUMN, 30, prose(article, 0, 12, chance)))
        found.append((LEFT[at], 1900, COLUMN, 30, prose(article, 12, 16 + 3 * at, chance)))
    for article, left, wide in (("H", 0, 2), ("I", 2, 2), ("J", 4, 1)):
        found.append((LEFT[left], 3300, columns_wide(wide), 60, [f"{article} Zu verkaufen"]))
        found.append((LEFT[left], 3390, columns_wide(wide), 30, [f"{article}01 Schränke, Betten, Stühle in der Gasse"]))
    return found


def alto(page, chance):
    """The page as ALTO, whose lines are not quite straight, as measured on a picture."""
    inner = "".join(f'<TextBlock ID="b{at}">{_alto_lines(block, chance)}</TextBlock>' for at, block in enumerate(page))
    return (
        f'<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Layout><Page WIDTH="{WIDTH}" HEIGHT="{HEIGHT}">'
        f"<PrintSpace>{inner}</PrintSpace></Page></Layout></alto>"
    ).encode()


def _alto_lines(block, chance):
    left, top, width, size, lines = block
    found = []
    for at, line in enumerate(lines):
        x, y, wide = left + chance.randint(-2, 2), top + at * STEP, width - chance.randint(0, 10)
        word = f'<String CONTENT="{escape(line)}" HPOS="{x}" VPOS="{y}" WIDTH="{wide}" HEIGHT="{size}"/>'
        found.append(f'<TextLine HPOS="{x}" VPOS="{y}" WIDTH="{wide}" HEIGHT="{size}">{word}</TextLine>')
    return "".join(found)


def page_xml(page, order=()):
    """The page as PAGE; ``order``: places of its blocks in the order that the file names, if any."""
    regions = []
    for at, (left, top, width, size, lines) in enumerate(page):
        inner = "".join(
            f'<TextLine id="l{at}_{n}">'
            f'<Coords points="{left},{top + n * STEP} {left + width},{top + n * STEP + size}"/>'
            f"<TextEquiv><Unicode>{escape(line)}</Unicode></TextEquiv></TextLine>"
            for n, line in enumerate(lines)
        )
        corners = f"{left},{top} {left + width},{top + len(lines) * STEP}"
        regions.append(f'<TextRegion id="r{at}"><Coords points="{corners}"/>{inner}</TextRegion>')
    refs = "".join(f'<RegionRefIndexed index="{n}" regionRef="r{at}"/>' for n, at in enumerate(order))
    reading = f'<ReadingOrder><OrderedGroup id="o">{refs}</OrderedGroup></ReadingOrder>' if refs else ""
    return (
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
        f'<Page imageFilename="a.png" imageWidth="{WIDTH}" imageHeight="{HEIGHT}">'
        f"{reading}{''.join(regions)}</Page></PcGts>"
    ).encode()


def as_one_block(page):
    """All lines in one block, row by row over the columns, as poor recognition gives them."""
    return sorted(
        ((left, top + at * STEP, width, size, [line]) for left, top, width, size, lines in page
         for at, line in enumerate(lines)), key=lambda block: (block[1], block[0]),
    )  # fmt: skip
