"""Which language a document and each of its blocks are written in.

Detection is langdetect's (character n-grams of 55 languages, drawn at random with a fixed seed), run by its
Rust twin langdetect-rs where that is installed: the same answers at a fraction of the time. The batch call of
the twin is not used: it takes no priors, and starts threads of its own in every worker process. langdetect takes the
mean of seven draws; where the first three are all certain of one language the other four are not made.

langdetect is sure of itself on a few letters, and wrong. So a document's language is the one in which most of
the letters of its longer blocks stand, and a short block takes the language of its document unless it speaks
clearly for another one.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import langdetect.detector_factory as reference
import numpy as np
import polars as pl
from langdetect.lang_detect_exception import LangDetectException as ReferenceFailure

try:
    import langdetect_rs.detector_factory as engine
    from langdetect_rs._seed import seed_state
except ImportError:  # no wheel for this platform
    engine = reference

from stages.lookups.code_points import find_runs, join_codes, tell_kinds

VERSION = "3"
SEED = 0
DRAWS, FIRST_DRAWS = 7, 3
CERTAIN = 0.99995  # what is written as 1.0; one draw that says otherwise leaves less
FEWEST_LETTERS = 3  # a document of fewer is of no language: "x" would be Somali, "Ja" Indonesian
LANGUAGES = tuple(sorted(profile.name for profile in Path(reference.PROFILES_DIRECTORY).iterdir()))
"""Every language that can be told apart, by the name that langdetect gives it."""
WORD = re.compile(r"[^\W\d_]+")  # a run of letters
HEAD = 200  # the first characters of a text tell whether it is all in capitals
_UNCASED, _CAPITAL, _SMALL = 1, 2, 3


class Language(NamedTuple):
    """A language as langdetect names it (ISO 639-1, "zh-cn", "zh-tw") with its confidence from 0 to 1.

    "und" with 0.0 stands where there are too few letters to judge by.
    """

    code: str
    confidence: float


UNDETERMINED = Language("und", 0.0)


@dataclass(frozen=True, slots=True)
class LanguageOptions:
    """What to expect and when a block may differ from its document.

    ``priors``: share of text expected in each configured language; what is missing to 1 is spread evenly over
    the other languages, which stay possible. Empty: every language is as likely.
    ``long_letters``: a block of so many letters is judged by itself. ``short_letters``: a block of fewer
    letters always takes the language of its document. Between the two it keeps its own only if that is a
    configured language found with ``short_confidence``. ``long_confidence``: what a long block needs.
    ``max_chars``: characters read of a block; more change nothing but the time.

    The thresholds come from headings cut out of German, English and French corpora: below 30 letters one
    heading in six is taken for another language, from 60 letters one in 200.
    """

    priors: tuple[tuple[str, float], ...] = (("de", 0.5), ("en", 0.25), ("fr", 0.24))
    short_letters: int = 30
    long_letters: int = 60
    short_confidence: float = 0.99
    long_confidence: float = 0.8
    max_chars: int = 600


def identify_languages(
    documents: Sequence[Sequence[str]], options: LanguageOptions | None = None
) -> list[tuple[Language, list[Language]]]:
    """The language of every document, given as its block texts, and of each of its blocks.

    The confidence of a document is the share of the letters of its longer blocks that speaks for the language; a
    block that takes over the language of its document takes its confidence too.
    """
    chosen = options or LanguageOptions()
    samples = [[_sample(block, chosen) for block in blocks] for blocks in documents]
    letters, found = _judge(list(dict.fromkeys(sample for own in samples for sample in own)), chosen)
    return [
        _identify(blocks, own, [letters[one] for one in own], [found[one] for one in own], chosen)
        for blocks, own in zip(documents, samples, strict=True)
    ]


def _judge(samples: list[str], options: LanguageOptions) -> tuple[dict[str, int], dict[str, Language]]:
    """How many letters each sample has, and its language where these are not too few."""
    letters, shouted = _count_letters(samples), _are_shouted(samples)
    found = [
        _detect(sample.lower() if loud else sample, options) if count >= options.short_letters else UNDETERMINED
        for sample, count, loud in zip(samples, letters, shouted, strict=True)
    ]
    return dict(zip(samples, letters, strict=True)), dict(zip(samples, found, strict=True))


def _identify(
    blocks: Sequence[str],
    samples: list[str],
    letters: list[int],
    own: list[Language],
    options: LanguageOptions,
) -> tuple[Language, list[Language]]:
    # Letters beyond the sample count too: a long chapter outweighs its English motto.
    weights = [count * max(1, len(block) // options.max_chars) for block, count in zip(blocks, letters, strict=True)]
    judged = [(w, f) for w, n, f in zip(weights, letters, own, strict=True) if n >= options.long_letters]
    document = _vote(judged) or UNDETERMINED
    if document == UNDETERMINED and sum(letters) >= FEWEST_LETTERS:
        whole = _sample(" ".join(samples), options)
        document = _judge([whole], replace(options, short_letters=0))[1][whole]
    return document, [
        _block_language(found, count, document, options) for found, count in zip(own, letters, strict=True)
    ]


def _sample(block: str, options: LanguageOptions) -> str:
    first = WORD.search(block)
    return block[first.start() : first.start() + options.max_chars] if first else ""


def _vote(judged: list[tuple[int, Language]]) -> Language | None:
    """The language with the greatest weight, None where no block was long enough to judge by."""
    votes: defaultdict[str, float] = defaultdict(float)
    for weight, found in judged:
        votes[found.code] += weight * found.confidence
    if not any(votes.values()):
        return None
    code = min(votes, key=lambda name: (-votes[name], name))
    return Language(code, round(votes[code] / sum(weight for weight, _ in judged), 4))


def _block_language(found: Language, letters: int, document: Language, options: LanguageOptions) -> Language:
    if not letters:
        return UNDETERMINED
    if found.code == document.code:
        return found
    if letters >= options.long_letters:
        return found if found.confidence >= options.long_confidence else document
    configured = not options.priors or found.code in dict(options.priors)
    return found if configured and found.confidence >= options.short_confidence else document


def _count_letters(samples: Sequence[str]) -> list[int]:
    """How many letters each sample has."""
    codes, starts = join_codes(samples)
    kinds = tell_kinds(codes, _letter_kind)
    counts: list[int] = np.add.reduceat(kinds > 0, starts, dtype=np.int64).tolist() if samples else []
    return counts


def _are_shouted(samples: Sequence[str]) -> list[bool]:
    """Whether most of the words that each sample begins with are in capitals."""
    codes, starts = join_codes([sample[:HEAD] for sample in samples])
    kinds = tell_kinds(codes, _letter_kind)
    words, _ = find_runs(kinds > 0)
    loud = np.zeros(0, np.bool_)
    if len(words):
        capital, small = (np.logical_or.reduceat(kinds == kind, words) for kind in (_CAPITAL, _SMALL))
        loud = capital & ~small
    of = np.searchsorted(starts, words, "right") - 1
    counts, shouted = np.bincount(of, minlength=len(samples)), np.bincount(of[loud], minlength=len(samples))
    most: list[bool] = (2 * shouted > counts).tolist()
    return most


def _letter_kind(character: str) -> int:
    if not WORD.match(character):
        return 0
    return _CAPITAL if character.isupper() else _SMALL if character.islower() or character.istitle() else _UNCASED


def _detect(sample: str, options: LanguageOptions) -> Language:
    """The most probable language of one text."""
    detector = _factory(engine).create()
    detector.prior_map = _prior_vector(engine, options.priors)
    detector.append(sample)
    shares = _probabilities(detector, FIRST_DRAWS)
    if shares and max(shares) < CERTAIN:
        shares = _probabilities(detector, DRAWS)
    if not shares or (share := max(shares)) <= detector.PROB_THRESHOLD:
        return UNDETERMINED
    # Four digits: the last bits depend on the Python version and on the order of the profile folder.
    return Language(detector.langlist[shares.index(share)], round(share, 4))


def _probabilities(detector: Any, draws: int) -> list[float]:
    """The probability of each language, in the detector's order; empty where no profile knows an n-gram of the text.

    The twin's own method asks its core twice, the first time only whether there are such n-grams, which takes a third
    of the time. The second answer says that too, so it is asked for alone.
    """
    if engine is reference:
        detector.n_trial, detector.langprob = draws, None
        with suppress(ReferenceFailure):  # what it raises where there is no such n-gram, before it has probabilities
            detector.get_probabilities()
        return list(detector.langprob or ())
    detector.cleaning_text()
    asked = (detector.text, detector.alpha, draws, detector.prior_map, seed_state(SEED))
    shares, failure = detector._core.detect_block(*asked)
    return [] if failure else list(shares)


@cache
def _factory(module: Any) -> Any:
    """The detector factory of one of the two packages, its profiles loaded once a process."""
    factory = module.DetectorFactory()
    factory.load_profile(module.PROFILES_DIRECTORY)
    factory.set_seed(SEED)
    return factory


@cache
def _prior_vector(module: Any, priors: tuple[tuple[str, float], ...]) -> list[float] | None:
    if not priors:
        return None
    factory = _factory(module)
    others = [name for name in factory.langlist if name not in dict(priors)]
    rest = max(0.0, 1.0 - sum(share for _, share in priors)) / max(1, len(others))
    detector = factory.create()
    detector.set_prior_map(dict.fromkeys(others, rest) | dict(priors))
    vector: list[float] = detector.prior_map
    return vector


def identify_blocks(blocks: pl.DataFrame, options: LanguageOptions | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add ``language`` and ``language_confidence`` to blocks, and give those of every document.

    ``blocks`` has the columns doc_id and text, in reading order. The second frame has the columns doc_id,
    language and language_confidence.
    """
    grouped = blocks.group_by("doc_id", maintain_order=True).agg("text")
    found = identify_languages(grouped["text"].to_list(), options)
    of_blocks = _to_frame([language for _, inside in found for language in inside])
    return blocks.hstack(of_blocks), grouped.select("doc_id").hstack(_to_frame([document for document, _ in found]))


def _to_frame(languages: Sequence[Language]) -> pl.DataFrame:
    codes, confidences = [one.code for one in languages], [one.confidence for one in languages]
    schema = {"language": pl.String, "language_confidence": pl.Float64}
    return pl.DataFrame({"language": codes, "language_confidence": confidences}, schema=schema)
