"""Names of organisations, places and other things: their keys, acronyms and short forms."""

import re
from functools import cache, lru_cache

from stages.lookups.fold import genitives, plain, uninflected, without_ending
from stages.lookups.known_names import Place, country_names, lists, places

ARTICLES = frozenset({"der", "die", "das", "den", "dem", "des", "the", "le", "la", "les", "l"})
ACRONYM = re.compile(r"[A-ZÄÖÜ][A-ZÄÖÜa-zäöü]{0,5}[A-ZÄÖÜ]s?|[A-ZÄÖÜ](?:\.[A-ZÄÖÜ]){1,9}\.?")
# What stands between two names of one thing: "Anna Maier, geborene Huber", "Twitter (heute X)". The second kind of
# word needs the bracket, for without it it says nothing about names.
RENAMED = re.compile(
    r"\s?[,(]?\s?(?:(?:der|die|das)\s)?(?:früher|früherer?|vormals|ehemals|ehemalige[rns]?|geborene[rn]?|geb\.|alias"
    r"|bekannt als|formerly|née?|born|autrefois)[,:]?\s(?:(?:noch|als|die|der|das)\s)?[\"\u201e\u201c\u00bb]?"
    r"|\s?\(\s?(?:(?:heute|einst|jetzt|nun|inzwischen|mittlerweile|damals|zuvor|noch|bis \d{4}|now|aujourd['\u2019]hui)"
    r"[,:]?\s){1,2}[\"\u201e\u201c\u00bb]?"
)
LIKE_A_TOWN = re.compile(r"(?<=[a-zäöüß]{2})(?:burg|berg|dorf|heim|hausen|furt|feld|brück|hagen)$")
INHABITANTS = ("er", "ern", "ers", "erin", "erinnen")
VOWELS = frozenset("aeiouy")
FEMALE = ("innen", "in")  # of inhabitants: "Walliserin"
SMALL_WORDS = frozenset({"fuer", "und", "der", "die", "des", "von", "of", "and", "the", "de", "du"})
LONG_COMPOUND = 13  # letters; shorter words fit too many acronyms by chance
CODE = re.compile(r"[a-z]{1,4} \d{1,3}")
IN_SCH = re.compile(r"i?[sſ]che?[nmrs]?$")
IN_ISCH = re.compile(r"(?<=isch)e[nmrs]?$")
BROKEN = re.compile(r"([A-ZÄÖÜ][a-zäöüßſ]+)[-⸗]? ([a-zäöüßſ]{2,})")
UNBROKEN = SMALL_WORDS | {
    "den",
    "dem",
    "van",
    "vom",
    "zu",
    "zum",
    "zur",
    "am",
    "an",
    "im",
    "in",
    "bei",
    "ob",
    "di",
    "da",
    "del",
    "della",
    "du",
    "des",
    "la",
    "le",
    "el",
    "al",
    "bin",
    "ibn",
    "auf",
    "aus",
}
BRACKET = re.compile(r"\s?\(\s?")


@lru_cache(1_000)  # the names of an entity are asked for together; of documents `cluster_names` remembers more
def name_key(text: str, label: str) -> str:
    """The key of a name, by its label: without article and legal form, aliases replaced by the one name.

    A place that is the only one of its name has its GeoNames id for a key, in whatever language it is named.

    >>> name_key("Siemens AG", "ORG"), name_key("Uni Bonn", "ORG"), name_key("Bad Sulzfeld", "LOC")
    ('siemens', 'universitaet bonn', 'bad sulzfeld')
    >>> name_key("Vereinigten Staaten", "LOC") == name_key("U.S.", "LOC"), name_key("Brüssel", "LOC")
    (True, '@2800866')
    """
    known = lists()
    words = [known.words.get(word, word) for word in _told(text, label).split()]
    whole = uninflected(" ".join(words))
    if label == "LOC" and whole in known.codes and not text.isupper():
        return whole
    if len(words) == 1 or (label, whole) in known.aliases or (label, whole) in known.shown:
        return known_as(whole, label)
    if words and words[0] in ARTICLES:
        words = words[1:]
        whole = uninflected(" ".join(words))
    bare = words
    while label == "ORG" and len(bare) > 1 and bare[-1] in known.legal_forms:
        bare = bare[:-1]
    if bare is words:
        return known_as(whole, label)
    firm = known_as(uninflected(" ".join(bare)), label)
    return whole if _is_other_firm(firm, words[-1]) else firm


