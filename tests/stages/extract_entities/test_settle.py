"""Names of which the tables are surer than the model."""

import pytest

from stages.extract_entities.names import Name
from stages.extract_entities.settle import settle


@pytest.mark.parametrize(
    ("label", "surface", "expected"),
    [
        ("PER", "STANDARD", "ORG"),
        ("LOC", "Standard", "ORG"),
        ("PER", "Meet the Press", "ORG"),
        ("LOC", "AFP", "ORG"),
        ("MISC", "Meet the Press", "ORG"),
        ("PER", "Edeka", "ORG"),
        ("PER", "Bilfinger Berger", "ORG"),
        ("LOC", "Panathinaikos", "ORG"),
        ("PER", "Toyota", "PER"),  # a surname as well
        ("MISC", "Bild", "MISC"),
        ("LOC", "März", None),
        ("LOC", "Euro", None),
        ("LOC", "Würmer", None),
        ("LOC", "würmer", None),
        ("LOC", "Wien", "LOC"),
        ("LOC", "Franken", "LOC"),
        ("LOC", "Chelsea", "LOC"),
        ("PER", "Stern", "PER"),  # a surname as well
        ("PER", "Reuters", "PER"),  # "die Haft Reuters"
        ("PER", "August", "PER"),
        ("ORG", "Standard", "ORG"),
        ("PER", "Chr.", None),
        ("PER", "Hartz IV", None),
        ("ORG", "@", None),
        ("MISC", "\u00a321", None),
        ("ORG", "Kakao", None),
        ("ORG", "Ad-hoc", None),
        ("LOC", "beiden Richtungen", None),
        ("PER", "D.", None),  # an initial alone is nobody
        ("ORG", "A", None),
        ("ORG", "X", "ORG"),
        ("PER", "Corona", None),
        ("LOC", "Hbf", None),
        ("LOC", "Ost", None),
        ("PER", "Ja", None),
        ("PER", "Mariä Lichtmess", None),
        ("PER", "Hawick", "LOC"),
        ("PER", "Bournemouth", "LOC"),
        ("PER", "Winchester", "LOC"),
        ("PER", "Hartwick", "LOC"),
        ("PER", "Gatsby", "PER"),
        ("ORG", "ANDREW CABALLERO-REYNOLDS", "PER"),
        ("ORG", "FC BAYERN", "ORG"),
    ],
)
def test_a_whole_name_has_the_label_that_tables_are_sure_of(label, surface, expected):
    name = Name(4, 4 + len(surface), label, "name", 0.7, "model")
    found = [one.label for one in settle(f"Dem {surface} sagte sie", [name])]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(("score", "expected"), [(0.7, "ORG"), (0.97, "PER")])
def test_a_founder_is_one_where_the_engine_is_sure(score, expected):
    name = Name(10, 19, "PER", "name", score, "model")
    assert [one.label for one in settle("das hatte Schlecker gesagt", [name])] == [expected]


@pytest.mark.parametrize("kind", ["part", "deriv"])
def test_parts_and_derivations_stay(kind):
    name = Name(0, 8, "PER", kind, 0.7, "model")
    assert list(settle("STANDARD-Leser", [name])) == [name]
    adjective = Name(4, 13, "LOC", "deriv", 0.7, "model")
    assert list(settle("der russische Gast", [adjective])) == [adjective]


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("Scott", "Bessent", True),
        ("Nishikori", "Berdych", False),
        ("Anna", "Peter", False),
        ("Anna", "Maria Huber", True),
    ],
)
def test_a_given_name_and_the_surname_after_it_are_one_person(first, second, joined):
    text = f"Finanzminister {first} {second} kam"
    start = 15
    names = [
        Name(start, start + len(first), "PER", "name", 0.9, "model"),
        Name(start + len(first) + 1, start + len(first) + 1 + len(second), "PER", "name", 0.6, "model"),
    ]
    found = [text[name.start : name.end] for name in settle(text, names)]
    assert found == ([f"{first} {second}"] if joined else [first, second])


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("durch ihren Finanzminister Scott Bessent vertragliche Zusagen", "Scott Bessent"),
        ("die Außenministerin Scott Bessent, die", "Scott Bessent"),
        ("warf Minister Scott Vorwürfe vor", "Scott"),
        ("warf Minister Scott Versagen vor", "Scott"),
        ("gab Minister Scott EU-Mittel", "Scott"),
        ("sagte Scott Bessent", "Scott"),
        ("sah der Minister Scott in Paris", "Scott"),
    ],
)
def test_a_surname_that_was_missed_after_an_office_is_part_of_the_name(text, joined):
    start = text.index("Scott")
    (name,) = settle(text, [Name(start, start + 5, "PER", "name", 0.9, "model")])
    assert text[name.start : name.end] == joined


