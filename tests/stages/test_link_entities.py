import json
import random
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.link_entities import (
    CLUSTERS,
    build_entities,
    fill_mentions,
    find_clusters,
    read_signatures,
)
from stages.link_entities.authority import kept_ids
from stages.link_entities.names import initials_fit, is_acronym, is_short_form
from stages.link_entities.persons import compatible, merge_given, parse_person
from stages.link_entities.resolve import Signature, blocks_of, resolve
from stages.link_entities.roles import role_beside, role_gender, word_before
from stages.tables.agree import are_spellings
from tests.linking import link_frames

CASES = json.loads((Path(__file__).parents[1] / "cases" / "linking.json").read_text(encoding="utf-8"))
NAMES = [
    ("PER", "Anna Müller"), ("PER", "Peter Müller"), ("PER", "Müller"), ("PER", "Müllers"), ("PER", "A. Müller"),
    ("PER", "JD Vance"), ("PER", "James David Vance"), ("PER", "Vance"), ("PER", "Vances"), ("PER", "Wien"),
    ("ORG", "Deutscher Ruderbund"), ("ORG", "DRB"), ("ORG", "Deutsche Reederbank"), ("ORG", "Siemens"),
    ("ORG", "Siemens AG"),
    ("LOC", "Wien"), ("LOC", "Wiens"), ("LOC", "Adorf"), ("LOC", "Adorfs"), ("MISC", "Tosca"),
]  # fmt: skip