def _told(text: str, label: str) -> str:
    """The folded words of a name: of roads and trains one ("B 27"), of a broken place the whole ("Ita lien"), of an
    adjective without its ending.
    """
    key = plain(text)
    if text.isupper() and CODE.fullmatch(key):
        return key.replace(" ", "")
    if label == "LOC" and (joined := joined_again(text)) and uninflected(plain(joined)) in places():
        return plain(joined)
    if label == "MISC" and " " not in key:
        return without_ending(key) if text.islower() else IN_ISCH.sub("", key)
    return key


def joined_again(text: str) -> str | None:
    """A word that was broken in two, as scans of newspapers have them; None for any other text.

    >>> joined_again("Musso lini"), joined_again("Orten- steingasse"), joined_again("Anna von")
    ('Mussolini', 'Ortensteingasse', None)
    """
    match = BROKEN.fullmatch(text) if " " in text else None
    return match[1] + match[2] if match and plain(match[2]) not in UNBROKEN else None


def _is_other_firm(key: str, legal_form: str) -> bool:
    """Whether a known name with a legal form is another's: "SBB GmbH", not "Lufthansa AG"."""
    kind = lists().kinds.get(key)
    return kind is not None and (kind != "company" or legal_form in ("gmbh", "mbh", "ug"))


def known_as(key: str, label: str) -> str:
    """The key that stands for all names of one thing, as far as the shipped lists know them."""
    key = lists().aliases.get((label, key), key)
    place = _place_named(key) if label == "LOC" else None
    return f"@{place.geonames_id}" if place else key


@cache
def countries() -> frozenset[str]:
    """The keys of countries."""
    return frozenset(known_as(uninflected(plain(name)), "LOC") for name in country_names())


def _place_named(key: str) -> Place | None:
    """The place of a key or of one of its aliases."""
    known = places()
    return known.get(key) or next((known[name] for name in _other_names().get(key, ()) if name in known), None)


@cache
def _other_names() -> dict[str, list[str]]:
    """The aliases of every place of the lists, in their order."""
    found: dict[str, list[str]] = {}
    for (label, alias), name in lists().aliases.items():
        if label == "LOC":
            found.setdefault(name, []).append(alias)
    return found


def may_be_derived(label: str, kind: str) -> bool:
    """Whether a name may be an adjective or an inhabitant; "Englisch" as a thing of its own is a language."""
    return label == "LOC" or (kind == "deriv" and label != "MISC")


def origin(text: str) -> str | None:
    """The place that an adjective or inhabitant is derived from; None where lists and places know none.

    >>> origin("russische"), origin("niederösterreichischen"), origin("Ratzeburger"), origin("Reutlingerinnen")
    ('Russland', 'Niederösterreich', 'Ratzeburg', 'Reutlingen')
    """
    key = plain(text)
    known = lists().adjectives
    stems = (key, without_ending(key), key.removesuffix("n"), key.removesuffix("s"), _without(key, FEMALE))
    return next((known[stem] for stem in stems if stem in known), None) or _inhabited(text.strip())


def _without(text: str, endings: tuple[str, ...]) -> str:
    """A text without the first of some endings that it has."""
    return next(map(text.removesuffix, filter(text.endswith, endings)), text) if text.endswith(endings) else text


def _inhabited(text: str) -> str | None:
    """The place in an -er ("Reutlinger", "Genfer"), as it is written there, if the table of places has just this one.

    What is called as only a town is ("Ratzeburger") need not be in the table.

    Where the word is a place itself ("Hannover", "Speyer") it is none. Likewise of "Kölnische" and "Hannoversche".
    """
    if "ch" in text[-5:] and (adjective := IN_SCH.sub("", text)) != text and len(adjective) > 3:
        towns = (adjective[0].upper() + adjective[1:] + tail for tail in ("", "e"))
        return next((town for town in towns if _place_named(uninflected(plain(town)))), None)
    stem = _without(text, INHABITANTS)
    if stem == text or len(stem) < 3 or not text[0].isupper() or _place_named(uninflected(plain(text))):
        return None
    known = next((stem + tail for tail in ("", "en", "e") if _place_named(uninflected(plain(stem + tail)))), None)
    return known or (stem if LIKE_A_TOWN.search(stem) else None)


