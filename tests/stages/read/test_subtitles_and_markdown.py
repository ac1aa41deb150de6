import time

import pytest

from stages.errors import SourceError
from stages.read.markdown import read_markdown
from stages.read.reader import reader_of
from stages.read.subtitles import read_subtitles

SRT = """1
00:00:01,000 --> 00:00:03,500
<i>Der Rat tagt heute</i>
im neuen Saal.

2
00:00:03,600 --> 00:00:05,000
- Wer spricht?

3
00:01:07,000 --> 00:01:09,250
{\\an8}Die Bürgermeisterin
"""
VTT = """WEBVTT

NOTE von Hand

00:01.000 --> 00:03.500 align:start
<v Eva>Der Rat &amp; die Stadt.</v>

kapitel
00:03.600 --> 00:05.000
Der Rat &amp; die Stadt.
und mehr
"""


def blocks(document):
    found = {}
    for start, end, text, breaks, block, role in document.pieces.select(
        "start", "end", "text", "breaks", "block", "role"
    ).iter_rows():
        held = found.setdefault(block, [role, ""])
        held[1] += ("\n" if breaks and held[1] else "") + (document.text[start:end] if text is None else text)
    return [(role, text) for role, text in found.values()]


@pytest.mark.parametrize("data", [SRT.encode(), SRT.replace("\n", "\r\n").encode("utf-8-sig"), SRT.encode("cp1252")])
def test_cues_become_blocks_of_speech_that_keep_their_times(data):
    assert reader_of(data, "x.txt") is read_subtitles
    document = read_subtitles(data, "x.srt", 10_000)
    assert [text for _, text in blocks(document)] == [
        "Der Rat tagt heute\nim neuen Saal.",
        "- Wer spricht?",
        "Die Bürgermeisterin",
    ]
    assert document.pieces["y0"].to_list() == [1.0, 1.0, 3.6, 67.0]
    assert document.pieces["y1"].to_list() == [3.5, 3.5, 5.0, 69.25]
    assert document.pieces["page"].to_list() == [1, 1, 2, 3]
    assert document.in_file


def test_webvtt_and_a_line_that_rolls_on():
    document = read_subtitles(VTT.encode(), "x.vtt", 10_000)
    assert [text for _, text in blocks(document)] == ["Der Rat & die Stadt.\nund mehr"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"WEBVTT\n\nnichts", "damaged"), (b"WEBVTT\n\n00:01.000 --> 00:02.000\n\n", "empty"),
        (SRT.encode() * 100, "too_large"),
    ],
)  # fmt: skip
def test_bad_subtitles_each_with_a_reason(data, code):
    with pytest.raises(SourceError) as error:
        read_subtitles(data, "x.srt", 10_000)
    assert error.value.code == code


MARKDOWN = """---
title: Der Rat & die Stadt
date: 2024-03-05
---

Der **Rat** tagt im [neuen Saal](https://see.example/saal_(neu)) und
berät &ndash; wie *immer* &ndash; über 2*3 Dinge_mit_Strichen.

## Was gebaut wird ##

- eine Schule
  am See
- ein Radweg
1. erstens

> Ein guter Tag,
> sagt sie.

Unterstrichen
-------------

```python
x = 1
```

| Jahr | Schulden |
|------|----------|
| 2023 | 17 |

Text[^1] mit `code` und \\*Stern\\*.

[^1]: Siehe oben.
[ref]: https://see.example
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markdown_has_the_kinds_of_its_marks(newline):
    data = MARKDOWN.replace("\n", newline).encode()
    assert reader_of(data, "x.md") is read_markdown
    document = read_markdown(data, "x.md", 10_000)
    assert blocks(document) == [
        ("title", "Der Rat & die Stadt"),
        ("paragraph", "Der Rat tagt im neuen Saal und\nberät – wie immer – über 2*3 Dinge_mit_Strichen."),
        ("heading", "Was gebaut wird"),
        ("list_item", "- eine Schule\nam See"),
        ("list_item", "- ein Radweg"),
        ("list_item", "1. erstens"),
        ("quote", "Ein guter Tag,\nsagt sie."),
        ("heading", "Unterstrichen"),
        ("code", "x = 1"),
        ("table", "| Jahr | Schulden |\n| 2023 | 17 |"),
        ("paragraph", "Text[^1] mit code und *Stern*."),
        ("footnote", "Siehe oben."),
        ("boilerplate", "[ref]: https://see.example"),
    ]
    assert document.facts["published_at"].value == "2024-03-05"
    assert document.text.encode() == data


@pytest.mark.parametrize("end", ["\n```\n\nSchluss.\n", ""])
def test_each_line_of_code_is_a_block(end):
    document = read_markdown(f"# Rechnen\n\n```python\nfor x in y:\n\n    a *= b * c{end}".encode(), "x.md", 100)
    after = [("paragraph", "Schluss.")] if end else []
    assert [(role, text.strip()) for role, text in blocks(document)] == [
        ("title", "Rechnen"), ("code", "for x in y:"), ("code", "a *= b * c"), *after
    ]  # fmt: skip


def test_the_first_heading_of_level_one_is_the_title():
    document = read_markdown(b"# Der Rat\n\nText\n\n# Noch einer\n", "x.md", 100)
    assert [role for role, _ in blocks(document)] == ["title", "paragraph", "heading"]


@pytest.mark.parametrize(
    ("data", "name", "is_markdown"),
    [
        (b"# Der Rat\n\ntagt.", "x.md", True),
        (b"Der Rat tagt.\n\n\nDie Stadt baut.", "x.md", False),
        (b"# Der Rat\n\ntagt.", "x.txt", False),
        (b"---\ntitle: Rat\n---\nEr tagt.", "x.txt", True),
        (b"---\ntitle: Rat\n---\nEr tagt.", "x", True),
        (b"Nr. 1 # 2\n", "x.md", False),
    ],
)
def test_a_text_without_marks_is_left_to_reflow(data, name, is_markdown):
    assert (reader_of(data, name) is read_markdown) is is_markdown


@pytest.mark.parametrize(
    "part", ["[", "[a](", "`", "*", "_a_ ", "> ", "- ", "![", "<a ", "|", "# a\n", "```\n", "\\", "&"]
)
def test_time_is_linear(part):
    def seconds(n):
        data = (f"# x\n{part * n}\n").encode()
        begin = time.process_time()
        read_markdown(data, "x.md", 10_000_000)
        return time.process_time() - begin

    assert seconds(20_000) < 25 * seconds(2_000) + 1