def frames(documents):
    """Mentions and documents of articles given as lists of (label, text); kinds may follow, and roles after these."""
    rows, texts = [], []
    for doc_id, found in documents.items():
        text = ""
        for number, (label, name, *more) in enumerate(found):
            kind, role = more[:1], more[1:]
            text += f"Dann sah man {' '.join([*role, ''])}"
            rows.append(
                (doc_id, number, name, label, (kind or ["name"])[0], number // 3, len(text), len(text) + len(name))
            )
            text += name + ". "
        texts.append((doc_id, f"source/{doc_id}", text))
    columns = ["doc_id", "mention_no", "text", "label", "kind", "block_no", "start", "end"]
    types = dict.fromkeys(["doc_id", "text", "label", "kind"], pl.String) | dict.fromkeys(
        ["mention_no", "block_no", "start", "end"], pl.Int64
    )
    mentions = pl.DataFrame(rows, schema={name: types[name] for name in columns}, orient="row")
    return mentions, pl.DataFrame(
        texts, schema=dict.fromkeys(["doc_id", "source_uri", "text"], pl.String), orient="row"
    )


def link(documents):
    mentions, texts = frames(documents)
    clusters, members = find_clusters(mentions, texts)
    linked = link_frames(clusters.clear(), clusters)
    return fill_mentions(mentions, members, linked.clusters), linked.clusters, texts


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_cases(case):
    documents = {f"d{number}": [tuple(name) for name in names] for number, names in enumerate(case["documents"])}
    filled, _, _ = link(documents)
    groups = {}
    for doc_id, number, entity in filled.select("doc_id", "mention_no", "entity_id").iter_rows():
        groups.setdefault(entity, []).append(f"{doc_id[1:]}.{number}")
    assert sorted(groups.values()) == sorted(case["entities"])


corpora = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(corpora, st.randoms(use_true_random=False))
def test_linking_night_by_night_equals_linking_from_scratch(corpus, shuffler):
    documents = {f"d{number}": names for number, names in enumerate(corpus)}
    mentions, texts = frames(documents)
    clusters, _ = find_clusters(mentions, texts)
    scratch = link_frames(clusters.clear(), clusters).clusters
    order = list(documents)
    shuffler.shuffle(order)
    table = clusters.clear()
    for number, doc_id in enumerate(order):
        # Every second document is first published with other names and replaced, or deleted and brought back.
        if number % 2:
            early, _ = find_clusters(*frames({doc_id: [("PER", "Carl Müller"), ("PER", "Vance"), ("ORG", "DRB")]}))
            table = link_frames(table, early).clusters
            table = link_frames(table, clusters.clear(), [doc_id]).clusters if number % 4 == 1 else table
        table = link_frames(table, clusters.filter(pl.col("doc_id") == doc_id)).clusters
    assert table.equals(scratch)


@settings(max_examples=30, deadline=None)
@given(corpora)
def test_changed_documents_are_those_whose_entities_changed(corpus):
    documents = {f"d{number}": names for number, names in enumerate(corpus)}
    clusters, _ = find_clusters(*frames(documents))
    before = link_frames(clusters.clear(), clusters.filter(pl.col("doc_id") != "d0")).clusters
    linked = link_frames(before, clusters.filter(pl.col("doc_id") == "d0"))
    after = linked.clusters.filter(pl.col("doc_id") != "d0")
    differs = (before["entity_id"] != after["entity_id"]).to_list()
    assert linked.changed_documents == sorted(
        {row for row, moved in zip(before["doc_id"], differs, strict=True) if moved}
    )
    changed_ids = set(before["entity_id"].filter(pl.Series(differs, dtype=pl.Boolean)))
    assert changed_ids <= set(linked.touched_entities)


def test_a_second_bearer_changes_the_document_of_the_surname_alone():
    documents = {"a": [("PER", "Anna Müller")], "b": [("PER", "Müller")], "c": [("PER", "Peter Müller")]}
    documents["d"] = documents["a"]
    clusters, _ = find_clusters(*frames(documents))
    before = link_frames(clusters.clear(), clusters.filter(pl.col("doc_id") != "c")).clusters
    linked = link_frames(before, clusters.filter(pl.col("doc_id") == "c"))
    assert linked.changed_documents == ["b"]
    known = dict(before.select("doc_id", "entity_id").iter_rows())
    assert known["a"] == known["b"]
    assert known["a"] in linked.touched_entities


@settings(max_examples=30, deadline=None)
@given(corpora)
def test_every_name_is_linked_and_never_across_labels(corpus):
    filled, clusters, texts = link({f"d{number}": names for number, names in enumerate(corpus)})
    assert filled["entity_id"].null_count() == 0
    assert filled.group_by("entity_id").agg(pl.col("label").n_unique())["label"].max() == 1
    entities = build_entities([clusters], texts)
    assert entities["n_mentions"].sum() == filled.height
    assert set(entities["entity_id"]) == set(filled["entity_id"])
    for entity, name, aliases in entities.select("entity_id", "name", "aliases").iter_rows():
        assert name not in aliases
        # The name of a place may be the nominative of what was met.
        met = set(filled.filter(pl.col("entity_id") == entity)["text"])
        assert {name, *aliases} in (met, {name} | met)


def test_a_surname_means_who_is_known_by_far_best():
    documents = {f"d{number}": [("PER", "Donald Trump")] for number in range(20)} | {"x": [("PER", "Trump")]}
    linked, _, _ = link(documents | {"y": [("PER", "Melania Trump")]})
    ids = dict(linked.select("doc_id", "entity_id").iter_rows())
    assert ids["x"] == ids["d0"] != ids["y"]
    linked, _, _ = link(documents | {"y": [("PER", "Melania Trump")], "z": [("PER", "Eric Trump")]})
    ids = dict(linked.select("doc_id", "entity_id").iter_rows())
    assert ids["x"] not in {ids["d0"], ids["y"], ids["z"]}


def test_the_role_decides_between_people_of_one_surname():
    texts = {
        "a": "Kanzler Karl Merz sprach.",
        "b": "Trainer Otto Merz schwieg.",
        "c": "Dann kam Trainer Merz.",
        "d": "Auch Merz kam.",
    }
    names = {"a": "Karl Merz", "b": "Otto Merz", "c": "Merz", "d": "Merz"}
    rows = [
        (key, 0, names[key], "PER", "name", 0, text.index(names[key]), text.index(names[key]) + len(names[key]))
        for key, text in texts.items()
    ]
    mentions = pl.DataFrame(rows, schema=frames({})[0].schema, orient="row")
    documents = pl.DataFrame(
        [(key, key, text) for key, text in texts.items()], schema=["doc_id", "source_uri", "text"], orient="row"
    )
    clusters, members = find_clusters(mentions, documents)
    filled = fill_mentions(mentions, members, link_frames(clusters.clear(), clusters).clusters)
    ids = dict(filled.select("doc_id", "entity_id").iter_rows())
    assert ids["c"] == ids["b"]
    assert len({ids["a"], ids["b"], ids["d"]}) == 3
    assert dict(filled.select("doc_id", "role").iter_rows()) == {
        "a": "Kanzler",
        "b": "Trainer",
        "c": "Trainer",
        "d": None,
    }


def test_ids_do_not_depend_on_the_number_of_documents():
    few, _, _ = link({"a": [("PER", "JD Vance")]})
    many, _, _ = link({"a": [("PER", "JD Vance")], "b": [("PER", "JD Vance")], "c": [("PER", "Anna Müller")]})
    assert few["entity_id"][0] == many["entity_id"][0] == many["entity_id"][1]


def test_values_take_no_part():
    mentions, texts = frames({"a": [("DATE", "am Montag", "value"), ("PER", "Anna Müller")]})
    clusters, members = find_clusters(mentions, texts)
    linked = link_frames(clusters.clear(), clusters)
    filled = fill_mentions(mentions, members, linked.clusters)
    assert filled["entity_id"].is_null().to_list() == [True, False]


def test_no_documents_at_all():
    mentions, texts = frames({})
    clusters, members = find_clusters(mentions, texts)
    linked = link_frames(clusters, clusters)
    assert linked.clusters.height == members.height == build_entities([linked.clusters], texts).height == 0
    assert clusters.schema == CLUSTERS


def test_entities_have_places_and_authority_ids():
    documents = {
        "a": [
            ("LOC", "Wiens"),
            ("LOC", "russische", "deriv"),
            ("PER", "Dr. Anna Müller"),
            ("ORG", "Siemens AG"),
            ("LOC", "Adorf"),
        ],
        "b": [("LOC", "USA"), ("PER", "Müller"), ("ORG", "Siemens")],
        "aa": [("PER", "Dr. Anna Müller")],
    }
    _, clusters, texts = link(documents)
    authority = pl.DataFrame(
        {"id": ["p1", "o1", "p2"], "label": ["PER", "ORG", "ORG"], "name": ["Anna Müller", "Siemens", "Anna Müller"],
         "aliases": [None, ["Siemens & Halske"], None]}
    )  # fmt: skip
    found = {row["name"]: row for row in build_entities([clusters], texts, authority).iter_rows(named=True)}
    assert (found["Wien"]["geonames_id"], found["Wien"]["country"]) == (2761369, "AT")
    assert (found["Russland"]["country"], found["USA"]["country"]) == ("RU", "US")
    assert found["Adorf"]["country"] is None
    assert found["Dr. Anna Müller"]["authority_id"] == "p1"
    assert found["Siemens"]["authority_id"] == "o1"
    assert found["Dr. Anna Müller"]["aliases"] == ["Müller"]
    assert (found["Siemens"]["first_document"], found["Siemens"]["last_document"]) == ("source/a", "source/b")
    assert found["Siemens"]["n_documents"] == 2


AUTHORITY = pl.DataFrame(
    [
        ("p1", "PER", "Anna Müller", None), ("p2", "PER", "Peter Müller", ["Müller"]), ("v", "PER", "JD Vance", None),
        ("o1", "ORG", "Deutscher Ruderbund", ["DRB"]), ("o2", "ORG", "Deutsche Reederbank", None),
        ("l", "LOC", "Wien", []),
    ],
    schema={"id": pl.String, "label": pl.String, "name": pl.String, "aliases": pl.List(pl.String)}, orient="row",
)  # fmt: skip


def borne(clusters, texts):
    """Every id of the table with each entity that bears it by name, alone or beside other ids."""
    told = [build_entities([clusters], texts, AUTHORITY.filter(id=number)) for number in AUTHORITY["id"]]
    return set(pl.concat(told).select("entity_id", "authority_id").drop_nulls().iter_rows())


@settings(max_examples=100, deadline=None)
@given(corpora, st.integers(1, 6), st.randoms(use_true_random=False))
def test_an_id_kept_without_the_table_is_one_that_the_table_gives(corpus, first, shuffler):
    """The first night has the table; in the others documents come, and one that is there may be read again."""
    mentions, texts = frames({f"d{number}": found for number, found in enumerate(corpus)})
    clusters, _ = find_clusters(mentions, texts)
    known = link_frames(clusters.clear(), clusters.filter(pl.col("doc_id") < f"d{first}")).clusters
    kept = build_entities([known], texts, AUTHORITY).select("entity_id", "authority_id")
    for number in range(first, len(corpus)):
        again = shuffler.sample(range(number), shuffler.randint(0, 1))
        new = clusters.filter(pl.col("doc_id").is_in([f"d{n}" for n in (number, *again)]))
        before, known = known, link_frames(known, new).clusters
        ids = kept_ids(before, known, kept)
        assert set(ids.items()) <= borne(known, texts)
        kept = pl.DataFrame([*ids.items()], schema=kept.schema, orient="row")


def test_a_place_known_by_its_adjective_alone_is_named_as_it_is_written():
    _, clusters, texts = link(
        {"a": [("LOC", "britische", "deriv"), ("LOC", "Münchner", "deriv"), ("LOC", "US", "part")]}
    )
    names = {row["name"]: row["country"] for row in build_entities([clusters], texts).iter_rows(named=True)}
    assert names == {"Großbritannien": "GB", "München": "DE", "USA": "US"}


def test_entities_can_be_renewed_one_by_one():
    _, clusters, texts = link({"a": [("PER", "Anna Müller")], "b": [("PER", "Anna Müller"), ("LOC", "Wien")]})
    everything = build_entities([clusters], texts)
    one = everything["entity_id"][0]
    assert build_entities([clusters], texts, only=pl.Series([one])).equals(
        everything.filter(pl.col("entity_id") == one)
    )


def evidence_for(documents, name):
    """Alias -> rule, documents, of the entity shown by a name."""
    _, clusters, texts = link(documents)
    rows = build_entities([clusters], texts).filter(pl.col("name") == name)["evidence"]
    return {one["alias"]: (one["rule"], one["n_documents"], one["documents"]) for one in json.loads(rows.item())}


def test_evidence_says_which_rule_and_which_documents():
    documents = {
        "a": [("PER", "Anna Müller"), ("PER", "Müller"), ("ORG", "Neue Freie Bank"), ("ORG", "NFB")],
        "b": [("PER", "A. Müller"), ("PER", "Anna Müllers"), ("ORG", "NFB"), ("ORG", "Neue Freie Bank")],
        "c": [("PER", "Anna Müller"), ("ORG", "NFB"), ("LOC", "Kärntner", "deriv"), ("LOC", "United States")],
        "d": [("PER", "Müller"), ("LOC", "Kärnten"), ("LOC", "USA"), ("LOC", "Amerika")],
    }
    said = evidence_for(documents, "Anna Müller")
    assert said["A. Müller"] == ("given_names", 1, ["source/b"])
    assert "Anna Müllers" not in said  # no more than an inflection
    assert evidence_for(documents, "Kärnten") == {}  # the place stands for its adjective
    assert evidence_for(documents, "USA") == {
        "Amerika": ("known_name", 1, ["source/d"]),
        "United States": ("known_name", 1, ["source/c"]),
    }


def test_evidence_for_one_alias_may_have_several_rules():
    documents = {
        "a": [("PER", "Anna Müller"), ("PER", "Müller")],
        "b": [("PER", "Anna Müller")],
        "c": [("PER", "Müller")],
    }
    _, clusters, texts = link(documents)
    said = json.loads(build_entities([clusters], texts)["evidence"].item())
    assert [(one["alias"], one["rule"], one["documents"]) for one in said] == [
        ("Müller", "surname_in_corpus", ["source/c"]),
        ("Müller", "surname_in_document", ["source/a"]),
    ]


def renamed(name, other):
    """A document that says of one person that she had another name."""
    text = f"Hier sprach {name}, geborene {other}, gestern."
    first, second = text.index(name), text.index(other)
    rows = [(0, name, first), (1, other, second)]
    return text, [(number, form, "PER", "name", 0, start, start + len(form)) for number, form, start in rows]


def test_one_bad_document_merges_two_well_known_people_for_nobody_else():
    known = {f"d{number}": [("PER", "Sophie Auer")] for number in range(8)}
    known |= {f"e{number}": [("PER", "Sophie Wagner")] for number in range(8)}

    def entities(n_saying):
        mentions, texts = frames(known)
        for number in range(n_saying):
            text, rows = renamed("Sophie Auer", "Sophie Wagner")
            more = pl.DataFrame([(f"x{number}", *row) for row in rows], schema=mentions.schema, orient="row")
            mentions = pl.concat([mentions, more])
            one = pl.DataFrame([(f"x{number}", f"source/x{number}", text)], schema=texts.schema, orient="row")
            texts = pl.concat([texts, one])
        clusters, _ = find_clusters(mentions, texts)
        linked = link_frames(clusters.clear(), clusters).clusters
        return linked.filter(pl.col("doc_id").is_in(list(known)))["entity_id"].n_unique()

    assert entities(1) == 2
    assert entities(2) == 1  # a second document says so as well


def test_names_that_the_table_holds_apart_stay_apart_whatever_texts_say(monkeypatch):
    module = sys.modules["stages.link_entities.resolve"]
    documents = {"a": [("PER", "J. Biden")], "b": [("PER", "Joe Biden")], "c": [("PER", "Joseph Biden")]}
    apart = [("joe|biden|", parse_person("Joseph Biden").key)]
    assert link(documents)[1]["entity_id"].n_unique() == 1
    monkeypatch.setattr(module, "_never_one", lambda label: apart if label == "PER" else [])
    assert link(documents)[1]["entity_id"].n_unique() == 2


def test_a_genitive_before_its_noun_is_shown_without_its_ending():
    text = "Urs Widmers Deutschlehrer war streng. Ida Peters Nachbarn waren es nicht."
    rows = [("d", 0, "Urs Widmers", "PER", "name", 0, 0, 11), ("d", 1, "Ida Peters", "PER", "name", 0, 38, 48)]
    columns = ["doc_id", "mention_no", "text", "label", "kind", "block_no", "start", "end"]
    documents = pl.DataFrame([("d", "source/d", text)], schema=["doc_id", "source_uri", "text"], orient="row")
    clusters, _ = find_clusters(pl.DataFrame(rows, schema=columns, orient="row"), documents)
    entities = build_entities([link_frames(clusters.clear(), clusters).clusters], documents)
    found = dict(entities.select("name", "aliases").iter_rows())
    assert found == {"Urs Widmer": ["Urs Widmers"], "Ida Peters": []}
    uncorrected = entities.with_columns(corrected=pl.lit(False))
    assert are_spellings(uncorrected, link_frames(clusters.clear(), clusters).clusters).all()


@pytest.mark.parametrize(
    ("label", "spellings", "name"),
    [
        ("ORG", ["Europäischen Union", "EU"], "Europäische Union"),
        ("LOC", ["Vereinigten Staaten", "Amerika"], "USA"),
        ("ORG", ["FPÖ-"], "FPÖ"),
        ("PER", ["Jürg Christandls", "Jürg Christandl"], "Jürg Christandl"),
        ("ORG", ["Deutschen Olympischen Sportbundes"], "Deutscher Olympischer Sportbund"),
        ("ORG", ["Jungen Union"], "Junge Union"),
        ("ORG", ["Grünen"], "Grüne"),
        ("ORG", ["Freien Bauern"], "Freie Bauern"),
        ("PER", ["JOSEF REITERER"], "Josef Reiterer"),
        ("PER", ["JD Vance"], "JD Vance"),
        ("MISC", ["Zweiten Weltkrieg"], "Zweiter Weltkrieg"),
        ("LOC", ["Weißen Hauses"], "Weißes Haus"),
        ("LOC", ["Frankfurt (Oder"], "Frankfurt (Oder)"),
        ("ORG", ["Deutschen Speditions- und Logistikverbands"], "Deutscher Speditions- und Logistikverband"),
        ("PER", ["Angela Peters", "Peters"], "Angela Peters"),
        ("MISC", ["romanischen"], "romanisch"),
        ("MISC", ["iPhone"], "iPhone"),
        ("ORG", ["Deutschen Diabetiker Bundes"], "Deutscher Diabetiker Bund"),
        ("ORG", ["Berliner Zeitung"], "Berliner Zeitung"),
        ("LOC", ["Luxemburgs"], "Luxemburg"),
        ("LOC", ["niederösterreichischen"], "Niederösterreich"),
        ("LOC", ["Bol zano"], "Bolzano"),
        ("LOC", ["Orten- steingasse"], "Ortensteingasse"),
        ("ORG", ["@welt", "@welt", "Welt"], "Welt"),
        ("MISC", ["Lateinischen"], "Lateinisch"),
        ("MISC", ["2. Weltkrieg", "Zweiten Weltkrieg"], "Zweiter Weltkrieg"),
    ],
)
def test_shown_names_are_base_forms(label, spellings, name):
    _, clusters, texts = link({"a": [(label, spelling) for spelling in spellings]})
    assert build_entities([clusters], texts)["name"].to_list() == [name]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=12))
