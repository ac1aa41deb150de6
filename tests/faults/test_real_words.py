"""Real words and what news texts put between them: no stage fails on any, and all that is found stands where it says.

The texts come from `tests.faults.real_words` by one seed, which is printed with the shortest text that fails.
FLIESSTEXT_FAULTS_SEED sets another.
"""

import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, TypeVar

import polars as pl
import pytest

from expectations.evidence import with_evidence
from expectations.part_rows import part_rows
from stages.annotate import StageOptions, annotate
from stages.extract_entities import EntityOptions
from stages.extract_entities.names import extract_names
from stages.extract_entities.values import extract_values
from stages.extract_entities.values.kinds import KINDS
from stages.extract_entities.values.lexicon import LANGUAGES
from stages.extract_entities.values.rules import RULES
from stages.link_entities import build_entities
from stages.read.raw_document import RawDocument
from stages.read.sources import TEXTS, to_row
from stages.split_sentences import split_sentences
from stages.tables.ids import to_doc_id
from stages.tables.schemas import TABLES
from tests.faults import long_form
from tests.faults.real_words import DIGITS, Sentence, ingredients, sentences, shaken
from tests.linking import link_frames

SEED = int(os.environ.get("FLIESSTEXT_FAULTS_SEED", "20260"))
N_SENTENCES = long_form.choose(short=5_000, long=200_000)
N_ACCURATE = long_form.choose(short=100, long=5_000)
N_TEXTS = long_form.choose(short=300, long=20_000)
A_DOCUMENT = (3, 40)  # sentences
AT_ONCE = 250
NUMBER, PERIOD = r"-?[0-9.]+(/-?[0-9.]+)?", r"P(T?[0-9.]+[YMWDHS])+(T?[0-9.]+[YMWDHS])?"
VALUES = {
    "DATE": r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?|/[0-9]{4})?",
    "TIME": r"[0-2][0-9]:[0-5][0-9]",
    "DURATION": f"{PERIOD}(/{PERIOD})?",
    "MONEY": f"{NUMBER} [A-Z]{{3}}",
    "PERCENT": f"{NUMBER} (%|‰|pp|bp)",
    "QUANTITY": f"{NUMBER} \\S+",
}
done = long_form.Tally("real words")
Some = TypeVar("Some", bound=Sequence[Any])


def failure(check: Callable[[Any], object], found: object) -> str:
    """What a check says of a text or of several; empty where it holds."""
    try:
        check(found)
    except BaseException as error:  # a library in Rust breaks off with an exception that is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def shortened(found: Some, check: Callable[[Some], object]) -> Some:
    """The least of a text, or of several, on which a check still fails: pieces of it go, halves first."""
    size = len(found) // 2
    while size:
        at = 0
        while at < len(found):
            rest: Some = found[:at] + found[at + size :]  # type: ignore[operator, assignment]
            if failure(check, rest):
                found = rest
            else:
                at += size
        size //= 2
    return found


def hold(check: Callable[[list[Sentence]], object], found: list[Sentence]) -> None:
    """Check sentences together; where that fails, say on which and on how little of it."""
    if not failure(check, found):
        return
    few = shortened(found, check)
    for at, (text, language) in enumerate(few):
        others = few[:at], few[at + 1 :]

        def check_one(part: str, language: str = language, others: Any = others) -> None:
            check([*others[0], Sentence(part, language), *others[1]])

        few[at] = Sentence(shortened(text, check_one), language)
    pytest.fail(f"seed {SEED}, {failure(check, few)}\nshortest texts found: {few!r}")


def drawn(n: int, salt: int = 0) -> Iterator[list[Sentence]]:
    """Sentences by the seed, some at a time."""
    chance = random.Random(SEED + salt)
    for at in range(0, n, AT_ONCE):
        yield [shaken(chance) for _ in range(at, min(n, at + AT_ONCE))]


def check_values_and_sentences(found: list[Sentence]) -> None:
    for text, language in found:
        spans = split_sentences(text, language)
        assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans)), "sentences in order, none in another"
        assert "".join(text[start:end] for start, end in spans).split() or not text.split()
        assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())
        for sentence in (text, *(text[start:end] for start, end in spans[:5])):
            check_values(sentence, language)


def check_values(text: str, language: str) -> None:
    values = extract_values(text, language)
    assert all(before.end <= after.start for before, after in pairwise(values)), "values in order, none in another"
    for value in values:
        surface = text[value.start : value.end]
        assert surface == surface.strip() != ""
        assert value.value is None or re.fullmatch(VALUES[value.label], value.value), value


def test_values_and_sentences() -> None:
    for found in drawn(N_SENTENCES):
        hold(check_values_and_sentences, found)
    done.add("sentences through values and splitting", N_SENTENCES)


