"""Towns and organisations that an engine missed in a hashtag."""

import pytest

from stages.extract_entities.hashtags import with_hashtags
from stages.extract_entities.names import Name


def told(text, *names):
    return [(text[name.start : name.end], name.label) for name in with_hashtags([text], [list(names)], "rule")[0]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Stau in #Bamberg", [("Bamberg", "LOC")]),
        ("#hamburg, #Lufthansa", [("hamburg", "LOC"), ("Lufthansa", "ORG")]),
        ("heute gibt es #essen", []),
        ("#Regen, #stau und #Glück", []),
        ("#Hamburg-Wetter", []),
        ("siehe https://example.org/#Bamberg", []),
        ("Platz # Bamberg", []),
    ],
)
def test_what_the_tables_know_is_a_name(text, names):
    assert told(text) == names


def test_what_is_found_stays():
    assert told("Stau in #Bamberg", Name(9, 16, "MISC", "name", 0.6, "model")) == [("Bamberg", "MISC")]