def test_signatures_that_share_no_block_do_not_meet(names):
    clusters, _ = find_clusters(*frames({f"d{number}": [name] for number, name in enumerate(names)}))
    signatures = sorted(read_signatures(clusters["signature"]).values())
    together = resolve(dict.fromkeys(signatures, 1))
    for one in signatures:
        near = [other for other in signatures if _connected(one, other, signatures)]
        assert resolve(dict.fromkeys(near, 1))[one] == together[one]


def _connected(one: Signature, other: Signature, signatures: list[Signature]) -> bool:
    blocks = blocks_of(one)
    for _ in signatures:
        blocks = set().union(blocks, *(blocks_of(near) for near in signatures if blocks_of(near) & blocks))
    return bool(blocks & blocks_of(other))


@pytest.mark.parametrize(
    ("text", "given_names", "surname"),
    [
        ("Ursula von der Leyen", ("ursula",), "von der leyen"),
        ("De Vries", (), "de vries"),
        ("J. D. Vance", ("j", "d"), "vance"),
        ("Prof. Dr. Hans Mertens", ("hans",), "mertens"),
        ("Trump …", (), "trump"),
        ("Frau Müller", (), "müller".replace("ü", "ue")),
        ("Donald Trump Jr.", ("donald",), "trump"),
        ("...", (), ""),
    ],
)
def test_parts_of_a_name(text, given_names, surname):
    person = parse_person(text)
    assert (person.given, person.surname) == (given_names, surname)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(
        st.lists(
            st.sampled_from(["a", "j", "anna", "andreas", "joe", "josef", "giorgia", "georgia", "d"]),
            min_size=1,
            max_size=2,
        ).map(tuple),
        min_size=1,
        max_size=7,
    )
)
def test_only_given_names_that_fit_are_merged(names):
    groups = merge_given(names)
    assert set(groups) == names
    assert all(linked_by(compatible, {name for name in names if groups[name] == number}) for number in groups.values())
    for one in names:
        for other in names:
            fitting = [name for name in names if name != one and compatible(one, name)]
            clear = all(compatible(a, b) for a in fitting for b in fitting)
            if one != other and compatible(one, other) and clear and not ambiguous(other, names):
                assert groups[one] == groups[other]