def base_forms(text: str, label: str, *, derived: bool) -> tuple[str, ...]:
    """The keys a name would have without a genitive -s, or without the -er of inhabitants ("Wiener")."""
    key = uninflected(plain(text))
    forms = genitives(key)
    if forms and not key.isalpha() and any(map(str.isdigit, key.rpartition(" ")[2])):
        forms = []  # "iPhone 3GS"
    if derived:
        key = _without(key, FEMALE)
        stem = key if key.endswith("er") else without_ending(key)
        if stem.endswith("er"):
            forms = [*forms, *(stem.removesuffix("er") + tail for tail in ("", "en", "e"))]
    # A code is no base: "Zams" is a village, and no genitive of ZAM.
    codes = lists().codes
    return tuple([known_as(form, label) for form in forms if len(form) > 2 and form not in codes])


def is_acronym(text: str) -> bool:
    """Whether a name is one short word that begins and ends in a capital ("SPD", "BVerfG", "U.N.")."""
    return ACRONYM.fullmatch(text) is not None


def initials_fit(acronym: str, key: str) -> bool:
    """Whether the letters of an acronym are those of a name: of its words, or in order those of a long compound.

    >>> initials_fit("dfb", "deutsch fussball bund"), initials_fit("bverfg", "bundesverfassungsgericht")
    (True, True)
    >>> initials_fit("ndr", "norddeutsch rundfunk"), initials_fit("ezb", "deutsch bank")
    (True, False)
    >>> initials_fit("ard", "admira debakel"), initials_fit("sms", "samariterbundesverband")
    (False, False)
    """
    words = [word for word in key.split() if word not in SMALL_WORDS]
    if not words or (len(words) == 1 and len(words[0]) <= LONG_COMPOUND):
        return False
    place = words[:1]  # "OLG" is the "Oberlandesgericht Köln" as well: the place at the end may go
    return len(acronym) > 1 and (_spells(acronym, words) or (len(place[0]) > LONG_COMPOUND and _spells(acronym, place)))


def letters_fit(acronym: str, key: str) -> bool:
    """Whether an acronym in brackets may be made of a name: of its initials, in another order too ("PAN").

    >>> letters_fit("pan", "partei der national aktion"), letters_fit("brl", "real")
    (True, False)
    """
    words = [word for word in key.split() if word not in SMALL_WORDS]
    initials = sorted(word[0] for word in words)
    return initials_fit(acronym, key) or (len(acronym) > 2 and sorted(acronym) == initials)


def _spells(acronym: str, words: list[str]) -> bool:
    """Whether letters are, in order, the first of every word with further ones where a part of it may begin ("NDR")."""
    if not words or acronym[:1] != words[0][0]:
        return not words and not acronym
    word = words[0]
    taken, last = 1, 0
    while True:
        if _spells(acronym[taken:], words[1:]):
            return True
        found = next((i for i in range(last + 1, len(word)) if _may_begin(word, i, last, acronym[taken:])), None)
        if found is None:
            return False
        taken, last = taken + 1, found


def _may_begin(word: str, place: int, last: int, rest: str) -> bool:
    """Whether the next letter of an acronym may be the one at a place inside a word.

    That is where a part of a compound may begin (after a consonant or an e; a vowel only after the joining s), or
    right after the letter before ("BVerfG").
    """
    if word[place] != rest[:1]:
        return False
    before = word[place - 1]
    joined = before not in VOWELS or before == "e"  # "Pflege-verband"
    return place == last + 1 or before == "s" or (joined and word[place] not in VOWELS)


def is_short_form(short: str, full: str, *, later: bool, local: frozenset[str]) -> bool:
    """Whether an organisation's one-word name may stand for a longer one; ``later``: it comes after it.

    The last word may ("Lufthansa" for "Deutsche Lufthansa"); the first one before a place (``local``: the places of
    the document), an institution or a word like "Gruppe", and where it is the kind of institution or club; after the
    full name any longer word of a club. "Siemens" is not short for "Siemens Energy", a branch not for its party.
    """
    words = full.split()
    if short in lists().no_short_form:
        return False
    club = set(words) & lists().club_words
    if len(words) < 2 or short not in words or (len(short) < 3 and short not in club):
        return False
    if words[-1] == short or (later and len(short) > 3 and club) or (words[0] == short and short in club):
        return True
    rest = " ".join(words[1:])
    placed = rest in places() or rest in local or set(words[1:]) <= lists().short_rests
    branch = ("ORG", short) in lists().shown  # "PDS Niedersachsen" is not the PDS
    housed = placed or any(word.endswith(lists().institutions) for word in words[1:])  # "GZO Spital"
    return words[0] == short and ((housed and not branch) or short.endswith(lists().institutions))
