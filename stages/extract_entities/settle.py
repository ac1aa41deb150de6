"""Names that the tables know better than the model: newspapers that are no persons, months that are no places."""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cache, lru_cache

from stages.extract_entities.names import Name
from stages.extract_entities.names.features import listed
from stages.extract_entities.values.lexicon import LANGUAGES, lexicon
from stages.lookups.fold import REMEMBERED, given_key, plain, uninflected, without_ending
from stages.lookups.known_names import common_surnames, given_names, landscapes, lists, offices, places

# What is hardly ever a person or a place. A ministry stands for its house; of clubs and companies that are called like
# a town the town counts.
SETTLED = frozenset({
    "agency", "broadcaster", "newspaper", "programme", "party", "authority", "association", "bank", "club", "company",
    "platform",
})  # fmt: skip
FOUNDED = frozenset({"club", "company"})
NEVER_PLACES = frozenset({"month", "weekday", "currency", "relative_day", "daily"})

SURE = 0.9  # of a score: here the model is believed
CLUB_YEAR = re.compile("(?:18|19)[0-9]{2}|0[0-9]|[0-9]{2}")  # "1860", "04": what a club is called for short
PRICE = re.compile("[\u20ac$\u00a3\u00a5] ?[0-9]")
NUMBER = re.compile(r"[0-9] $")  # right before a unit: "240 Centner"
INITIAL = re.compile(r"[A-ZÄÖÜ]\.?")
AFTER_VON = ("der ", "den ", "dem ")
ADDRESSES = frozenset({"herr", "herrn", "frau", "fräulein", "mr", "mrs", "ms", "sir", "lady", "lord", "m", "mme", "dr"})
BETWEEN_NAMES = re.compile("[/@0-9\u2013\u2014]|[Tt]unnel")  # only a name with one of these may be several
TOUCHING = re.compile(r"[^\s/]/[^\s/]")
BETWEEN_SLASHES = re.compile(r"[^\s/](?:[^/]*[^\s/])?")
# Rivers that a town is called like too; the waters and landscapes of the list as well: "Lindau/Bodensee" is one place.
WATERS = frozenset({"Inn", "Lech", "Ems", "Main", "Oder", "Ruhr"})
# "A23 Heide", "Bassum – Kiel": a road and the town at it, the ends of a line. A spaced hyphen may be a tokeniser's.
ROAD = re.compile(r"[ABKLS] ?[0-9]{1,4}(?= [A-ZÄÖÜ])")
TUNNEL = re.compile(r" (?=(?:[A-ZÄÖÜ][\w-]*[a-z-][Tt]unnel|Tunnel [A-ZÄÖÜ][\w-]+)$)")  # "Stuttgart Schönbuchtunnel"
BETWEEN_DASHES = re.compile("[^\u2013\u2014 ](?:[^\u2013\u2014]*[^\u2013\u2014 ])?")
PLACE_MARKS = frozenset("BCGP")  # of towns and countries in the lists, also of names that several towns bear
STATION = re.compile(r"(?: \([A-Z][\w. ]*\))?(?: (?:Hbf|Hauptbahnhof))?$")
STREET = re.compile(r".*(?i:straße|strasse|str\.|platz|allee|gasse|chaussee|weg|ring|markt)$")
ADDRESSEES = re.compile(r"[^\s/](?:(?! (?:/ )?@).)*")
# "Karlsruher Institut für Infrastruktur rechnet"
TAIL = re.compile(r"(?<=\w)(?: &| [a-zäöüß]{3,}t)$")
# "Hamburgs Hauptbahnhof": a town and a noun of it.
OF_TOWN = re.compile(
    r"(?<=[a-zäöüß]s) (?:(?:Haupt)?[Bb]ahnhof|Flughafen|Rathaus|Altstadt|Innenstadt|Zentrum|Partnerstadt)s?$"
)
PREPOSITION = re.compile(r"(?:am|im|in|bei|vom|zum|an der|in der) (?=[A-ZÄÖÜ])")  # "am Main"
TOWN = r"[A-Z][a-z]+(?:wick|mouth|shire|borough|chester|caster|minster|pool)"
PLACE_ENDING = re.compile(TOWN)
BESIDE_TOWN = re.compile(rf"[A-Z][a-z]+(?:by|ham|ton|ley|field|stead) (?:or|and) {TOWN}\b")  # "Whitby or Hawick"
# What an adjective makes the name of a landscape: "Zürcher Oberland", "Sächsische Schweiz".
LANDSCAPE = re.compile(
    r" (?:(?:Ober|Unter|Mittel|Wein|Hoch|Tief|Berg|Hügel|Vor|Hinter)land|Wald|Heide|Becken|Bucht|Förde|Alb|Seenplatte"
    r"|Börde|Marsch|Schweiz|See|Moor|Haff|Bodden|Jura|Tiefebene|Ried|Riviera|Forst)(?:es|s)?(?![\w-])"
)
NUMBERS_OF_COURTS = (" I", " II")
NUMBER_OF_COURT = re.compile(r" II?(?![\w.-])| II?(?=\.(?:\s[A-ZÄÖÜ]|$))")
LONGEST_INSTITUTION = 40  # characters
LONGEST_INITIALS = 12
SHORTEST_UNIT = 3  # letters: shorter ones are initials as well
# Courts, schools and authorities that are called by their town, right before it.
INSTITUTION = re.compile(
    r"\b(?:[A-ZÄÖÜ][\w-]*(?:gericht(?:e?s)?|schule|gymnasium|kammer|theater)|Gymnasium|(?:General)?[Ss]taatsanwaltschaft"
    r"|(?:Freiwilligen? )?Feuerwehr|Narrenzunft"
    r"|Polizei(?:präsidium|inspektion|direktion)|(?:Technische |Freie )?Universität|Uni|TU|FH|Hochschule"
    r"|Universitätsklinik(?:um)?|Uniklinik(?:um)?|Klinikum|Stadtwerke|Volksbank|Raiffeisenbank|Kreissparkasse|Sparkasse"
    r"|Oper|Schauspiel|Regierungspräsidium|Landeskriminalamt|Kantonspolizei|Städtetag|Bauernverband|Eintracht|Borussia|Fortuna|Arminia|Alemannia|Viktoria|Admira|Wacker"
    r"|Dynamo|Hansa|Lokomotive|Rot-Weiß|Rot-Weiss|Blau-Weiß|Schwarz-Weiß|Sturm|Rapid|FC|SC|SV|VfL|VfB|FSV|TSV|TSG|SpVgg"
    r"|HSG|THW) $"
)
# Clubs and unions, before a town of the tables alone.
ASSOCIATION = re.compile(r"\b[A-ZÄÖÜ][\w-]*(?:verein|verband)(?:e?s)? $")
NOUN_BEFORE = re.compile(r"(?:^|\s)[A-ZÄÖÜ][\w-]+ $")  # "Flughafen Köln/Bonn"