def linked_by(fits, names):
    """Whether each of some names is reached from the others over pairs that fit."""
    reached, waiting = set(), [min(names)]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [other for other in names - reached if fits(name, other)]
    return reached == names


def ambiguous(name, names):
    fitting = [other for other in names if other != name and compatible(name, other)]
    return not all(compatible(a, b) for a in fitting for b in fitting)


def test_given_names_that_fit_two_others_stay_alone():
    groups = merge_given({("anna",), ("andreas",), ("a",)})
    assert len(set(groups.values())) == 3
    groups = merge_given({("anna",), ("a",), ("peter",)})
    assert groups["a",] == groups["anna",] != groups["peter",]


@pytest.mark.parametrize(
    ("before", "after", "role"),
    [
        ("Das sagte Bundeskanzlerin ", " am Montag", "Bundeskanzlerin"),
        ("Das sagte ", ", der neue Sprecher der Polizei", "Sprecher"),
        ("Das sagte der Generalsekretär, ", " am Montag", "Generalsekretär"),
        ("Das sagte im Apparat ", " am Montag", None),
        ("said President ", " on Monday", "President"),
        ("said Prime Minister ", " on Monday", "Prime Minister"),
        ("Bürgermeisterin Dr. ", " kam", "Bürgermeisterin"),
        ("Geschäftsführer Dipl.-Ing. ", " kam", "Geschäftsführer"),
        ("Chefarzt Prof. Dr. med. ", " kam", "Chefarzt"),
        ("Das sagte der Arzt. ", " kam", None),
        ("UBS-CEO ", " kam", "UBS-CEO"),
        ("contre l'ex-maire ", " ici", "ex-maire"),
        ("wird Lund Kanzler, ", " Ministerin", None),
        ("Kanzler, ", " (SPD), kam", "Kanzler"),
        ("Das sagte ", "", None),
    ],
)
def test_roles(before, after, role):
    text, start = f"{before}Huber{after}", len(before)
    assert role_beside(word_before(text, start), text, start + len("Huber")) == role


