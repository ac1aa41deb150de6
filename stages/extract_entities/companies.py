"""Companies and clubs that a document says to be ones, also by their own name alone: "Nordwerke AG", "Nordwerke"."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from stages.extract_entities.names import Name
from stages.lookups.fold import REMEMBERED, given_key, plain
from stages.lookups.known_names import common_surnames, given_names, lists, openers, places

SHORTEST = 4  # letters of a company's own name that is looked for
SURE = 0.95  # of a score: what an engine says this surely stays what it says
DOUBTED = 0.9  # of a score: below it the word before a name is believed more than the engine
UNLISTED_DOUBTED = 0.99  # the same of a place that no list of places knows
SCORE = 0.8  # of names that are told here
TRADES = (
    "bauer", "hersteller", "konzern", "händler", "betreiber", "anbieter", "unternehmen", "versicherer",
    "dienstleister", "produzent", "zulieferer", "discounter", "fluglinie", "fluggesellschaft", "tochter",
)  # fmt: skip
CAPITAL = "[A-ZÄÖÜ]"
TRADE = re.compile(rf"(?={CAPITAL})(?i:[\w-]*(?:{'|'.join(TRADES)})s?) (?={CAPITAL})")
# With an adjective before it a trade is none of a name: "Schweizer Bank Helvetia Kredit".
SOMEWHERE = re.compile(rf"{CAPITAL}[a-zäöüß]+er [A-ZÄÖÜ]?[\w-]*(?:[Bb]ank|[Kk]anzlei|[Vv]erlag|[Ff]irma) (?={CAPITAL})")
LEAGUE = ("ligist", "ligisten")  # "Zweitligist Paderborn": the town stands for the club
# What stands right before a name and says what bears it; trades that people have as well are not here.
NOT_PEOPLE = (
    *LEAGUE,
    "hersteller", "konzern", "versicherer", "dienstleister", "zulieferer", "discounter", "fluglinie",
    "fluggesellschaft", "airline", "reederei", "brauerei", "firma", "verlag", "plattenlabel", "handelskette",
    "supermarktkette", "modekette", "hotelkette", "kaufhaus", "möbelhaus", "bankhaus", "großbank", "grossbank",
    "zeitung", "zeitschrift", "wochenblatt", "nachrichtenmagazin", "magazin", "agentur", "fernsehsender",
    "radiosender", "nachrichtensender", "rockband", "punkband", "popband", "metalband", "autobauer",
    "maschinenbauer", "flugzeugbauer", "anlagenbauer", "schiffbauer", "fußballklub", "fußballclub",
    "fußballverein", "sportverein", "traditionsverein", "traditionsklub", "softwareunternehmen", "unternehmen",
    "start-up", "gewerkschaft", "partei", "miliz", "terrorgruppe", "blaskapelle", "musikkapelle", "tanzkapelle",
    "orchester", "chor", "jazzband", "bigband", "coverband", "indieband", "mädchenband", "-band", "boygroup", "trio",
    "quartett", "quintett", "theatergruppe", "galerie", "klub", "stiftung", "genossenschaft", "initiative", "kanzlei",
    "hotel", "spedition", "werft", "fabrik", "sägewerk", "molkerei", "käserei", "metzgerei", "fleischerei", "bäckerei",
    "konditorei", "druckerei", "gärtnerei", "kellerei", "weberei", "spinnerei", "gießerei", "ziegelei", "baufirma",
    "sicherheitsfirma", "filmfirma", "produktionsfirma", "architekturbüro", "ingenieurbüro", "planungsbüro",
    "reisebüro", "beratungsgesellschaft", "konzertagentur", "holding",
)  # fmt: skip
# What is called by a name in quotation marks, whoever bore it first: die Fähre "Hanna Oldendorff", das Lied "Marlene".
TITLED = (
    "schiff", "fähre", "frachter", "schlepper", "kutter", "dampfer", "yacht", "tanker", "kreuzer", "fregatte",
    "boot", "segler", "eisbrecher", "roman", "krimi", "thriller", "erzählung", "novelle", "gedichtband", "bildband",
    "sammelband", "erzählband", "buch", "drama", "komödie", "tragödie", "stück", "oper", "operette", "film", "album",
    "single", "lied", "song", "ballade", "gemälde", "skulptur", "ausstellung",
)  # fmt: skip
A_BOOK = re.compile(r"\b(?:(?:ein|ihr|sein|mein|dies|d)e[mn]|im) (?:[a-zäöüß]+en )?Band $")  # the group is "die Band"
# Before a place these say where the seat is: "Arbeitsagentur Leipzig", "Piratenpartei Hessen".
SEATED = (
    "agentur",
    "partei",
    "gewerkschaft",
    "verlag",
    "zeitung",
    "brauerei",
    "firma",
    "kaufhaus",
    "verein",
    "klub",
    "bank",
    "orchester",
    "chor",
    "stiftung",
    "genossenschaft",
    "initiative",
    "werft",
    "hotel",
)
GENITIVE = re.compile("(?<=[a-zäöüß]{3})(?<![aeious])e?s$")  # "des Sägewerks", not "des Kaufhauses": "Haus" ends so
LONGEST_TRADE = 40  # characters
FORMS = ("AG", "GmbH", "gGmbH", "SE", "KG", "KGaA", "OHG", "Inc", "Inc.", "Ltd", "Ltd.", "LLC", "PLC")
BEFORE_FORMS = tuple(f" {form}" for form in FORMS)
FORM = f"(?:{'|'.join(map(re.escape, FORMS))})"
WORD = rf"{CAPITAL}[\w&'’-]*"
ADJECTIVE = re.compile(rf"{CAPITAL}[a-zäöüß]+(?:e|er|em|en) {FORM}$")  # "Jede AG", where a sentence begins
INCORPORATED = re.compile(rf"(?<![\w.-])(?:{WORD} ){{1,4}}{FORM}(?: & Co\.? (?:KG|KGaA|OHG))?(?![\w-])")
ONCE = re.compile(rf" \((?:früher|vormals|ehemals|einst|bisher|zuvor) ({WORD}(?: {WORD}){{,2}})\)")

# Newspapers and the like in quotation marks: 'der Fachzeitschrift "Insektenkunde heute"'.
PAPERS = ("eitschrift", "eitung", "agazin")
_PAPER = "|".join(PAPERS)
OPENING_MARKS = '\u201e\u00bb"\u201a'
OPENED, CLOSED, MARKS = '[\u201e"\u00bb]', '[\u201c\u201d"\u00ab]', '\u201e\u201c\u201d"\u00ab\u00bb'
QUOTED = re.compile(rf"(?:{_PAPER}) {OPENED}({CAPITAL}[^{MARKS}]{{1,40}}){CLOSED}")


def with_companies(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Name the companies of one document alike: without their trade before them, and where only their own name stands.

    A name is a company's where a legal form follows it somewhere in the document, or where its trade stands before it
    and the engine is not sure of something else; and nobody's in the document.
    """
    document = "\n".join(texts)
    if any(paper in document for paper in PAPERS):
        found = [_quoted(text, names, extractor) for text, names in zip(texts, found, strict=True)]
    if any(map(document.__contains__, BEFORE_FORMS)):
        found = [_incorporated(text, names, extractor) for text, names in zip(texts, found, strict=True)]
    trimmed = [
        [_without_trade(text, name) if name.label == "ORG" else name for name in names]
        for text, names in zip(texts, found, strict=True)
    ]
    people = _last_words(texts, trimmed)
    said = [[_said(text, name, people) for name in names] for text, names in zip(texts, trimmed, strict=True)]
    changed = _changed(texts, trimmed, said) if said != trimmed else set()
    own = _own_names(texts, said) | changed | _former_names(texts, said)
    own = {name for name in own - people if len(name) >= SHORTEST and name[0].isupper()}
    if not own:
        return said
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, own), key=len, reverse=True))})(?=s?\b)")
    return [_completed(text, names, pattern, extractor) for text, names in zip(texts, said, strict=True)]