# Offices and professions that an engine took for the beginning of a name ("Landrath von Döring"), also in old spelling.
TITLE = re.compile(
    r"(?=[A-ZÄÖÜ])(?i:[\w-]*(?:präsident|kanzler|minister|premier|chef|vorsitzende|sekretär|bürgermeister|kommissar|senator"
    r"|gouverneur|botschafter|beauftragte|hauptmann|kommandant|direktor|professor|pfarrer|sprecher|abgeordnete|inspektor"
    r"|polizist|dechant|dekan|kardinal|pastor|propst|richter|anwalt|oberst|leutnant|major|landrät|rätin"
    r"|(?:land|hof|geheim|kommerzien|stadt|ministerial|regierungs|justiz|medizinal|sanitäts|schul|kirchen|bau|forst)rath?)"
    r"(?:innen|in|en|es|er|s|e|n|r)?) (?=[A-ZÄÖÜ]|v\.|von |van |de )"
)
INITIALS = re.compile(r"(?<![\w.-])[A-ZÄÖÜ]\.(?:[- ]?[A-ZÄÖÜ]\.){1,2} ?$")  # a single "M." may be Monsieur
INITIALS_ALONE = re.compile(r"(?:[A-ZÄÖÜ]\.[- ]?)*[A-ZÄÖÜ]\.?")  # as engines find them: "K.-H"
LIKE_A_TOWN = re.compile(
    r"(?:burg|berg|stadt|dorf|hausen|heim|ing|furt|bach|brück|kirchen|feld|hagen|münde|haven|au)er$"
)
INHABITANTS = re.compile(r"[A-ZÄÖÜ][a-zäöüß]{2,}er")

