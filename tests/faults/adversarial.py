"""Texts made to cost more than their length: each function gives about ``n`` characters."""

from collections.abc import Callable

from tests.faults.harness import article


def _fill(piece: str) -> Callable[[int], str]:
    return lambda n: (piece * (n // len(piece) + 1))[:n]


_SYLLABLES = ["ba", "del", "fin", "gor", "hul", "kem", "lat", "mir", "nos", "pur", "rak", "sel", "tof", "wun", "zie"]


def _name(number: int) -> str:
    """A capitalised word, another one for every number."""
    word = ""
    while number or not word:
        number, at = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[at]
    return word.capitalize()


def _list(piece: Callable[[int], str]) -> Callable[[int], str]:
    """Pieces that differ from each other by their number."""

    def fill(n: int) -> str:
        pieces, length = [], 0
        while length < n:
            pieces.append(piece(len(pieces)))
            length += len(pieces[-1])
        return "".join(pieces)[:n]

    return fill


TEXTS: dict[str, Callable[[int], str]] = {
    "one word": _fill("a"),
    "one upper-case word": _fill("A"),
    "digits": _fill("1"),
    "digits and dots": _fill("1."),
    "digits and commas": _fill("1,"),
    "digits and spaces": _fill("1 "),
    "digit groups": _fill("123.456 "),
    "dates": _fill("1. 1. 1997 "),
    "months": _fill("3. März "),
    "amounts": _fill("5 Millionen "),
    "currencies": _fill("Euro 5 Euro "),
    "hyphens": _fill("-"),
    "hyphenated lines": _fill("Wort-\n"),
    "hyphenated word": _fill("Ab-"),
    "hyphen, space": _fill("a- "),
    "soft hyphens": _fill("a\u00ad"),
    "spaces": _fill(" "),
    "spaces and letters": _fill("a" + " " * 50),
    "tabs": _fill("\t"),
    "line feeds": _fill("\n"),
    "carriage returns": _fill("\r"),
    "line feeds and spaces": _fill(" \n"),
    "form feeds": _fill("\f"),
    "form feeds and lines": _fill("Zeile\f\n"),
    "page numbers": lambda n: "\n".join(f"Seite {i}\n\nText der Seite" for i in range(n // 25)),
    "same line": _fill("Der gleiche Satz steht hier wieder da.\n"),
    "short lines": _fill("Ja\n"),
    "double-spaced lines": _fill("Eine Zeile, die nicht\n\n"),
    "list items": _fill("- Punkt\n"),
    "full stops": _fill("."),
    "full stops and spaces": _fill(". "),
    "abbreviations": _fill("z. B. "),
    "initials": _fill("A. "),
    "ordinals": _fill("5. "),
    "questions": _fill("?! "),
    "ellipses": _fill("… "),
    "opening quotes": _fill("„"),
    "closing quotes": _fill("“"),
    "quoted words": _fill("„Ja“ "),
    "open brackets": _fill("("),
    "nested brackets": lambda n: "(" * (n // 2) + ")" * (n // 2),
    "apostrophes": _fill("'"),
    "mojibake": _fill("Ã¼"),
    "mojibake words": _fill("grÃ¼ÃŸe "),
    "combining marks": _fill("\u0301"),
    "marked letters": _fill("a\u0301\u0327"),
    "joiners": _fill("a\u200d"),
    "embeddings": _fill("\u202ea"),
    "ligatures": _fill("\ufb01"),
    "private use": _fill("\ue000"),
    "controls": _fill("a\x0b"),
    "addresses": _fill("http://a.de/"),
    "at signs": _fill("a@b."),
    "slashes": _fill("a/"),
    "capitals": _fill("Anna Berlin "),
    "many people": _list(lambda i: f"Am Montag kam Frau {_name(i)} {_name(i * 7)} nach Berlin.\n"),
    "one family": _list(lambda i: f"Am Montag kam {_name(i)} Müller nach Berlin, sagte Müller.\n"),
    "initials of a family": _list(lambda i: f"Dort sprach {chr(65 + i % 26)}. {_name(i // 26)} mit Müller. "),
    "one person": _fill("Gestern kam Anna Müller mit Müller. "),
    "people renamed": _list(lambda i: f"Dort war Sophie {_name(i)}, geborene {_name(i + 1)}. "),
    "two given names": _list(
        lambda i: f"Dort war {_name(i % 50)} {_name(i // 50)} Müller mit {_name(i % 50)} Müller. "
    ),
    "many places": _list(lambda i: f"Der Zug fuhr von {_name(i)}stadt nach {_name(i + 1)}dorf. "),
    "many clubs": _list(lambda i: f"Die {_name(i)} AG ({_name(i)[:3].upper()}) klagt gegen den FC {_name(i)}. "),
    "names in a row": _list(lambda i: f"{_name(i)} "),
    "different words": _list(lambda i: f"{_name(i).lower()} "),
    "different numbers": _list(lambda i: f"{i}. "),
    "different dates": _list(lambda i: f"Am {i % 28 + 1}.{i % 12 + 1}.{1900 + i % 150} um {i % 24} Uhr. "),
    "different lines": _list(lambda i: f"{_name(i)} steht in dieser Zeile und die nächste be-\n"),
    "different headings": _list(lambda i: f"{_name(i)}\n\n"),
    "brackets of all kinds": _fill("([{<„»"),
    "mixed quotes": _fill('„a‚b‘ «c» "d" '),
    "capitals with hyphens": _fill("Müller-"),
    "credits": _fill("Foto: dpa/"),
    "credit lines": _fill("Foto: Anna Schmidt\n"),
    "colons": _fill("Wort: "),
    "chinese": _fill("河上的桥重建了。"),
    "articles": lambda n: "\n\n".join(article(i) for i in range(n // 350)),
    "articles in one line": lambda n: " ".join(article(i).replace("\n", " ") for i in range(n // 350)),
}
