import pytest

from stages.extract_entities.names.decode import Name
from stages.extract_entities.names.tokenise import tokenise_all
from stages.extract_entities.names.vote import Sentence, vote

Row = tuple[str, list[tuple[str, str, float]]]


def found_in(text: str, names: list[Name]) -> Sentence:
    words = tokenise_all([text])
    return Sentence(text, words.forms, words.starts, names)


def voted(rows: list[Row]) -> list[list[tuple[str, str, str]]]:
    """Vote over sentences given as text and (form, label, score), and show forms again."""
    sentences = [
        found_in(
            text,
            [Name(text.index(f), text.index(f) + len(f), label, "name", s, "x") for f, label, s in names],
        )
        for text, names in rows
    ]
    results = vote(sentences, "x")
    return [
        [(row[0][n.start : n.end], n.label, n.kind) for n in names] for row, names in zip(rows, results, strict=True)
    ]


def test_a_lone_label_follows_the_others() -> None:
    found = voted(
        [("Selenskyj kam", [("Selenskyj", "PER", 0.8)])] * 3 + [("In Selenskyj", [("Selenskyj", "LOC", 0.5)])]
    )
    assert found[3] == [("Selenskyj", "PER", "name")]


def test_a_sure_name_keeps_its_label() -> None:
    found = voted(
        [("Dortmund siegt", [("Dortmund", "ORG", 0.95)])] * 3 + [("In Dortmund", [("Dortmund", "LOC", 0.97)])]
    )
    assert found[3] == [("Dortmund", "LOC", "name")]


def test_a_surname_follows_its_bearer() -> None:
    found = voted([("Karla Essen sprach", [("Karla Essen", "PER", 0.9)]), ("Essen schwieg", [("Essen", "LOC", 0.4)])])
    assert found[1] == [("Essen", "PER", "name")]


def test_a_surname_takes_its_particles_where_the_full_name_has_them() -> None:
    rows: list[Row] = [("Karla von der Au sprach", [("Karla von der Au", "PER", 0.9)])]
    rows += [("Er mag von der Au nicht", [("Au", "PER", 0.8)]), ("von der Aus Rede", [("Aus", "PER", 0.8)])]
    rows += [("Rede der Au", [("Au", "PER", 0.8)]), ("Au sprach", [("Au", "PER", 0.8)])]
    assert voted(rows)[1:] == [
        [("von der Au", "PER", "name")],
        [("von der Aus", "PER", "name")],
        [("Au", "PER", "name")],
        [("Au", "PER", "name")],
    ]


def test_a_company_is_found_again_without_its_legal_form() -> None:
    rows: list[Row] = [("Die Brandner GmbH & Co. KG baut", [("Brandner GmbH & Co. KG", "ORG", 0.9)])]
    rows += [("Brandner baut", [("Brandner", "PER", 0.4)]), ("Nun baut Brandner", []), ("Die Brandner-Chefin", [])]
    assert voted(rows)[1:] == [[("Brandner", "ORG", "name")]] * 2 + [[("Brandner", "ORG", "part")]]


def test_a_missed_form_is_found_again_also_as_genitive_and_in_a_compound() -> None:
    rows: list[Row] = [("Karla Obermoser sprach", [("Karla Obermoser", "PER", 0.9)])]
    rows += [("Obermosers Haus", []), ("Die Obermoser-Rede", []), ("die anti-Obermoser", [])]
    assert voted(rows)[1:] == [[("Obermosers", "PER", "name")], [("Obermoser", "PER", "part")], []]


@pytest.mark.parametrize("form", ["Novomatik", "Paris"])
@pytest.mark.parametrize(("score", "again"), [(0.4, False), (0.5, True)])
def test_a_name_counts_once_where_its_form_is_looked_for(form: str, score: float, again: bool) -> None:
    rows: list[Row] = [(f"Auch {form} kam", [(form, "ORG", score)]), (f"Nach {form} ging er", [])]
    assert voted(rows)[1] == ([(form, "ORG", "name")] if again else [])


def test_a_genitive_counts_half_of_its_base() -> None:
    rows: list[Row] = [("Novomatik kam", [("Novomatik", "ORG", 0.8)]), ("Novomatiks", [("Novomatiks", "PER", 0.5)])]
    for found in (voted(rows)[1], voted(rows[::-1])[0]):
        assert found == [("Novomatiks", "ORG", "name")]


def test_a_form_that_is_also_a_common_word_is_not_looked_for() -> None:
    assert voted([("Kai Laut sprach laut", [("Kai Laut", "PER", 0.9)]), ("Laut Polizei", [])])[1] == []


def test_a_double_name_is_whole_where_only_its_first_half_was_found() -> None:
    text = "Obermoser-Lund sprach, die Obermoser-Rede gefiel"
    parts = [Name(at, at + 9, "ORG", "part", 0.6, "x") for at in (0, 27)]
    full = found_in("Karla Obermoser-Lund", [Name(0, 20, "PER", "name", 0.9, "x")])
    first, second = vote([found_in(text, parts), full], "x")[0]
    assert (first.start, first.end, first.label, first.kind) == (0, 14, "PER", "name")
    assert (text[second.start : second.end], second.kind) == ("Obermoser", "part")


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("Mosers Partei siegt", "Mosers Partei", ("Mosers", "PER", "name")),
        ("Seidls Elf", "Seidls Elf", ("Seidls Elf", "ORG", "name")),
        ("der Roman \u201eMosers Garten\u201c", "Mosers Garten", ("Mosers Garten", "ORG", "name")),
        ("Mosers SPD", "Mosers SPD", ("Mosers SPD", "ORG", "name")),
        ("Moser Partei", "Moser Partei", ("Moser Partei", "ORG", "name")),
    ],
)
def test_a_surname_in_the_genitive_is_found_without_the_noun_after_it(
    text: str, found: str, expected: tuple[str, str, str]
) -> None:
    rows: list[Row] = [("Karla Moser sprach", [("Karla Moser", "PER", 0.9)]), (text, [(found, "ORG", 0.95)])]
    assert voted(rows)[1] == [expected]


def test_nothing_found_nothing_changed() -> None:
    assert voted([("Es regnet", []), ("", [])]) == [[], []]


def test_a_name_is_found_in_an_office_of_it() -> None:
    rows: list[Row] = [("Der Kreml droht", [("Kreml", "LOC", 0.9)]), ("Zum Kreml", [("Kreml", "LOC", 0.9)])]
    rows += [("Die Kremlchefs", []), ("Kremlsprecherin", []), ("Kremlmauer", [])]
    rows += [("Karla Bauer", [("Karla Bauer", "PER", 0.9)]), ("Bauer", [("Bauer", "PER", 0.9)]), ("Bauersprecher", [])]
    found = voted(rows)
    assert found[2:5] == [[("Kreml", "LOC", "part")]] * 2 + [[]]
    assert found[7] == []


def test_a_part_follows_the_name() -> None:
    text = "Die Obermoser-Regierung"
    part = Name(4, 13, "ORG", "part", 0.6, "x")
    person = Name(0, 15, "PER", "name", 0.9, "x")
    sentences = [found_in(text, [part]), found_in("Karla Obermoser", [person])]
    assert vote(sentences, "x")[0] == [part._replace(label="PER", score=0.6)]