# What somebody said in telegram style is no title: "Wollen Abstand". A question is: "Wollen Sie tanzen?".
SAID = re.compile(
    r"(?:Wollen|Müssen|Können|Sollen|Dürfen|Mögen|Haben|Sind|Werden|Brauchen|Wollten|Mussten|Konnten|Sollten|Durften"
    r"|Hatten|Waren|Wurden|Möchten|Könnten|Würden|Hätten|Wären) (?!Sie\b|Ihr\b|Wir\b)[A-ZÄÖÜ]"
)

# A surname that the model missed, right after the given name; what has the ending of a noun may be one.
SURNAME = re.compile(r" ([A-ZÄÖÜ][a-zäöüßéèáíóúçñ]{2,})\b(?!-)")
OF_NOUNS = ("e", "en", "er", "ung", "heit", "keit", "schaft", "tion", "mus", "in", "chen", "lein", "s")


def settle(text: str, found: Sequence[Name]) -> Iterator[Name]:
    """Give the names of a sentence with the label that tables are sure of, without what is no name of a place.

    Only whole names change; parts of compounds stay, derivations too where they stand in no name, and every
    organisation. A given name and the word after it, found as two persons, are one; after an office ("Finanzminister
    Scott Bessent") also where the second was not found at all.

    >>> paper = Name(4, 12, "PER", "name", 0.6, "model")
    >>> [name.label for name in settle("Dem STANDARD sagte sie", [paper])]
    ['ORG']
    >>> list(settle("Ende März", [Name(5, 9, "LOC", "name", 0.6, "model")]))
    []
    >>> [name.label for name in settle("dass Kiew bei Verhandlungen", [Name(5, 9, "PER", "name", 0.9, "model")])]
    ['LOC']
    >>> parts = [Name(4, 9, "PER", "name", 0.9, "model"), Name(10, 17, "PER", "name", 0.6, "model")]
    >>> [name[:3] for name in settle("Dem Scott Bessent", parts)]
    [(4, 17, 'PER')]
    """
    for name in found if _stand_alone(text, found) else _whole(text, found):
        surface, is_sure = text[name.start : name.end], name.score >= SURE
        label, is_open = _told_by_text(name.label, name.kind, surface, is_sure)
        if is_open:
            if (told := _told_by_sentence(text, name, surface)) is None:
                continue
            name = told
            label = _label_of_tables(name.label, name.kind, surface, is_sure)
        if label == "ORG" and (numbered := _number_of_court(text, surface, name.end)):
            name = name._replace(end=numbered)
        if label is not None:
            yield name if label == name.label else name._replace(label=label)


def _number_of_court(text: str, surface: str, end: int) -> int:
    """Where the number after a court's town ends, of which there are two ("Landgericht München I"); 0 without one."""
    if "gericht" not in surface or surface.endswith(NUMBERS_OF_COURTS):
        return 0
    number = NUMBER_OF_COURT.match(text, end)
    return number.end() if number and " " in surface else 0


@lru_cache(REMEMBERED)
def _told_by_text(label: str, kind: str, surface: str, is_sure: bool) -> tuple[str | None, bool]:
    """The label of a name by its text alone, none where it is no name, and whether its sentence has a say in that."""
    if _is_no_name(label, kind, surface) or (label == "MISC" and not is_sure and SAID.match(surface)):
        return None, False
    if _depends(label, surface, is_sure):
        return None, True
    return _label_of_tables(label, kind, surface, is_sure), False


