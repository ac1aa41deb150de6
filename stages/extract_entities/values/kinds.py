"""The kinds of token a value is made of, and patterns over them that read like what they find.

A sentence becomes a string of letters, one a token, so that plain regular expressions find values in linear time.
Nobody writes these letters: lists of words are named by kind, and a pattern is written in kinds, as in
``"numeral | day ) hyphen? unit"``.
"""

import re
from functools import cache

LETTERS = {
    # numbers in digits
    "day": "d",  # one or two digits: a day, an hour, any small number
    "year": "y",  # four digits from 1000 to 2199
    "number": "n",  # any other number
    "full_date": "f",  # 15.08.2025, 2025-08-15
    "day_month": "o",  # 15.8.
    "clock_time": "K",  # 13:48
    "hour_minute": "W",  # 8h15
    "decade": "Z",  # 90er, 1960s
    "decade_word": "Y",  # achtziger
    # number words
    "one": "e",  # the article that may count
    "numeral": "w",
    "fraction": "i",  # a half, three quarters, less than one
    "ordinal_word": "j",  # third, dritten
    "hundred": "k",  # what follows "per" for a share: cent, hundert
    "scale": "s",  # thousand, million
    "vague": "v",  # several, some
    "ordinal": "z",  # the st, nd, rd of 1st, 2nd, 3rd
    # what is counted and measured
    "unit": "u",
    "power": "R",  # square, cubic
    "thermometer": "C",  # Celsius, Fahrenheit
    "minus": "I",
    "symbol": "$",
    "currency": "c",
    "nation": "g",  # whose currency: Schweizer, Canadian
    "percent": "p",
    "percentage": "E",  # what comes before "points"
    "time_unit": "t",
    "year_word": "J",
    "hour_word": "G",
    "time_adjective": "T",  # tägig, as in "30-tägig"
    "counted_adjective": "M",  # dreitägig
    # when
    "month": "m",
    "weekday": "D",
    "season": "S",
    "century": "H",
    "relative_day": "r",  # yesterday
    "day_part": "B",  # evening
    "daily": "A",  # in the evening (abends)
    "clock": "h",  # o'clock
    "meridiem": "q",  # a.m., p.m.
    "midnight": "N",
    "quarter": "Q",  # a quarter of an hour or a year
    "part_code": "0",  # Q3, H1
    "half": "V",  # halb, as in "halb acht"
    "edge": "F",  # beginning, middle, end of a span of time
    "edge_noun": "1",  # the same where "of" follows: the end of May
    "modifier": "l",  # last, next
    "postmodifier": "L",  # dernier
    # small words and signs
    "article": "a",
    "and": "U",
    "to": "b",  # between the two ends of a range
    "between": "X",
    "per": "P",
    "of": "O",
    "hyphen": "-",
    "comma": ",",
    "stop": ".",
    "apostrophe": "'",
    "other": "x",
}
KINDS = {letter: kind for kind, letter in LETTERS.items()}
_WORD = re.compile(r"(?<![<\w])[a-z]\w+")


@cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern written in kinds, a regular expression in which a kind stands for one token; once.

    White space parts kinds and means nothing; plain brackets group. Raises KeyError for a kind that does not exist.

    >>> compile_pattern("(?P<n> day | numeral ) hyphen? unit").pattern
    '(?P<n>d|w)\\\\-?u'
    """
    letters = _WORD.sub(lambda word: re.escape(LETTERS[word[0]]), pattern)
    return re.compile(re.sub(r"\((?!\?)", "(?:", "".join(letters.split())))