def test_a_surname_is_not_taken_from_another_name():
    text = "die Ministerin Anna Wien"
    names = [Name(15, 19, "PER", "name", 0.9, "model"), Name(20, 24, "LOC", "name", 0.9, "model")]
    assert [text[name.start : name.end] for name in settle(text, names)] == ["Anna", "Wien"]


def settled(text, *names):
    """Label and text of what becomes of names, each given as label and text."""
    found = [Name(text.index(name), text.index(name) + len(name), label, "name", 0.7, "model") for label, name in names]
    return [(one.label, text[one.start : one.end]) for one in settle(text, found)]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Das Landgericht Leipzig entschied", ("LOC", "Leipzig"), [("ORG", "Landgericht Leipzig")]),
        ("Die Staatsanwaltschaft Linz klagte", ("LOC", "Linz"), [("ORG", "Staatsanwaltschaft Linz")]),
        ("Am Schauspiel Köln", ("LOC", "Köln"), [("ORG", "Schauspiel Köln")]),
        ("Die Handwerkskammer Schwerin", ("LOC", "Schwerin"), [("ORG", "Handwerkskammer Schwerin")]),
        ("vor Gericht Leipzig", ("LOC", "Leipzig"), [("LOC", "Leipzig")]),
        ("das Landgericht in Leipzig", ("LOC", "Leipzig"), [("LOC", "Leipzig")]),
        ("Frau B. schwieg", ("PER", "B."), [("PER", "B.")]),
        (
            "Foto: Anna Huber/Karl Meier",
            ("PER", "Anna Huber/Karl Meier"),
            [("PER", "Anna Huber"), ("PER", "Karl Meier")],
        ),
        ("Platz / Wall", ("LOC", "Platz / Wall"), [("LOC", "Platz / Wall")]),
        ("A / Budapester Straße", ("LOC", "A / Budapester Straße"), [("LOC", "A / Budapester Straße")]),
        (
            "Holzweg / Budapester Straße",
            ("LOC", "Holzweg / Budapester Straße"),
            [("LOC", "Holzweg"), ("LOC", "Budapester Straße")],
        ),
        ("in Frankfurt/Main", ("LOC", "Frankfurt/Main"), [("LOC", "Frankfurt/Main")]),
        ("bei Frankfurt / Main", ("LOC", "Frankfurt / Main"), [("LOC", "Frankfurt / Main")]),
        ("(Cloppenburg / Vechta)", ("LOC", "Cloppenburg / Vechta"), [("LOC", "Cloppenburg"), ("LOC", "Vechta")]),
        ("Bahnweg / Hafengasse", ("LOC", "Bahnweg / Hafengasse"), [("LOC", "Bahnweg"), ("LOC", "Hafengasse")]),
        ("die A23 Heide", ("LOC", "A23 Heide"), [("LOC", "A23"), ("LOC", "Heide")]),
        ("in Ulm Albtunnel gesperrt", ("LOC", "Ulm Albtunnel"), [("LOC", "Ulm"), ("LOC", "Albtunnel")]),
        ("in Ulm Tunnel Alb", ("LOC", "Ulm Tunnel Alb"), [("LOC", "Ulm"), ("LOC", "Tunnel Alb")]),
        ("im Langen Albtunnel", ("LOC", "Langen Albtunnel"), [("LOC", "Langen"), ("LOC", "Albtunnel")]),
        ("der A 23", ("LOC", "A 23"), [("LOC", "A 23")]),
        (
            "Bau Bremen \u2013 Osnabr\u00fcck Hbf",
            ("LOC", "Bremen \u2013 Osnabr\u00fcck Hbf"),
            [("LOC", "Bremen"), ("LOC", "Osnabr\u00fcck Hbf")],
        ),
        ("in Hamburg - Altona", ("LOC", "Hamburg - Altona"), [("LOC", "Hamburg - Altona")]),
        ("Foto: dpa / AFP / Archiv", ("ORG", "dpa / AFP / Archiv"), [("ORG", "dpa"), ("ORG", "AFP")]),
        ("(dpa / th)", ("ORG", "dpa / th"), [("ORG", "dpa")]),
        ("240 Centner Heu", ("MISC", "Centner"), []),
        ("Herr Centner kam", ("PER", "Centner"), [("PER", "Centner")]),
        ("der Gensdarm kam", ("LOC", "Gensdarm"), []),
        ("die Primarschule Madretsch", ("ORG", "Madretsch"), [("ORG", "Primarschule Madretsch")]),
        ("am Gymnasium Biel", ("LOC", "Biel"), [("ORG", "Gymnasium Biel")]),
        ("die Schule in Biel", ("LOC", "Biel"), [("LOC", "Biel")]),
        ("@SPIEGEL @ZDF lest", ("ORG", "@SPIEGEL @ZDF"), [("ORG", "@SPIEGEL"), ("ORG", "@ZDF")]),
        ("Netz der Bahn / @VVS", ("ORG", "Bahn / @VVS"), [("ORG", "Bahn"), ("ORG", "@VVS")]),
        ("sagte von der Leyen", ("PER", "der Leyen"), [("PER", "von der Leyen")]),
        ("Vale meets Whitby or Hawick", ("PER", "Whitby"), [("LOC", "Whitby")]),
        ("Mr Hawick said", ("PER", "Hawick"), [("PER", "Hawick")]),
        ("das Institut für Bau rechnet damit", ("ORG", "Institut für Bau rechnet"), [("ORG", "Institut für Bau")]),
        ("in Frankfurt am Main", ("LOC", "am Main"), [("LOC", "Main")]),
        ("the islanders", ("LOC", "islanders"), []),
        ("nach berlin", ("LOC", "berlin"), [("LOC", "berlin")]),
        ("PHOTO: Huber", ("ORG", "PHOTO"), []),
        ("Köln/Linz (dpa)", ("LOC", "Köln/Linz"), [("LOC", "Köln"), ("LOC", "Linz")]),
        ("in Lindau/Bodensee", ("LOC", "Lindau/Bodensee"), [("LOC", "Lindau/Bodensee")]),
        ("am Flughafen Köln/Bonn", ("LOC", "Köln/Bonn"), [("LOC", "Köln/Bonn")]),
        ("am Landgericht München I sagte", ("ORG", "Landgericht München"), [("ORG", "Landgericht München I")]),
        ("am Amtsgericht Linz II.", ("ORG", "Amtsgericht Linz"), [("ORG", "Amtsgericht Linz II")]),
        ("das Landgericht Linz I. Lund", ("ORG", "Landgericht Linz"), [("ORG", "Landgericht Linz I")]),
        ("Kammer des Landgerichts Linz I an", ("LOC", "Linz"), [("ORG", "Landgerichts Linz I")]),
        ("das Landgericht Linz IV", ("ORG", "Landgericht Linz"), [("ORG", "Landgericht Linz")]),
        ("des Heimatvereins Biel", ("LOC", "Biel"), [("ORG", "Heimatvereins Biel")]),
        ("zeigt der Heimatverein Gemälde", ("LOC", "Gemälde"), [("LOC", "Gemälde")]),
        ("die Freiwillige Feuerwehr Biel", ("LOC", "Biel"), [("ORG", "Freiwillige Feuerwehr Biel")]),
        ("die Narrenzunft Lindau", ("PER", "Lindau"), [("ORG", "Narrenzunft Lindau")]),
        ("der 38. Kirchentag", ("ORG", "38."), []),
        ("des 63 et 65", ("LOC", "63"), []),
        ("gegen 1860", ("ORG", "1860"), [("ORG", "1860")]),
        ("die Firma Wiegand & Co", ("ORG", "Wiegand &"), [("ORG", "Wiegand")]),
    ],
)
def test_a_name_has_its_own_edges(text, name, expected):
    assert settled(text, name) == expected


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        (
            "Herr Landrath von D\u00f6ring half",
            [("PER", "Landrath von D\u00f6ring")],
            [("PER", "name", "von D\u00f6ring")],
        ),
        ("mit Finanzminister Schmid", [("PER", "Finanzminister Schmid")], [("PER", "name", "Schmid")]),
        ("mit Murat Kurnaz", [("PER", "Murat Kurnaz")], [("PER", "name", "Murat Kurnaz")]),
        ("Minister K.-H. Brandt", [("PER", "Brandt")], [("PER", "name", "K.-H. Brandt")]),
        ("he F.M.Baron Medem", [("PER", "F.M."), ("PER", "Baron Medem")], [("PER", "name", "F.M.Baron Medem")]),
        ("zu K.-H. Brandt", [("PER", "K.-H"), ("PER", "Brandt")], [("PER", "name", "K.-H. Brandt")]),
        ("zu F. M. Brandt", [("PER", "F."), ("PER", "Brandt")], [("PER", "name", "F. M. Brandt")]),
        (
            "der S.P.D. Brandt",
            [("ORG", "S.P.D."), ("PER", "Brandt")],
            [("ORG", "name", "S.P.D."), ("PER", "name", "Brandt")],
        ),
        (
            "Lund F. M. Brandt",
            [("PER", "Lund F."), ("PER", "Brandt")],
            [("PER", "name", "Lund F."), ("PER", "name", "Brandt")],
        ),
        ("selon M. Dubois", [("PER", "Dubois")], [("PER", "name", "Dubois")]),
        ("der Ratzeburger Achter", [("LOC", "Ratzeburger")], [("LOC", "deriv", "Ratzeburger")]),
        ("der Ratzeburger", [("LOC", "Ratzeburger")], [("LOC", "name", "Ratzeburger")]),
        ("ein Huber Traktor", [("PER", "Huber")], [("PER", "name", "Huber")]),
        ("Hamburgs Hauptbahnhof", [("LOC", "Hamburgs Hauptbahnhof")], [("LOC", "name", "Hamburgs")]),
        ("trotz Russlands Sieg", [("PER", "Russlands")], [("LOC", "name", "Russlands")]),
        ("gegen Sturm Graz", [("LOC", "Graz")], [("ORG", "name", "Sturm Graz")]),
        ("der Richter Anna Lund", [("PER", "Richter"), ("PER", "Anna Lund")], [("PER", "name", "Anna Lund")]),
        (
            "traf Merz Anna Lund",
            [("PER", "Merz"), ("PER", "Anna Lund")],
            [("PER", "name", "Merz"), ("PER", "name", "Anna Lund")],
        ),
        ("mit Kardinal Anna Lund", [("PER", "Kardinal Anna Lund")], [("PER", "name", "Anna Lund")]),
    ],
)
def test_initials_belong_to_a_name_and_offices_do_not(text, names, expected):
    rows = [Name(text.index(one), text.index(one) + len(one), label, "name", 0.7, "model") for label, one in names]
    assert [(one.label, one.kind, text[one.start : one.end]) for one in settle(text, rows)] == expected