def _stand_alone(text: str, found: Iterable[Name]) -> bool:
    """Whether each of these names is whole as it is, and none is part of another, or of what stands around it."""
    end, after_given = 0, -1
    for start, last, label, kind, score, _ in found:
        if start < end or start == after_given:
            return False
        end = last
        if kind == "deriv" and (LANDSCAPE.match(text, last) or _second_adjective(text[start:last])):
            return False
        if kind != "name":
            continue
        surface = text[start:last]
        if not _is_whole(label, surface):
            return False
        if label == "PER":
            if _town_after(surface):
                return False
            if "." in text[max(0, start - 2) : start]:
                return False
            if text[last : last + 1] == " " and _is_title(surface):
                return False
            if _is_given(surface) and text[last : last + 1] == " ":
                if _after_office(text[:start]):
                    return False
                after_given = last + 1
        if _may_be_of_institution(label, score, surface) and _of_institution(text, 0, start, label, surface):
            return False
    return True


@lru_cache(REMEMBERED)
def _is_whole(label: str, surface: str) -> bool:
    """Whether the text of a name is one name from edge to edge, and nothing of a name is missing before it."""
    if BETWEEN_NAMES.search(surface) and _spans_side_by_side(label, surface) != [(0, len(surface))]:
        return False
    return _edges(label, surface) == (0, len(surface)) and not (label == "PER" and surface.startswith(AFTER_VON))


def _whole(text: str, found: Iterable[Name]) -> Iterator[Name]:
    """The names of a sentence in order, parted and put together as what stands around them says."""
    # Initials alone that were found as a person go to the name after them, those at the end of another name do not.
    parts, end = list[Name](), 0
    for part in (part for name in found for part in _parts(text, name)):
        parts.append(_with_what_is_before(text, part, end))
        if part.kind == "name" and not (part.label == "PER" and INITIALS_ALONE.fullmatch(text, part.start, part.end)):
            end = max(end, part.end)
    ordered = _whole_landscapes(text, _without_inner(parts))
    return _whole_institutions(text, _whole_persons(text, ordered))


def _depends(label: str, surface: str, is_sure: bool) -> bool:
    """Whether a name's text may be a unit, an initial or of a town, so that what stands around it has a say."""
    doubted = (label == "PER" and not is_sure) or (label == "ORG" and surface.isupper())
    return doubted or len(surface) < 3 or surface.endswith("er") or surface in _units()


def _told_by_sentence(text: str, name: Name, surface: str) -> Name | None:
    """A name with the label and kind that its sentence tells; none where it tells that it is no name."""
    if name.kind == "name" and surface in _units() and NUMBER.search(text, max(0, name.start - 2), name.start):
        return None
    if _is_initial(name, surface) and not _after_address(text[: name.start]):
        return None
    if name.label == "ORG" and surface.isupper() and is_person_in_capitals(surface):
        name = name._replace(label="PER")
    if name.label == "PER" and _ends_like_a_town(text, name) and not _after_address(text[: name.start]):
        name = name._replace(label="LOC")
    if surface.endswith("er") and _is_adjective_of_place(text, name):
        name = name._replace(label="LOC", kind="deriv")
    return name


def _label_of_tables(label: str, kind: str, surface: str, is_sure: bool) -> str | None:
    """The label of a name by what the tables know of its text, whatever stands around it; none where it is no name."""
    if label != "LOC" and (label == "PER" or kind == "part") and _is_place(surface):
        label = "LOC"
    if kind != "name" or label == "ORG" or (label == "MISC" and " " not in surface):
        return label
    if _is_organisation(surface) and not (is_sure and _is_of_founder(surface)):
        return "ORG"
    return None if label == "LOC" and _is_no_place(surface) else label


def _with_what_is_before(text: str, name: Name, since: int) -> Name:
    """A name between its edges, with the "von" before its "der", with the initials before a person: "K.-H. Brandt".

    What stands before ``since`` is of other names.
    """
    if name.kind != "name":
        return name
    surface = text[name.start : name.end]
    first, last = _edges(name.label, surface)
    start, end = name.start + first, name.start + last
    after_von = text[max(0, start - 5) : start] == " von " and start - len("von ") >= since
    if name.label == "PER" and after_von and surface.startswith(AFTER_VON):
        start -= len("von ")
    elif name.label == "PER" and "." in text[max(0, start - 2) : start]:
        initials = INITIALS.search(text[max(since, start - LONGEST_INITIALS) : start])
        start -= len(initials[0]) if initials else 0
    return name if (start, end) == (name.start, name.end) else name._replace(start=start, end=end)


