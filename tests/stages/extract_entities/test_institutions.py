"""Institutions and companies that a document names, whole and alike."""

import pytest

from stages.extract_entities import complete
from stages.extract_entities.companies import with_companies
from stages.extract_entities.institutions import with_institutions
from stages.extract_entities.names import Name


def found(text, *names):
    """Names given as label and text, with a score where one is given."""
    return [
        Name(text.index(name), text.index(name) + len(name), label, "name", *(score or [0.7]), "model")
        for label, name, *score in names
    ]


def told(texts, rows):
    return [
        (one.label, one.kind, text[one.start : one.end]) for text, row in zip(texts, rows, strict=True) for one in row
    ]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("Das Technische Hilfswerk kam", [], [("ORG", "Technische Hilfswerk")]),
        ("Das Rote Kreuz half", [("LOC", "Rote Kreuz")], [("ORG", "Rote Kreuz")]),
        ("des Zweiten Deutschen Fernsehens", [("ORG", "Fernsehens")], [("ORG", "Zweiten Deutschen Fernsehens")]),
        ("der Bundes\u00e4rztekammer", [], [("ORG", "Bundes\u00e4rztekammer")]),
        ("des Bundesjustizministeriums", [], [("ORG", "Bundesjustizministeriums")]),
        ("im Bundestagswahlkampf", [], []),
        ("die Bundestags-Abgeordnete", [], []),
        ("ein technisches Hilfswerk", [], []),
        ("der Umgang mit Scientology und der Telekom", [], [("ORG", "Scientology"), ("ORG", "Telekom")]),
        ("ein Bild auf Instagram", [], []),
        ("auf Truth Social schrieb er", [("PER", "Truth")], [("ORG", "Truth Social")]),
        ("im Deutschlandfunk", [("LOC", "Deutschland")], [("ORG", "Deutschlandfunk")]),
        ("das Umweltbundesamt", [], [("ORG", "Umweltbundesamt")]),
        ("Bilder von Getty Images", [("PER", "Getty")], [("ORG", "Getty Images")]),
        ("Rotes Kreuz Tirol kam", [("ORG", "Rotes Kreuz Tirol")], [("ORG", "Rotes Kreuz Tirol")]),
    ],
)
def test_a_known_institution_is_found_whole(text, names, expected):
    rows = with_institutions([text], [found(text, *names)], "model")
    assert [(label, name) for label, _, name in told([text], rows)] == expected


@pytest.mark.parametrize(
    ("whole", "name"),
    [
        ("Maschinenbauer Nordwerke AG", "Nordwerke AG"),
        ("Schweizer Bank Helvetia Kredit", "Helvetia Kredit"),
        ("Zürcher Bank AG", "Zürcher Bank AG"),
        ("Deutsche Bank Research", "Deutsche Bank Research"),
    ],
)
def test_the_trade_of_a_company_is_no_part_of_its_name(whole, name):
    text = f"Die {whole} wirbt"
    assert told([text], with_companies([text], [found(text, ("ORG", whole))], "model")) == [("ORG", "name", name)]


def test_a_company_has_its_label_wherever_its_own_name_stands():
    texts = ["Nordwerke und Kranz", "Die Nordwerke AG, sagte Nordwerke-Chef Maier", "Nordwerke w\u00e4chst"]
    names = [
        found(texts[0], ("PER", "Kranz")),
        found(texts[1], ("ORG", "Nordwerke AG")),
        found(texts[2], ("LOC", "Nordwerke")),
    ]
    assert told(texts, with_companies(texts, names, "model")) == [
        ("ORG", "name", "Nordwerke"),
        ("PER", "name", "Kranz"),
        ("ORG", "name", "Nordwerke AG"),
        ("ORG", "part", "Nordwerke"),
        ("ORG", "name", "Nordwerke"),
    ]


def test_a_partnership_has_its_own_name_too():
    texts = ["Plei\u00dfner & Co. verdient weniger", "Plei\u00dfner w\u00e4chst"]
    names = [found(texts[0], ("ORG", "Plei\u00dfner & Co.")), found(texts[1], ("PER", "Plei\u00dfner", 0.99))]
    assert told(texts, with_companies(texts, names, "model"))[-1] == ("ORG", "name", "Plei\u00dfner")


def test_a_founder_keeps_the_name_that_the_company_has_too():
    texts = ["Eva Lindner verkauft die Lindner AG", "Lindner schweigt"]
    names = [found(texts[0], ("PER", "Eva Lindner"), ("ORG", "Lindner AG")), found(texts[1], ("PER", "Lindner"))]
    assert told(texts, with_companies(texts, names, "model"))[-1] == ("PER", "name", "Lindner")