def test_gender_of_roles():
    assert [role_gender(role) for role in ("Ministerin", "Minister", "minister", None)] == ["f", "m", "", ""]
    assert [role_gender(role) for role in ("UBS-CEO", "OB")] == ["", ""]


def test_a_full_name_in_the_genitive_is_shown_without_it_where_the_bare_surname_stands_too():
    _, clusters, texts = link({"a": [("PER", "Georg Büchners"), ("PER", "Büchner")], "b": [("PER", "Ida Peters")]})
    assert set(build_entities([clusters], texts)["name"]) == {"Georg Büchner", "Ida Peters"}


def test_two_surnames_mean_the_full_name_that_has_both_and_are_shown_as_that():
    people = [("PER", "Gabriel Lundez Marquin"), ("PER", "Lundez Marquin"), ("PER", "Lundez Marquin")]
    filled, clusters, texts = link({"a": people, "b": [("PER", "Anna Marquin")]})
    ids = filled["entity_id"].to_list()
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert set(build_entities([clusters], texts)["name"]) == {"Gabriel Lundez Marquin", "Anna Marquin"}


def test_what_only_a_document_shortens_is_shown_in_full():
    clubs = [("ORG", "Adorfer Mieterverein"), ("ORG", "Mieterverein"), ("ORG", "Mieterverein")]
    _, clusters, texts = link({"a": clubs})
    assert build_entities([clusters], texts)["name"].to_list() == ["Adorfer Mieterverein"]