def _edges(label: str, surface: str) -> tuple[int, int]:
    """Where in its text a name begins and ends: without an office before a person, "am" or a noun of the town.

    Nor with a verb or an "&" behind an organisation.
    """
    end = len(surface)
    if label == "PER":
        title = TITLE.match(surface)
        return (title.end() if title and not _is_given(title[0].rstrip()) else 0), end
    if label == "LOC" and (small := PREPOSITION.match(surface)):
        return small.end(), end
    if label == "LOC" and (noun := OF_TOWN.search(surface)) and plain(surface[: noun.start() - 1]) in places():
        return 0, noun.start()
    tail = TAIL.search(surface) if label == "ORG" else None
    return 0, tail.start() if tail else end


def _without_inner(names: list[Name]) -> list[Name]:
    """The names in order without adjectives and initials that are part of one: no "Deutschland" in "Deutsche Bahn"."""
    if len(names) < 2:
        return names
    kept = []
    end = 0  # of the whole names before
    for name in sorted(names, key=lambda one: (one.start, -one.end, one.kind != "name")):
        if name.kind == "part" or name.end > end:
            kept.append(name)
        end = max(end, name.end if name.kind == "name" else 0)
    return kept


def _whole_landscapes(text: str, ordered: list[Name]) -> list[Name]:
    """The names in order, an adjective of a place and the landscape after it as one name.

    Where a sentence begins, a capital says nothing of "Bayerische": there only "Zürcher" is part of such a name.
    """
    if not any(name.kind == "deriv" for name in ordered):
        return ordered
    names: list[Name] = []
    end = 0  # of the landscape before
    for name in ordered:
        surface = text[name.start : name.end]
        is_adjective = name.kind == "deriv" and name.label == "LOC" and surface[:1].isupper()
        is_opening = name.start == 0 and not surface.endswith("er")
        noun = LANDSCAPE.match(text, name.end) if is_adjective and not is_opening else None
        if noun is not None:
            end = noun.end()
            names.append(name._replace(end=end, kind="name"))
        elif name.start >= end:
            names.append(name)
    return names


def _is_adjective_of_place(text: str, name: Name) -> bool:
    """Whether an engine took "Ratzeburger" before a noun for a place or, not sure, a person."""
    doubted = name.label == "LOC" or (name.label == "PER" and name.score < SURE)
    if not doubted or name.kind != "name" or not INHABITANTS.fullmatch(text, name.start, name.end):
        return False
    key = plain(text[name.start : name.end])
    town = {key[:-2], key[:-1], key[:-2] + "en"} & places().keys() or (name.label == "LOC" and LIKE_A_TOWN.search(key))
    before_noun = text[name.end : name.end + 1] == " " and text[name.end + 1 : name.end + 2].isupper()
    return before_noun and bool(town) and key not in places() and key not in common_surnames()


@lru_cache(REMEMBERED)
def is_person_in_capitals(surface: str) -> bool:
    """Whether words in capitals are a photographer in a credit ("ANDREW CABALLERO-REYNOLDS"): first a given name."""
    first, _, rest = surface.partition(" ")
    return surface.isupper() and rest[:1].isalpha() and _is_given(first)


