"""One surface form, one label within a document, unless the evidence for another is strong.

Over the names of one document: collect what each form was called and how surely, relabel the names that stand alone
against it, give a surname its particles ("von der Leyen") where the full name has them, and find again the forms an
engine missed in a poorer context ("Trump mit Rubio (Foto)").
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from stages.extract_entities.names.decode import BEFORE_NAME, Name
from stages.lookups.fold import REMEMBERED, given_key, plain
from stages.lookups.known_names import given_names, lists

STRONG = 0.9  # a name as sure as this keeps a label of its own ("Dortmund" the city beside "Dortmund" the club)
LEAD = 2.0  # how many times the votes of a label must outweigh those of the next
OF_GENITIVE = 0.5  # what the votes of a genitive count for its base: its s may be part of another name
ENOUGH = 0.45  # summed score from which a form is looked for where no name was found
SHORTEST = 4  # letters of a form that is looked for, unless it is in capitals

# Who is called after a place or an institution without a hyphen: "Kremlchef", "Bundestagspräsidentin".
OFFICE = re.compile(
    r"([A-ZÄÖÜ]\w{4,}?)s?(?:chef|sprecher|präsident|minister|beauftragte|botschafter|korrespondent)"
    r"(?:s|n|r|en|in|innen)?"
)

GENITIVES = ("s", "'", "\u2019")
QUOTES = tuple("\"'\u201e\u201c\u201a\u2018\u00bb\u00ab\u203a\u2039")
DOUBLE_NAME = re.compile(r"[A-ZÄÖÜ]\w+-[A-ZÄÖÜ]\w+(?:['\u2019](?!\w))?(?![\w-])")
OF_SOMEBODY = re.compile("[A-ZÄÖÜ][a-zäöüß]{2,}")  # what may be a noun: "Partei"

Votes = Mapping[str, Mapping[str, float]]
PART = "-"  # ends the form under which the parts of compounds vote: they follow names, names do not follow them


class Sentence(NamedTuple):
    """One sentence with its words, where each of them starts, and the names found so far."""

    text: str
    words: Sequence[str]
    starts: Sequence[int]
    names: Sequence[Name]


Found = tuple[str, Name, int]
"""A name with its text before and the number of its sentence behind it."""


def vote(sentences: Sequence[Sentence], extractor: str) -> list[list[Name]]:
    """Return the names of each sentence of one document, relabelled and completed.

    A person's full name also votes for its last word, so a surname follows its bearer, and a company's for the name
    without its legal form; a genitive votes for its base where that is found too. Names inside compounds follow the
    names, or else one another. Found names keep their places but for the particles of a surname, derivations their
    labels.
    """
    found = [
        (text[name.start : name.end], name, number)
        for number, (text, _, _, names) in enumerate(sentences)
        for name in names
    ]
    votes, surnames = collect(found), _surnames(found)
    if not votes:
        return [list(sentence.names) for sentence in sentences]
    voted: list[list[Name]] = [[] for _ in sentences]
    told = _surnames_told(found)
    for surface, name, number in found:
        named = name if name.score >= STRONG or name.kind == "deriv" else _relabel(surface, name, votes)
        if told:
            named = _of_surname(sentences[number], named, told)
        voted[number].append(_with_particles(sentences[number], surface, named, surnames) if surnames else named)
    words = set(chain.from_iterable(sentence.words for sentence in sentences))
    if missed := _missed_words(words, _missed_forms(words, votes)):
        for number, sentence in enumerate(sentences):
            if not missed.keys().isdisjoint(sentence.words):
                voted[number] = _with_missed(sentence, voted[number], missed, extractor)
    return voted


def collect(found: Iterable[Found]) -> Votes:
    """Sum the scores of every label of every form."""
    votes: dict[str, dict[str, float]] = {}
    for surface, (_, _, label, kind, score, _), _ in found:
        for form in forms(surface, label, kind):
            if (labels := votes.get(form)) is None:
                votes[form] = {label: score}
            else:
                labels[label] = labels.get(label, 0.0) + score
    for form in votes:
        if form.endswith(GENITIVES) and (base := votes.get(form[:-1])) is not None:
            for label, weight in votes[form].items():
                base[label] = base.get(label, 0.0) + OF_GENITIVE * weight
    return votes


def base_form(form: str) -> str:
    """The form without a genitive s or apostrophe; other forms as they are."""
    return form[:-1] if form[-1:] in GENITIVES else form


@lru_cache(REMEMBERED)
def forms(surface: str, label: str, kind: str) -> tuple[str, ...]:
    """What a name votes for."""
    if kind != "name":
        return (surface + PART,) if kind == "part" else ()
    if label == "ORG":
        return tuple(dict.fromkeys([surface, _without_legal_form(surface)]))
    last = surface.rpartition(" ")[2]
    return (surface, last) if label == "PER" and last != surface and last[:1].isupper() else (surface,)


def _without_legal_form(surface: str) -> str:
    """A company's name as newspapers print it the second time: "Brandner GmbH & Co. KG" -> "Brandner"."""
    words = surface.split(" ")
    while len(words) > 1 and (words[-1] == "&" or plain(words[-1]) in lists().legal_forms):
        words.pop()
    return " ".join(words)