def check_names(found: list[Sentence]) -> None:
    """Names by the accurate engine, every sentence a document."""
    named = extract_names([[(text, language, "paragraph")] for text, language in found], "accurate")
    for (text, _), [names] in zip(found, named, strict=True):
        assert names == sorted(names, key=lambda name: (name.start, -name.end))
        assert all(text[name.start : name.end] == text[name.start : name.end].strip() != "" for name in names)
        whole = [name for name in names if name.kind == "name"]
        assert all(before.end <= after.start for before, after in pairwise(whole)), "no name in another"


def test_names_by_the_accurate_engine() -> None:
    for found in drawn(N_ACCURATE, salt=1):
        hold(check_names, found)
    done.add("sentences through the accurate engine", N_ACCURATE)


def check_chain(found: list[Sentence]) -> None:
    """The texts as one batch and one corpus: every stage, every rule of the tables, linking to the end."""
    texts = pl.DataFrame(
        [
            to_row(f"s/{i}.txt", to_doc_id(f"s/{i}.txt"), "0" * 64, RawDocument(text, "utf-8", "utf-8"))
            for i, (text, _) in enumerate(found)
            if text.strip()
        ],
        schema=TEXTS,
    )
    frames, rejected, _ = annotate(texts, StageOptions(entities=EntityOptions("fast")), "run", datetime.now(UTC))
    assert rejected.filter(pl.col("code") != "empty").is_empty(), rejected.rows()[:3]
    _, bad = part_rows(with_evidence(frames, dict(texts.select("doc_id", "raw").iter_rows())))
    assert bad.is_empty(), bad.rows()[:3]
    mentions = frames["mentions"].sort(TABLES["mentions"].key)
    assert mentions.equals(mentions.sort("doc_id", "sentence_no", "start", maintain_order=True)), "mentions in order"
    after = pl.col("start").shift(-1).over("doc_id")
    for kind in ("name", "value"):
        assert mentions.filter(kind=kind).filter(after < pl.col("end")).is_empty(), f"no {kind} in another"
    linked = link_frames(frames["clusters"].clear(), frames["clusters"])
    entities = build_entities([linked.clusters], frames["documents"])
    assert entities["n_mentions"].sum() == mentions.filter(pl.col("kind") != "value").height
    assert linked.clusters["entity_id"].null_count() == 0


def test_the_whole_chain_on_single_sentences() -> None:
    for found in drawn(N_SENTENCES, salt=2):
        hold(check_chain, found)
    done.add("sentences through the whole chain", N_SENTENCES)


def article(chance: random.Random) -> Sentence:
    """Sentences of one language with a shaken one among four, as paragraphs of a few lines."""
    language = chance.choice(LANGUAGES)
    known = [sentence for sentence in sentences() if sentence.language == language]
    lines, width = [], chance.choice((0, 40, 65, 90))
    for _ in range(chance.randint(*A_DOCUMENT)):
        text = shaken(chance).text if chance.random() < 0.25 else chance.choice(known).text
        lines.append(re.sub(rf"(.{{{width},}}?) ", r"\1\n", text) if width else text)
        if chance.random() < 0.2:
            lines.append("")
    return Sentence("\n".join(lines), language)


def test_the_whole_chain_on_articles() -> None:
    chance = random.Random(SEED + 3)
    for at in range(0, N_TEXTS, AT_ONCE):
        hold(check_chain, [article(chance) for _ in range(at, min(N_TEXTS, at + AT_ONCE))])
    done.add("articles through the whole chain", N_TEXTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_reads_whatever_it_may_match(language: str) -> None:
    """Each rule meets each of its kinds of token as each of the words of that kind: in rows of two to four."""
    chance = random.Random(SEED)
    kinds = ingredients(language)
    anchors = sorted({KINDS[letter] for rule in RULES for letter in rule.anchors} | DIGITS.keys() & kinds.keys())
    rows = [[a, b, *chance.choices(anchors, k=chance.randrange(3))] for a in anchors for b in anchors for _ in range(3)]
    for row in rows:
        words = [chance.choice(kinds[kind]) for kind in row if kind in kinds]
        for space in (" ", "", "-", ", ", " und ", " 5 "):
            hold(check_values_and_sentences, [Sentence(space.join(words), language)])
    done.add("rows of words", len(rows))


def test_a_failure_comes_with_the_shortest_text() -> None:
    def check(found: list[Sentence]) -> None:
        assert not any("Freitag" in text and "100" in text for text, _ in found), "both"

    texts = [Sentence(f"Am Freitag, {number} Leute.", "de") for number in range(80, 130)]
    with pytest.raises(pytest.fail.Exception, match=rf"seed {SEED}, AssertionError: both") as caught:
        hold(check, texts)
    assert "[Sentence(text='Freitag100', language='de')]" in str(caught.value)