def _parts(text: str, name: Name) -> Iterator[Name]:
    """The names that stand side by side in one: at a slash, at a dash, after a road, with an @ each, two adjectives.

    And a town and its tunnel, who wrote and the town of a byline.
    """
    if name.kind == "deriv" and (second := _second_adjective(text[name.start : name.end])):
        yield name._replace(end=name.start + second - 1)
        yield name._replace(start=name.start + second)
        return
    if name.kind == "name" and name.label == "PER" and (town := _town_after(text[name.start : name.end])):
        yield name._replace(end=name.start + town - 1)
        yield name._replace(start=name.start + town, label="LOC")
        return
    if name.kind != "name" or BETWEEN_NAMES.search(text, name.start, name.end) is None:
        yield name
        return
    if name.label == "LOC" and TOUCHING.search(text, name.start, name.end) and NOUN_BEFORE.search(text[: name.start]):
        yield name
        return
    for start, end in _spans_side_by_side(name.label, text[name.start : name.end]):
        yield name._replace(start=name.start + start, end=name.start + end)


@lru_cache(REMEMBERED)
def _town_after(surface: str) -> int:
    """Where in a person with a given name and a surname the town of a byline begins: "Eva Lund Bocholt"; else 0."""
    words = surface.split(" ")
    if len(words) != 3 or not all(word[:1].isupper() for word in words) or words[1].endswith("."):
        return 0
    key = plain(words[2])
    is_town = key in places() and key not in common_surnames() and given_key(key) not in given_names()
    return len(surface) - len(words[2]) if is_town and _is_given(words[0]) and not _is_given(words[1]) else 0


@lru_cache(REMEMBERED)
def _second_adjective(surface: str) -> int:
    """Where in an adjective of two places the second begins ("deutsch-französisch", "US-russisch"); 0 in others."""
    first, hyphen, second = surface.partition("-")
    if not hyphen or _place_of_adjective(surface):  # "US-amerikanisch", "rheinland-pfälzisch"
        return 0
    places_of_both = {_place_of_adjective(first), _place_of_adjective(second)}
    return len(first) + 1 if len(places_of_both - {None}) == 2 else 0


def _place_of_adjective(word: str) -> str | None:
    known = lists().adjectives
    return known.get(plain(word)) or known.get(without_ending(plain(word)))


def _spans_side_by_side(label: str, surface: str) -> list[tuple[int, int]]:
    """Where the names begin and end that an engine took for one: "Genf / Basel", "dpa / AFP", "A23 Heide"."""
    if " @" in surface:
        return [m.span() for m in ADDRESSEES.finditer(surface)]
    at_slashes = [m.span() for m in BETWEEN_SLASHES.finditer(surface)] if "/" in surface else []
    parts = [surface[start:end] for start, end in at_slashes]
    if label == "PER" and parts and all(part[0].isupper() for part in parts):
        return at_slashes
    if label == "ORG" and " / " in surface:  # "dpa / th": who wrote it
        return [(start, end) for start, end in at_slashes if start == 0 or not surface[start:end].islower()]
    apart = " / " in surface or (parts and parts[-1] not in WATERS and parts[-1] not in landscapes())
    if label == "LOC" and parts and apart and all(map(_is_stop, parts)):
        return at_slashes
    if label == "LOC" and (road := ROAD.match(surface)):
        return [road.span(), (road.end() + 1, len(surface))]
    if label == "LOC" and (tunnel := TUNNEL.search(surface)) and _is_stop(surface[: tunnel.start()]):
        return [(0, tunnel.start()), (tunnel.end(), len(surface))]
    at_dashes = [m.span() for m in BETWEEN_DASHES.finditer(surface)]
    if label == "LOC" and len(at_dashes) > 1 and all(_is_stop(surface[start:end]) for start, end in at_dashes):
        return at_dashes
    return [(0, len(surface))]


def _is_stop(surface: str) -> bool:
    """Whether a text is a town of the tables, with what tells its station from others or without, or a street."""
    return _is_town(STATION.sub("", surface)) or STREET.fullmatch(surface) is not None


def _is_town(surface: str) -> bool:
    """Whether a text is a town or country of the tables, also one of several that are called so."""
    return plain(surface) in places() or not PLACE_MARKS.isdisjoint(listed(surface))