def _winner(form: str, votes: Votes) -> tuple[str, float] | None:
    found = votes.get(base_form(form)) or votes.get(form)
    if not found:
        return None
    if len(found) == 1:
        return next(iter(found.items()))
    first, second, *_ = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return first if first[1] >= LEAD * second[1] else None


def _relabel(surface: str, name: Name, votes: Votes) -> Name:
    """A name that is not sure of itself, with the label that its form has in the document."""
    winner = _winner(surface, votes) or (_winner(surface + PART, votes) if name.kind == "part" else None)
    if winner is None or winner[0] == name.label:
        return name
    return name._replace(label=winner[0], score=round(min(1.0, winner[1] / (winner[1] + name.score)), 4))


def _surnames(found: Iterable[Found]) -> dict[str, str]:
    """Last word -> surname with its particles, of the full names: "Leyen" -> "von der Leyen"."""
    surnames = {}
    # Most people have one given name and one surname: without a second space there is no particle between.
    for words in (surface.split(" ") for surface, name, _ in found if name.label == "PER" and surface.count(" ") > 1):
        small = next((i for i, word in enumerate(words) if word.islower()), 0)
        if small and all(map(str.islower, words[small:-1])) and words[-1][:1].isupper():
            surnames[words[-1]] = " ".join(words[small:])
    return surnames


def _surnames_told(found: Iterable[Found]) -> frozenset[str]:
    """The last words of the full names of persons: what stands for them in the rest of the document."""
    full = (surface for surface, name, _ in found if name.label == "PER" and name.kind == "name" and " " in surface)
    return frozenset(last for surface in full if len(last := surface.rpartition(" ")[2]) >= SHORTEST)


def _of_surname(sentence: Sentence, name: Name, told: frozenset[str]) -> Name:
    """A name as a surname of the document has it: "Thomsen" as "Thomsen-Behrens", "Kickls Partei" as "Kickls"."""
    text = sentence.text
    if name.kind == "part" and text[name.end : name.end + 1] == "-":
        word = DOUBLE_NAME.match(text, name.start)
        if word is not None and (word[0] in told or base_form(word[0]) in told):
            return name._replace(end=word.end(), label="PER", kind="name")
    elif name.kind == "name" and text.count(" ", name.start, name.end) == 1:
        first, _, noun = text[name.start : name.end].partition(" ")
        owned = first.endswith(GENITIVES) and first not in told and first[:-1] in told and not _is_given(first)
        quoted = text[: name.start].rstrip()[-1:] in QUOTES  # "Kafkas Prozess" is a work there
        if owned and noun not in told and not quoted and OF_SOMEBODY.fullmatch(noun):
            return name._replace(end=name.start + len(first), label="PER")
    return name


@lru_cache(REMEMBERED)
def _is_given(word: str) -> bool:
    return given_key(plain(word)) in given_names()