def test_an_adjective_inside_a_name_is_no_mention_of_its_country():
    inside, beside = (Name(start, start + 8, "LOC", "deriv", 0.9, "model") for start in (4, 22))
    text = "Die Deutsche Bahn und deutsche Gleise"
    assert list(settle(text, [inside, Name(4, 17, "ORG", "name", 0.9, "model"), beside]))[1:] == [beside]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("im Zürcher Oberland", [("deriv", "Zürcher"), ("name", "Oberland")], [("name", "Zürcher Oberland")]),
        ("des Bayerischen Waldes", [("deriv", "Bayerischen")], [("name", "Bayerischen Waldes")]),
        ("Bayerische Seenplatten", [("deriv", "Bayerische")], [("deriv", "Bayerische")]),
        ("Französische Wald- und Wiesenwege", [("deriv", "Französische")], [("deriv", "Französische")]),
        ("im bayerischen Wald", [("deriv", "bayerischen")], [("deriv", "bayerischen")]),
        ("der Kölner Dom", [("deriv", "Kölner")], [("deriv", "Kölner")]),
    ],
)
def test_an_adjective_and_the_landscape_after_it_are_one_name(text, names, expected):
    found = [Name(text.index(name), text.index(name) + len(name), "LOC", kind, 0.9, "model") for kind, name in names]
    assert [(one.kind, text[one.start : one.end]) for one in settle(text, found)] == expected


