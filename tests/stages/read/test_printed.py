"""Printed pages without a file: what must hold however many pages and lines there are."""

import time

import pytest

from stages.read.printed import Page, Region, RegionPage, Run, lay_out, lay_out_regions


def run(text, x, base, size=10.0):
    return Run(text, x, base - 8, x + 5 * len(text), base + 2, base, size)


def long_document(pages, rows):
    words = ("Der Rat hat gestern", "über den Bau der Brücke und", "das Haus gesprochen", "und geht dann heim.")
    return [
        Page([run("Die Stadtpost", 50, 30)] + [run(words[(at + number) % 4], 50, 60 + 12 * at) for at in range(rows)],
             600, 100 + 12 * rows)
        for number in range(pages)
    ]  # fmt: skip


def seconds(call):
    """CPU seconds of a call, the best of three: the machine has other work."""

    def once():
        start = time.process_time()
        call()
        return time.process_time() - start

    return min(once() for _ in range(3))


@pytest.mark.parametrize(("few", "many"), [((100, 8), (1000, 8)), ((1, 500), (1, 5000))], ids=["pages", "rows"])
def test_time_grows_with_the_text_and_not_faster(few, many):
    small, large = long_document(*few), long_document(*many)
    assert seconds(lambda: lay_out(large)) < 25 * max(seconds(lambda: lay_out(small)), 0.02)


def test_every_run_is_a_part_of_one_piece():
    pages = long_document(3, 20)
    text, pieces = lay_out(pages)

    assert sorted(text[a:b] for a, b in pieces.select("start", "end").iter_rows()) == sorted(
        run.text for page in pages for run in page.runs
    )
    assert pieces.filter(role="furniture").height == 3
    assert text.count("\f") == 2


def test_a_page_that_was_scanned_askew_keeps_its_paragraphs():
    lines = [
        "Der Rat hat gestern über den Bau der neuen Brücke und",
        "des Hauses am Fluss gesprochen. Danach ging er heim.",
    ]
    askew = [
        Run(lines[at % 2], 50 + 1.2 * at, 100 + 40 * at, 600 + 1.2 * at, 130 + 40 * at, 124 + 40 * at, 28)
        for at in range(30)
    ]
    _, pieces = lay_out_regions([RegionPage([Region(askew)], 700, 1400)])

    assert pieces["block"].n_unique() == 1