def _whole_institutions(text: str, found: Iterable[Name]) -> Iterator[Name]:
    """The names in order, a court, school or authority and the town right after it ("Landgericht Leipzig") as one."""
    end = 0  # of the name before
    for name in found:
        surface = text[name.start : name.end]
        may_be = name.kind == "name" and _may_be_of_institution(name.label, name.score, surface)
        if may_be and _of_institution(text, end, name.start, name.label, surface):
            since = max(end, name.start - LONGEST_INSTITUTION)
            before = INSTITUTION.search(text, since, name.start) or ASSOCIATION.search(text, since, name.start)
            yield name if before is None else name._replace(start=before.start(), label="ORG")
        else:
            yield name
        end = name.end


def _may_be_of_institution(label: str, score: float, surface: str) -> bool:
    """Whether a name may be the town that an institution is called by: a place, or one word that may be none."""
    doubted = score < SURE and " " not in surface
    return label == "LOC" or (label in ("ORG", "PER") and doubted)


def _of_institution(text: str, since: int, start: int, label: str, surface: str) -> bool:
    """Whether right before a name stands what is called by it: an institution, before a town also a club.

    What was taken for a person ("Narrenzunft Lindau") has to be a town as well.
    """
    if after_institution(text, since, start):
        return label != "PER" or _is_town(surface)
    is_club = ASSOCIATION.search(text, max(since, start - LONGEST_INSTITUTION), start) is not None
    return is_club and _is_town(surface)


def after_institution(text: str, since: int, start: int) -> bool:
    """Whether right before a place stands a word that an institution is called by before its town."""
    if text[start - 1 : start] != " ":
        return False
    return _is_institution(text[max(since, start - LONGEST_INSTITUTION) : start - 1].rpartition(" ")[2])


@lru_cache(REMEMBERED)
def _is_institution(word: str) -> bool:
    """Whether a word is, or ends in, one that an institution is called by before its town."""
    return INSTITUTION.search(f"{word} ") is not None


def _after_address(before: str) -> bool:
    """Whether what stands before is "Herr", "Frau" and the like."""
    return before.rstrip().rpartition(" ")[2].rstrip(".").lower() in ADDRESSES


def _is_initial(name: Name, surface: str) -> bool:
    """Whether a name is one letter with a full stop or without: nobody's and no place's."""
    return (
        len(surface) < 3
        and name.kind == "name"
        and INITIAL.fullmatch(surface) is not None
        and surface not in lists().letters
    )


def _ends_like_a_town(text: str, name: Name) -> bool:
    """Whether an engine that was not sure took an English town ("Hawick", "Bournemouth") for a person."""
    if name.score >= SURE or name.kind != "name":
        return False
    if PLACE_ENDING.fullmatch(text, name.start, name.end) is None and BESIDE_TOWN.match(text, name.start) is None:
        return False
    surface = text[name.start : name.end]
    return plain(surface) not in common_surnames() and not _is_given(surface)


def _whole_persons(text: str, ordered: list[Name]) -> Iterator[Name]:
    """The names in order, a given name with the surname right after it as one."""
    before: Name | None = None
    starts = {one.start for one in ordered}
    for name in (_with_missed_surname(text, one, starts) for one in ordered):
        if before is not None and _is_title_of(text, before, name):
            before = None
        if before is not None and _is_given_of(text, before, name):
            name = before._replace(end=name.end, score=min(before.score, name.score))
        elif before is not None:
            yield before
        before = name
    if before is not None:
        yield before


def _with_missed_surname(text: str, name: Name, starts: set[int]) -> Name:
    """A given name alone after an office, with the word after it where that is no noun and no name of its own."""
    is_alone = name.label == "PER" and name.kind == "name" and _is_given(text[name.start : name.end])
    if not is_alone or not _after_office(text[: name.start]):
        return name
    surname = SURNAME.match(text, name.end)
    if surname is None or surname.start(1) in starts or surname[1].endswith(OF_NOUNS):
        return name
    return name._replace(end=surname.end())


def _after_office(before: str) -> bool:
    word = before.rstrip().rpartition(" ")[2].lower() if before[-1:] == " " else ""
    return word.removesuffix("in").endswith(offices())