def _with_particles(sentence: Sentence, surface: str, name: Name, surnames: Mapping[str, str]) -> Name:
    text, names = sentence.text, sentence.names
    surname = surnames.get(surface) or surnames.get(base_form(surface))
    if surname is None or name.label != "PER":
        return name
    start = name.start - surname.rindex(" ") - 1
    stands_there = start >= 0 and text.startswith(surname, start) and not text[:start][-1:].strip()
    free = stands_there and all(other.end <= start or other.start >= name.start for other in names)
    return name._replace(start=start) if free else name


def _missed_forms(words: set[str], votes: Votes) -> dict[str, tuple[str, float]]:
    """The forms that are looked for where no name was found, with label and score; ``words`` are the document's."""
    forms = {}
    for form in (form for form in votes if " " not in form and form[:1].isupper() and not form.endswith(PART)):
        long_enough = len(form) >= SHORTEST or (form.isupper() and len(form) > 1)
        winner = _winner(form, votes) if long_enough and form.lower() not in words else None
        if winner is not None and winner[1] >= ENOUGH and winner[0] != "MISC":
            forms[form] = winner[0], round(min(0.9, winner[1] / (1 + winner[1])), 4)
    return forms


class _Missed(NamedTuple):
    """What a word holds: a form from ``start`` up to ``end`` in the word, its label, kind and score."""

    start: int
    end: int
    label: str
    kind: str
    score: float


def _missed_words(words: set[str], forms: Mapping[str, tuple[str, float]]) -> dict[str, _Missed]:
    """The words of a document that are such a form, its genitive, or a compound of it with a hyphen or an office."""
    missed = {}
    for word in words.intersection(chain.from_iterable(map(_with_genitives, forms))):
        label, score = forms[word if word in forms else base_form(word)]
        missed[word] = _Missed(0, len(word), label, "name", score)
    # Only a capitalised word holds a name: to look at its first letter is faster than to look it up.
    for word in filter(_HELD.__getitem__, [word for word in words if word[0].isupper()]) if forms else ():
        form = next((form for form in _HELD[word] if form in forms), None)
        if form is not None and (word not in missed if "-" in word else forms[form][0] != "PER"):
            start = word.find(form) if "-" in word else 0
            missed[word] = _Missed(start, start + len(form), forms[form][0], "part", forms[form][1])
    return missed


@lru_cache(REMEMBERED)
def _with_genitives(form: str) -> tuple[str, ...]:
    return (form, *(form + ending for ending in GENITIVES))


class _Held(dict[str, tuple[str, ...]]):
    """Word with a capital -> what may be the name in it: before a hyphen, or in an office without its s and with it.

    Nothing in most words, so that one look at all words of a document finds the few others. Emptied when it grows too
    large.
    """

    LIMIT = 50_000

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= self.LIMIT:
            self.clear()
        office = OFFICE.fullmatch(word)
        first = _first_segment(word) if "-" in word else ""
        self[word] = (office[1], office[1] + "s") if office else (first,) if first else ()
        return self[word]


_HELD = _Held()


def _with_missed(
    sentence: Sentence, names: Sequence[Name], missed: Mapping[str, _Missed], extractor: str
) -> list[Name]:
    """The names of a sentence and those that were missed where no name was found."""
    # One mark a character: looking through all names for every word is quadratic where a sentence is a whole list.
    taken = bytearray(len(sentence.text))
    for name in sentence.names:
        taken[name.start : name.end] = b"\1" * (name.end - name.start)
    found = list(names)
    for number in [number for number, word in enumerate(sentence.words) if word in missed]:
        form, at = missed[sentence.words[number]], sentence.starts[number]
        start, end = at + form.start, at + form.end
        if taken.find(1, start, end) < 0:
            found.append(Name(start, end, form.label, form.kind, form.score, extractor))
    return sorted(found, key=lambda name: (name.start, -name.end, name.kind)) if len(found) > len(names) else found


def _first_segment(word: str) -> str:
    first, _, rest = word.partition("-")
    return rest.partition("-")[0] if first.lower() in BEFORE_NAME and "-" in rest else first