@pytest.mark.parametrize(
    ("surface", "parts"),
    [
        ("US-russischen", ["US", "russischen"]),
        ("deutsch-französische", ["deutsch", "französische"]),
        ("Deutsch-Schweizer", ["Deutsch", "Schweizer"]),
        ("US-amerikanische", ["US-amerikanische"]),
        ("rheinland-pfälzischen", ["rheinland-pfälzischen"]),
        ("griechisch-orthodoxer", ["griechisch-orthodoxer"]),
        ("russischen", ["russischen"]),
    ],
)
def test_an_adjective_of_two_places_is_two(surface, parts):
    text = f"die {surface} Beziehungen"
    found = list(settle(text, [Name(4, 4 + len(surface), "LOC", "deriv", 0.9, "model")]))
    assert [(text[one.start : one.end], one.label, one.kind) for one in found] == [
        (part, "LOC", "deriv") for part in parts
    ]


@pytest.mark.parametrize(
    ("surface", "left"),
    [
        ("Wollen Abstand", False),
        ("Haben Fehler gemacht", False),
        ("Wollen Sie tanzen", True),
        ("Sind wir noch Freunde?", True),
        ("Macht Musik", True),
        ("Haben und Sein", True),
    ],
)
def test_what_was_said_in_telegram_style_is_no_title(surface, left):
    assert bool(list(settle(surface, [Name(0, len(surface), "MISC", "name", 0.6, "model")]))) is left
    assert list(settle(surface, [Name(0, len(surface), "MISC", "name", 0.95, "model")]))


@pytest.mark.parametrize(
    ("surface", "parts"),
    [
        ("Anna Lindquist Bocholt", [("PER", "Anna Lindquist"), ("LOC", "Bocholt")]),
        ("Anna Maria Bocholt", [("PER", "Anna Maria Bocholt")]),
        ("Anna Bocholt", [("PER", "Anna Bocholt")]),
        ("Anna L. Bocholt", [("PER", "Anna L. Bocholt")]),
        ("Graf Anna Bocholt", [("PER", "Graf Anna Bocholt")]),
        ("Anna van Bocholt", [("PER", "Anna van Bocholt")]),
        ("Anna Lindquist Winter", [("PER", "Anna Lindquist Winter")]),
    ],
)
def test_the_town_behind_who_wrote_is_a_place(surface, parts):
    found = settle(surface, [Name(0, len(surface), "PER", "name", 0.9, "model")])
    assert [(name.label, surface[name.start : name.end]) for name in found] == parts
