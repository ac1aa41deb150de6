"""Put back hyphens that an extractor swallowed: "USPräsident" was "US-Präsident".

Only known abbreviations before known nouns are parted; a name like "LaTeXVorlage" or "GmbHAnteil" stays as it is.
"""

import re

from stages.reflow.characters import Mapped
from stages.reflow.records import Repair

ABBREVIATIONS = (
    "US|EU|UN|UNO|NATO|OECD|WHO|EZB|ARD|ZDF|CDU|CSU|SPD|FDP|AfD|\u00d6VP|FP\u00d6|SP\u00d6|DDR|NS|SS|KI|IT|TV|BBC|CNN"
)
# Stems, so that every ending of theirs counts.
STEMS = (
    "Pr\xe4sident", "Vizepr\xe4sident", "Regierung", "Au\xdfenminister", "Verteidigungsminister",
    "Finanzminister", "Minister", "Kanzler", "Botschaft", "Beh\xf6rde", "Armee", "Milit\xe4r", "Soldat",
    "Truppen", "Streitkr\xe4fte", "Geheimdienst", "B\xfcrger", "Senat", "Kongress", "Abgeordnete", "Politik",
    "Parlament", "Kommission", "Gipfel", "Staaten", "L\xe4nder", "Mitglied", "Generalsekret\xe4r", "Sanktion",
    "Dollar", "Konzern", "Unternehmen", "Wirtschaft", "W\xe4hler", "Fraktion", "Vorsitzende", "Parteitag",
    "Sender", "Korrespondent", "Au\xdfenpolitik", "Recht", "Richtlinie", "Charta", "Sicherheitsrat", "Hilfswerk",
    "Bericht", "Experte", "Medien", "Zeit", "Verbrechen", "Diktatur", "Grenze", "Amerikaner", "Serie", "Programm",
)  # fmt: skip
# What every such place holds, found several times faster.
CAPITALS = re.compile("[A-Z\u00d6]{2}[a-z\u00e4\u00f6\u00fc]")
LOST = re.compile(f"(?<![^\\W_])(?:{ABBREVIATIONS})(?={'|'.join(STEMS)})")


def restore_hyphens(line: Mapped) -> tuple[Mapped, list[Repair]]:
    """The text with each such hyphen set, and a repair for each; the new hyphens have no raw offset.

    >>> restore_hyphens(Mapped("Der USPr\u00e4sident", list(range(15))))[0].text
    'Der US-Pr\u00e4sident'
    """
    places = [match.end() for match in LOST.finditer(line.text)]
    text, offsets = line.text, list(line.offsets)
    repairs = []
    for at in reversed(places):
        start, end = text.rfind(" ", 0, at) + 1, (text.find(" ", at) + 1 or len(text) + 1) - 1
        known = [offset for offset in offsets[start:end] if offset >= 0]
        after = f"{text[start:at]}-{text[at:end]}"
        repairs.append(Repair("lost_hyphen", known[0], known[-1] + 1, text[start:end], after))
        text, offsets = f"{text[:at]}-{text[at:]}", [*offsets[:at], -1, *offsets[at:]]
    return Mapped(text, offsets), repairs[::-1]