def test_what_the_engine_is_sure_of_stays():
    texts = ["Die Essen AG baut", "in Essen"]
    names = [found(texts[0], ("ORG", "Essen AG")), found(texts[1], ("LOC", "Essen", 0.99))]
    assert told(texts, with_companies(texts, names, "model"))[-1] == ("LOC", "name", "Essen")


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("Es bietet die Wohnwelt SE mit.", [], [("ORG", "Wohnwelt SE")]),
        ("Die Kranz GmbH & Co. KG bietet mit.", [("PER", "Kranz")], [("ORG", "Kranz GmbH & Co. KG")]),
        ("Jede AG und jede GmbH. Die AG schweigt.", [], []),
        ("am Gel\u00e4nde des S\u00e4gewerks Koinegg", [("LOC", "Koinegg")], [("ORG", "Koinegg")]),
        ("das Kammerorchester Allg\u00e4u", [("LOC", "Allg\u00e4u")], [("LOC", "Allg\u00e4u")]),
        ("des Dampfers „Oceania“", [("LOC", "Oceania")], [("MISC", "Oceania")]),
        ("aus ihrem Band „Segel“", [("ORG", "Segel")], [("MISC", "Segel")]),
        ("Die Band „Segel“", [("ORG", "Segel")], [("ORG", "Segel")]),
        ("mit dem Lied „Marlene“", [("PER", "Marlene")], [("MISC", "Marlene")]),
        ("der Dampfer Oceania", [("LOC", "Oceania")], [("LOC", "Oceania")]),
        ("Die Fluglinie Alpenair hebt ab.", [("LOC", "Alpenair")], [("ORG", "Alpenair")]),
        ("Die Fluglinie Alpenair hebt ab.", [("LOC", "Alpenair", 0.96)], [("ORG", "Alpenair")]),
        ("Die Fluglinie Alpenair hebt ab.", [("LOC", "Alpenair", 0.995)], [("LOC", "Alpenair")]),
        ("in der Zeitschrift \u201eEckart\u201c", [("MISC", "Eckart")], [("ORG", "Eckart")]),
        ('in der Fachzeitschrift "Insektenkunde heute"', [("ORG", "Insektenkunde")], [("ORG", "Insektenkunde heute")]),
        ('die Zeitung "Der Spiegel"', [("ORG", "Spiegel")], [("ORG", "Spiegel")]),
        ("beim Zweitligisten Paderborn", [("LOC", "Paderborn", 0.99)], [("ORG", "Paderborn")]),
        ("gegen den Konzern \u00d6sterreich", [("LOC", "\u00d6sterreich")], [("LOC", "\u00d6sterreich")]),
        ("die Piratenpartei Hessen", [("LOC", "Hessen")], [("LOC", "Hessen")]),
        ("dass der Konzern M\u00fcller entl\u00e4sst", [("PER", "M\u00fcller")], [("PER", "M\u00fcller")]),
        ("dass der Verein Kova\u010d holt", [("PER", "Kova\u010d", 0.97)], [("PER", "Kova\u010d")]),
    ],
)
def test_a_legal_form_or_a_trade_says_what_is_a_company(text, names, expected):
    rows = with_companies([text], [found(text, *names)], "model")
    assert [(label, name) for label, _, name in told([text], rows)] == expected


def test_a_former_name_is_a_company_s_too():
    texts = ["Novaria (fr\u00fcher Teleplan) baut Stellen ab", "Aus Teleplan wurde Novaria"]
    names = [found(texts[0], ("ORG", "Novaria")), found(texts[1], ("ORG", "Novaria"))]
    assert [name for _, _, name in told(texts, with_companies(texts, names, "model"))] == [
        "Novaria",
        "Teleplan",
        "Teleplan",
        "Novaria",
    ]


@pytest.mark.parametrize(
    ("full", "after", "expected"),
    [
        ("Landgericht Leipzig", "Das Landgericht sah das anders, im Namen des Landgerichts.", 2),
        ("Landgericht Leipzig", "Das Landgericht K\u00f6ln und ein Landgericht", 0),
        ("Oberlandesgericht K\u00f6ln", "Das OLG verhandelt.", 1),
        ("OeNB", "Die Nationalbank rechnet vor.", 1),  # as the table has it in full
        ("Verein der Freunde", "Der Verein z\u00e4hlt mit.", 0),  # a kind that says nothing more
        ("Eintracht Rodach", "Die Eintracht siegt, Eintrachts Trainer lacht.", 2),
        ("Sturm Graz", "Sturm war besser. Trotz des Sturms kamen viele.", 1),
        ("Sturm Graz", "Trainer Sturm schweigt.", 0),
    ],
)
def test_what_is_named_in_full_is_found_by_its_kind(full, after, expected):
    texts = [f"{full} also.", after]
    rows = with_institutions(texts, [found(texts[0], ("ORG", full)), []], "model")
    assert len(rows[1]) == expected
    assert with_institutions(texts[1:], [[]], "model") == [[]]


def test_a_court_before_its_town_is_named_in_full():
    texts = ["Das entschied das Landgericht Leipzig.", "Das Landgericht sah es so."]
    rows = with_institutions(texts, [found(texts[0], ("LOC", "Leipzig")), []], "model")
    assert told(texts, rows)[-1] == ("ORG", "name", "Landgericht")


def test_an_institution_is_found_where_nothing_else_is():
    document = [("Die Bundes\u00e4rztekammer warnt.", "de", "paragraph")]
    assert [name.label for name in complete(document, [[]], "fast")[0]] == ["ORG"]
    assert complete(document, [[]], "none") == [[]]