def test_an_acronym_that_is_explained_is_no_short_form_of_a_longer_name():
    texts = "Die Lundische Fachhochschule Adorf (LFA) wächst. In der LFA-Kinderklinik fehlt Personal. Die LFA sucht."
    found = ["Lundische Fachhochschule Adorf", "LFA", "LFA-Kinderklinik", "LFA"]
    starts = [texts.index(name) for name in found[:3]] + [texts.rindex("LFA")]
    rows = [
        ("a", number, name, "ORG", "name", 0, start, start + len(name))
        for number, (name, start) in enumerate(zip(found, starts, strict=True))
    ]
    mentions = pl.DataFrame(rows, schema=frames({})[0].schema, orient="row")
    documents = pl.DataFrame([("a", "a", texts)], schema=["doc_id", "source_uri", "text"], orient="row")
    clusters, members = find_clusters(mentions, documents)
    ids = fill_mentions(mentions, members, link_frames(clusters.clear(), clusters).clusters)["entity_id"].to_list()
    assert ids[0] == ids[1] == ids[3] != ids[2]


@pytest.mark.parametrize(
    ("short", "full", "later", "expected"),
    [
        ("lufthansa", "deutsch lufthansa", True, True),
        ("siemens", "siemens energy", True, False),
        ("rodach", "eintracht rodach", True, True),
        ("rodach", "eintracht rodach", False, True),
        ("bayern", "fc bayern muenchen", True, True),
        ("landgericht", "landgericht adorf", False, True),
        ("sturm", "sturm graz", False, True),
        ("graz", "graz", True, False),
    ],
)
def test_short_forms(short, full, later, expected):
    assert is_short_form(short, full, later=later, local=frozenset()) is expected