def _incorporated(text: str, names: Sequence[Name], extractor: str) -> Sequence[Name]:
    """The names of a sentence, and words with a legal form after them where no name reaches beyond them."""
    matches = list(INCORPORATED.finditer(text))
    for match in matches:
        first, _, rest = match[0].partition(" ")
        opened = first in openers()  # an article, or another word that only begins the sentence
        start, end = match.start() + opened * (len(first) + 1), match.end()
        over = [name for name in names if name.kind == "name" and name.start < end and name.end > start]
        beyond = any(name.label == "ORG" or name.start < start or name.end > end for name in over)
        nameless = (opened and rest in FORMS) or (match.start() == 0 and ADJECTIVE.match(match[0]))
        if not beyond and not nameless:
            names = [*(name for name in names if name not in over), Name(start, end, "ORG", "name", SCORE, extractor)]
    return sorted(names, key=_order) if matches else names


def _order(name: Name) -> tuple[int, int, str]:
    return name.start, -name.end, name.kind


def _quoted(text: str, names: Sequence[Name], extractor: str) -> Sequence[Name]:
    """The names of a sentence, and the papers in quotation marks where nothing as long is found."""
    spans = [match.span(1) for match in QUOTED.finditer(text)]
    for start, end in spans:
        over = [name for name in names if name.start < end and name.end > start]
        opened = start + len(text[start:end].partition(" ")[0]) + 1  # "Der Spiegel" is found as "Spiegel"
        whole = any(name.start in (start, opened) and name.end == end and name.label == "ORG" for name in over)
        if not whole and all(start <= name.start and name.end <= end for name in over):
            names = [*(name for name in names if name not in over), Name(start, end, "ORG", "name", SCORE, extractor)]
    return sorted(names, key=_order) if spans else names


def _without_trade(text: str, name: Name) -> Name:
    """A name of an organisation without its trade."""
    if name.kind != "name":
        return name
    length = _length_of_trade(text[name.start : name.end])
    return name._replace(start=name.start + length) if length else name


@lru_cache(REMEMBERED)
def _length_of_trade(surface: str) -> int:
    """How many characters of a name are the trade before it; none where only a legal form is left."""
    trade = TRADE.match(surface) or SOMEWHERE.match(surface)
    return trade.end() if trade and plain(surface[trade.end() :]) not in lists().legal_forms else 0


