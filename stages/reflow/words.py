"""Closed word lists of German, English, French and Dutch."""

# A sentence or heading hardly ends in one of these: articles, prepositions, conjunctions, auxiliaries before their
# noun.
OPEN_ENDED = frozenset(
    {
        "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "eines", "und", "oder",
        "aber", "sondern", "denn", "von", "vom", "zu", "zum", "zur", "mit", "bei", "beim", "nach", "in", "im", "ins",
        "an", "am", "ans", "auf", "aus", "für", "über", "unter", "vor", "hinter", "zwischen", "durch", "gegen", "ohne",
        "um", "bis", "seit", "während", "wegen", "trotz", "als", "wie", "wenn", "weil", "dass", "ob", "sein", "seine",
        "seinen", "seinem", "seiner", "ihr", "ihre", "ihren", "ihrem", "ihrer", "kein", "keine", "keinen", "diese",
        "dieser", "dieses", "diesen", "diesem", "jede", "jeder", "jedes", "sehr", "the", "a", "and", "or", "but",
        "nor", "of", "to", "on", "at", "by", "for", "from", "with", "without", "into", "onto", "over", "under",
        "between", "through", "against", "during", "about", "as", "than", "that", "which", "who", "whose", "if",
        "because", "while", "his", "her", "their", "our", "your", "its", "this", "these", "those", "my", "no", "every",
        "le", "la", "les", "un", "une", "du", "de", "et", "ou", "mais", "dans", "en", "sur", "sous", "par",
        "pour", "avec", "sans", "entre", "vers", "chez", "que", "qui", "dont", "au", "aux", "ce", "cette", "ces", "son",
        "sa", "ses", "leur", "leurs", "notre", "votre", "het", "een", "van", "op", "te", "met", "voor", "door", "naar",
        "bij", "uit",
    }
)  # fmt: skip

# Conjunctions after a suspended hyphen: "klein- und mittelständisch", "short- or long-term", "voor- en nadelen".
SUSPENDED = {
    "de": ("und", "oder", "bis", "sowie", "bzw.", "beziehungsweise", "noch", "wie", "als", "statt", "u."),
    "en": ("and", "or", "to", "nor", "and/or", "versus"),
    "fr": ("et", "ou"),
    "nl": ("en", "of", "tot", "noch", "als"),
}
# The commonest words of each language; enough to tell these four apart.
COMMON = {
    "de": (
        "der",
        "die",
        "und",
        "das",
        "ist",
        "nicht",
        "den",
        "mit",
        "von",
        "auch",
        "auf",
        "für",
        "ein",
        "eine",
        "dem",
        "sich",
    ),
    "en": ("the", "and", "of", "to", "that", "is", "for", "was", "with", "on", "as", "are", "it", "by", "have", "this"),
    "fr": ("le", "la", "les", "et", "des", "est", "une", "que", "dans", "pour", "qui", "du", "sur", "pas", "au", "par"),
    "nl": (
        "het",
        "een",
        "van",
        "en",
        "dat",
        "niet",
        "te",
        "voor",
        "met",
        "zijn",
        "op",
        "aan",
        "werd",
        "naar",
        "ook",
        "bij",
    ),
}