def test_acronyms():
    assert [is_acronym(text) for text in ("SPD", "BVerfG", "U.N.", "Nato", "TikTok", "S")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert initials_fit("olg", "oberlandesgericht koeln")
    assert not initials_fit("d", "der")
    assert not initials_fit("spd", "deutsch bank")


def test_the_articles_are_linked_as_annotated():
    # Floors a little below what was measured; `tests/benchmarks/linking.py` prints the figures.
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    try:
        import linking
    finally:
        sys.path.pop(0)
    gold = linking.read_articles(Path(__file__).parents[1] / "golden" / "linking")
    answered = linking.linked_ids(gold)
    assert gold.documents.height >= 40
    assert gold.mentions.height >= 400
    for (_, _, text, *_, start, end), doc_id in zip(gold.mentions.iter_rows(), gold.mentions["doc_id"], strict=True):
        assert gold.documents.filter(pl.col("doc_id") == doc_id)["text"][0][start:end] == text
    assert linking.b_cubed(gold.entities, answered)[2] > 0.96
    assert linking.pairwise_score(gold.entities, answered)[2] > 0.93


def test_a_document_with_a_thousand_names_is_clustered_in_a_moment():
    import time

    names = [random.Random(number).choice(NAMES) for number in range(1000)]
    names += [("PER", f"Vorname{number} Müller") for number in range(500)]
    mentions, texts = frames({"a": names})
    start = time.process_time()
    clusters, members = find_clusters(mentions, texts)
    assert time.process_time() - start < 3.0
    assert members["mention_no"].to_list() == list(range(1500))
    assert clusters["n_mentions"].sum() == 1500


# The signs that keys are built with, also in the wide forms that normalisation turns into them.
SIGNS = ["|", "@", "=", "\uff5c", "\uff20", "\uff1d", "\x1e", "\x1f", "5", "\u00b2", ".", "-", "'"]


@pytest.mark.parametrize("label", ["PER", "ORG", "LOC", "MISC"])
@settings(max_examples=60, deadline=None)
@given(
    found=st.lists(
        st.lists(
            st.sampled_from([*SIGNS, "Anna", "Müller", "Berlin", " ", "GmbH", "Dr.", "von"]), min_size=1, max_size=6
        )
        .map("".join)
        .filter(str.strip),
        min_size=1,
        max_size=6,
    )
)
def test_no_name_can_look_like_a_key(label, found):
    _, clusters, texts = link({"a": [(label, name.strip()) for name in found], "b": [(label, "Anna Müller")]})
    assert build_entities([clusters], texts)["n_mentions"].sum() == len(found) + 1


def test_signs_between_the_parts_of_a_name_do_not_count():
    mentions, clusters, texts = link(
        {"a": [("PER", "Anna | Müller"), ("PER", "Anna Müller"), ("LOC", "@Berlin"), ("LOC", "Berlin")]}
    )
    assert mentions["entity_id"].n_unique() == 2
    assert "DE" in build_entities([clusters], texts)["country"].to_list()


def test_letters_with_full_stops_without_end_are_no_acronym():
    found = [("ORG", "-".join(["ab"] * 3_000)), ("ORG", ".".join("A" * 2_000)), ("ORG", "A.B.")]
    assert link({"a": found})[0]["entity_id"].n_unique() == 3