def _last_words(texts: Sequence[str], found: Iterable[Sequence[Name]]) -> set[str]:
    """The last words of the full names of people."""
    full = (
        text[name.start : name.end].rpartition(" ")
        for text, names in zip(texts, found, strict=True)
        for name in names
        if name.label == "PER" and name.kind == "name"
    )
    return {last for first, _, last in full if first}


def _said(text: str, name: Name, people: set[str]) -> Name:
    """A name as a company's or a club's where the word before it says so."""
    if name.kind != "name" or name.start == 0:
        return name
    trade = _word_before(text, name.start)
    if text[name.start - 1] in OPENING_MARKS and (trade.endswith(TITLED) or A_BOOK.search(text, 0, name.start - 1)):
        return name._replace(label="MISC")
    if name.label == "ORG" or not trade or not _is_trade(trade):
        return name
    club = name.label == "LOC" and trade.endswith(LEAGUE)
    if not club and name.label == "LOC" and trade.endswith(SEATED):
        return name
    limit = UNLISTED_DOUBTED if name.label == "LOC" else DOUBTED
    doubted = name.score < limit and not _is_known(text[name.start : name.end], name.label, people)
    return name._replace(label="ORG") if club or doubted else name


def _word_before(text: str, start: int) -> str:
    """The noun right before a place, in small letters, without the s of a genitive; a quotation mark may stand between.

    >>> _word_before("der Chef des Maschinenbauers Nordwerke", 29)
    'maschinenbauer'
    """
    before = text[max(0, start - LONGEST_TRADE) : start].rstrip(OPENING_MARKS)
    word = before[:-1].rpartition(" ")[2] if before[-1:] == " " else ""
    return _without_genitive(word) if word[:1].isupper() else ""


@lru_cache(REMEMBERED)
def _without_genitive(word: str) -> str:
    return GENITIVE.sub("", word.lower())


@lru_cache(REMEMBERED)
def _is_trade(word: str) -> bool:
    return word.endswith(NOT_PEOPLE)


def _is_known(surface: str, label: str, people: set[str]) -> bool:
    """Whether a name is borne by a person of the document or by many, or by a place."""
    first, _, rest = surface.partition(" ")
    key = plain(surface)
    given = given_key(plain(first)) in given_names()
    if label == "LOC":
        return key in places() or key.removesuffix("s") in places()
    return label == "PER" and (surface in people or given or (not rest and key in common_surnames()))


def _changed(texts: Sequence[str], before: Sequence[Sequence[Name]], after: Sequence[Sequence[Name]]) -> set[str]:
    """The names that became a company's by the word before them; a club's town stays a town elsewhere."""
    return {
        text[new.start : new.end]
        for text, olds, news in zip(texts, before, after, strict=True)
        for old, new in zip(olds, news, strict=True)
        if new.label == "ORG" != old.label and plain(text[new.start : new.end]) not in places()
    }


def _own_names(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> set[str]:
    """The single words that a legal form follows in an organisation's name."""
    return {
        _own_name(text[name.start : name.end])
        for text, names in zip(texts, found, strict=True)
        for name in names
        if name.label == "ORG" and name.kind == "name"
    } - {""}


@lru_cache(REMEMBERED)
def _own_name(surface: str) -> str:
    """The word before the legal form of a company; empty where more stands before it, or no legal form."""
    own, *form = surface.split(" ")
    return own if form and all(word == "&" or plain(word) in lists().legal_forms for word in form) else ""


def _former_names(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> set[str]:
    """What organisations were called before: "Novaria (früher Teleplan)"."""
    return {
        match[1]
        for text, names in zip(texts, found, strict=True)
        if "(" in text
        for match in ONCE.finditer(text)
        if any(name.label == "ORG" and name.end == match.start() for name in names)
    }


def _completed(text: str, names: list[Name], pattern: re.Pattern[str], extractor: str) -> list[Name]:
    matches = list(pattern.finditer(text))
    for match in matches:
        over = [name for name in names if name.start < match.end() + 1 and name.end > match.start()]
        if not over:
            part = text[match.end() :].startswith("-")
            names = [*names, Name(*match.span(), "ORG", "part" if part else "name", SCORE, extractor)]
        elif len(over) == 1 and _is_its_own(text, over[0], match):
            names = [name._replace(label="ORG", kind="name") if name in over else name for name in names]
    return sorted(names, key=_order) if matches else names


def _is_its_own(text: str, name: Name, match: re.Match[str]) -> bool:
    """Whether a name of which the engine is not sure is the company's, or that of a daughter: "Nordwerke Energie".

    However sure it is of a person, no other bears the name in the document; a surname that many bear stays one.
    """
    longer = name.end > match.end() and text[match.end()] == " " and name.kind == "name" and name.label != "LOC"
    rare = name.label == "PER" and plain(match[0]) not in common_surnames()
    placed = name.start == match.start() and (name.end == match.end() or longer)
    return placed and name.kind != "part" and (name.score < SURE or rare)