def _is_given_of(text: str, first: Name, second: Name) -> bool:
    """Whether one person's name is a given name alone, and the other a surname alone after one space."""
    if not first.kind == second.kind == "name" or not first.label == second.label == "PER":
        return False
    if second.start != first.end + 1 or text[first.end] != " ":
        return False
    return _is_given(text[first.start : first.end]) and not _is_given(text[second.start : second.end])


def _is_title_of(text: str, first: Name, second: Name) -> bool:
    """Whether the first is the office right before a full name ("Richter Markus Lund"), taken for a person."""
    if not first.kind == second.kind == "name" or not first.label == second.label == "PER":
        return False
    if second.start != first.end + 1 or text[first.end] != " " or not _is_title(text[first.start : first.end]):
        return False
    given, space, _ = text[second.start : second.end].partition(" ")
    return bool(space) and _is_given(given)


@lru_cache(REMEMBERED)
def _is_title(surface: str) -> bool:
    """Whether one word is an office or profession."""
    return " " not in surface and TITLE.match(f"{surface} X") is not None and not _is_given(surface)


@lru_cache(REMEMBERED)
def _is_given(surface: str) -> bool:
    return given_key(plain(surface)) in given_names()


def _is_no_name(label: str, kind: str, surface: str) -> bool:
    """Whether a text is marks alone ("@"), a price, or what the tables know as nobody ("44 v. Chr.", "Hartz IV").

    And whether a person or place is a word in small letters ("islanders") that no town is called by.
    """
    key = plain(surface)
    nobody = (label != "MISC" and key in lists().nobody) or (label == "PER" and key in lists().no_persons)
    small = kind == "name" and label in ("PER", "LOC") and surface.islower() and " " not in surface
    is_price = PRICE.match(surface) is not None
    club = label == "ORG" and CLUB_YEAR.fullmatch(surface)
    is_number = label != "MISC" and not club and not any(map(str.isalpha, surface))
    return nobody or is_price or is_number or not any(map(str.isalnum, surface)) or (small and key not in places())


def _is_organisation(surface: str) -> bool:
    key = uninflected(plain(surface))
    known = lists().aliases.get(("ORG", key), key)
    return lists().kinds.get(known) in SETTLED and not _is_borne(key) and not _either(key, places())


def _is_of_founder(surface: str) -> bool:
    """Whether one word is a company or club: many are called by their founder ("Schlecker") or quarter."""
    key = uninflected(plain(surface))
    return " " not in surface and lists().kinds.get(lists().aliases.get(("ORG", key), key)) in FOUNDED


def _is_place(surface: str) -> bool:
    """Whether one word is a country, a region or a large city of the tables, and nobody's name."""
    if " " in surface:
        return False
    key = plain(surface)
    return _either(key, _known_places()) and not _is_borne(key)


def _is_borne(key: str) -> bool:
    """Whether a key, or what it is the genitive of, is a common surname, or a given name."""
    return _either(key, common_surnames()) or given_key(key) in given_names()


def _either(key: str, known: Container[str]) -> bool:
    """Whether a key is known, or what it is the genitive of."""
    return key in known or key.removesuffix("s") in known


@cache
def _known_places() -> frozenset[str]:
    known = lists()
    shown = {key for label, key in known.shown if label == "LOC"}
    return frozenset(shown | {name for (label, _), name in known.aliases.items() if label == "LOC"})


def _is_no_place(surface: str) -> bool:
    return surface.lower() in _never_places() or plain(surface) in lists().no_places


@cache
def _units() -> frozenset[str]:
    """The words of German units of measure that are written out: "Centner"."""
    words = lexicon("de")
    units = () if words is None else (word for word, kind in words.kinds.items() if kind == "unit")
    return frozenset(word for word in units if len(word) >= SHORTEST_UNIT)


@cache
def _never_places() -> frozenset[str]:
    """Months, weekdays and currencies of all languages that have value rules, in small letters."""
    words = [lexicon(language) for language in LANGUAGES]
    return frozenset(
        word.lower()
        for one in words
        if one is not None
        for word, kind in one.kinds.items()
        if kind in NEVER_PLACES and len(word) > 2
    ) - {place.lower() for place in lists().adjectives.values()}  # "Franken" is a region as well
