import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.discover.sources import Source, open_source, parse_sources, to_doc_id, to_path, to_uri
from stages.errors import SourceError, UsageError


@pytest.fixture
def press(tmp_path):
    root = tmp_path / "press"
    (root / "2024").mkdir(parents=True)
    for name in ("a.txt", "b.md", "2024/c.txt", "2024/[x].txt"):
        (root / name).write_text("text")
    return root


def test_folder_names_itself(press):
    assert parse_sources([str(press)]) == [Source("press", press)]


def test_name_equals_path(press):
    assert parse_sources([f"archive={press}"]) == [Source("archive", press)]


def test_relative_folder_is_resolved_and_named(press, monkeypatch):
    monkeypatch.chdir(press / "2024")
    assert parse_sources(["."]) == [Source("2024", press / "2024")]
    assert parse_sources([".."]) == [Source("press", press)]


def test_name_of_a_link_stands_for_where_it_leads(press, tmp_path):
    (tmp_path / "newest").symlink_to(press / "2024")
    assert parse_sources([str(tmp_path / "newest")]) == [Source("newest", press / "2024")]


def test_sources_are_sorted_by_name(press):
    assert [s.name for s in parse_sources([f"z={press}", f"a={press / '2024'}"])] == ["a", "z"]


def test_equals_sign_in_an_existing_path_is_part_of_it(tmp_path):
    (tmp_path / "a=b").mkdir()
    (source,) = parse_sources([str(tmp_path / "a=b")])
    assert source == Source("a=b", tmp_path / "a=b")


@pytest.mark.parametrize("name", ["50%", "two\nlines", "nb\u00a0sp"])
def test_names_that_would_not_survive_in_a_uri_are_refused(name, press):
    with pytest.raises(UsageError, match="cannot name a source"):
        parse_sources([f"{name}={press}"])


@pytest.mark.parametrize("spec", ["", "name="])
def test_no_path_is_refused(spec):
    with pytest.raises(UsageError, match="names no path"):
        parse_sources([spec])


@pytest.mark.parametrize("missing", ["no/such/folder", "no/such/*.txt", "x=no/such"])
def test_missing_paths_are_refused_before_anything_is_read(missing):
    with pytest.raises(UsageError, match="nothing was read or changed"):
        parse_sources([missing])


def test_two_roots_of_one_name_are_refused(press, tmp_path):
    other = tmp_path / "other" / "press"
    other.mkdir(parents=True)
    with pytest.raises(UsageError, match=f"'press': {press} and {other}.*press2="):
        parse_sources([str(press), str(other)])


def test_one_root_named_twice_is_one_source(press):
    assert parse_sources([str(press), str(press) + "/"]) == [Source("press", press)]


def test_files_and_globs_of_one_folder_are_merged(press):
    (source,) = parse_sources([str(press / "a.txt"), str(press / "*.md")])
    assert source == Source("press", press, ("*.md", "a.txt"))
    assert [source.holds(name) for name in ("a.txt", "b.md", "b.txt", "2024/a.txt")] == [True, True, False, False]


def test_whole_folder_swallows_its_files(press):
    assert parse_sources([str(press / "a.txt"), str(press)]) == [Source("press", press)]


def test_file_with_wildcard_characters_stands_for_itself(press):
    (source,) = parse_sources([str(press / "2024" / "[x].txt")])
    assert source.holds("[x].txt")
    assert not source.holds("x.txt")


def test_glob_root_is_the_part_before_the_wildcard(press):
    (source,) = parse_sources([str(press / "20*" / "*.txt")])
    assert source == Source("press", press, ("20*/*.txt",))


def test_a_path_as_windows_writes_it(press, monkeypatch):
    monkeypatch.setattr(os, "sep", "\\")
    assert parse_sources([f"{press}\\*.txt"]) == parse_sources([f"{press}/*.txt"])
    assert parse_sources([f"web={press}\\2024"]) == [Source("web", press / "2024")]


def test_glob_without_a_folder_is_relative_to_here(press, monkeypatch):
    monkeypatch.chdir(press)
    assert parse_sources(["*.txt"]) == [Source("press", press, ("*.txt",))]


def test_malformed_set_is_wrong_usage(press):
    with pytest.raises(UsageError, match="is no pattern"):
        parse_sources([str(press / "[z-a].txt")])


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("*.txt", ["a.txt", ".txt", "ü b.txt"], ["a.md", "x/a.txt", "a.txt.gz"]),
        ("**/*.txt", ["a.txt", "x/a.txt", "x/y/a.txt"], ["a.md", "x/a.txt/b"]),
        ("x/**", ["x/a", "x/y/z.md"], ["x", "xa/b", "y/x/a"]),
        ("a?.txt", ["ab.txt", "aü.txt"], ["a.txt", "abc.txt", "a/.txt"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt", "ab.txt"]),
        ("[!ab].txt", ["c.txt"], ["a.txt", "b.txt"]),
        ("[a-c]1", ["b1"], ["d1", "-1"]),
        ("[[]x]", ["[x]"], ["x", "[[]x]"]),
        ("[!].txt", ["!.txt"], ["a.txt"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[a&&b]", ["&", "a", "b"], ["c"]),
        ("[\\d]", ["\\", "d"], ["5"]),
        ("[ab", ["[ab"], ["a"]),
        ("1+(1).txt", ["1+(1).txt"], ["11.txt"]),
        ("a\nb*", ["a\nb", "a\nbc"], ["a b"]),
    ],
)
def test_globs(pattern, matches, others):
    source = Source("s", Path("/"), (pattern,))
    assert [name for name in matches if not source.holds(name)] == []
    assert [name for name in others if source.holds(name)] == []


@pytest.mark.parametrize(
    ("pattern", "walked", "spared"),
    [
        ("*.txt", [], ["2024", "2024/05"]),
        ("20*/*.txt", ["2024"], ["1999", "2024/05"]),
        ("**/*.txt", ["a", "a/b/c"], []),
        ("a/**/b.txt", ["a", "a/x", "a/x/y"], ["b", "b/a"]),
    ],
)
def test_only_folders_that_a_pattern_can_reach_are_walked(pattern, walked, spared):
    source = Source("s", Path("/"), (pattern,))
    assert [folder for folder in walked if not source.leads_to(folder)] == []
    assert [folder for folder in spared if source.leads_to(folder)] == []


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        (b"a.txt", "s/a.txt"),
        ("Köln 1.txt".encode(), "s/Köln 1.txt"),
        (b"100%.txt", "s/100%25.txt"),
        (b"two\nlines\t.txt", "s/two%0Alines%09.txt"),
        (b"K\xf6ln.txt", "s/K%F6ln.txt"),
        ("nb\u00a0sp".encode(), "s/nb%C2%A0sp"),
        (b"a+b&c=d#e?.txt", "s/a+b&c=d#e?.txt"),
    ],
)
def test_names_of_files_as_uris(name, uri):
    assert to_uri("s", os.fsdecode(name)) == uri
    assert os.fsencode(to_path(uri, {"s": Path("/r")})) == b"/r/" + name


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=30).filter(lambda b: b"\0" not in b and not b.startswith(b"/")))
@example(b"%41%")
@example("\u2028".encode())
def test_every_name_of_a_file_comes_back(name):
    uri = to_uri("s", os.fsdecode(name))
    assert uri.isprintable()
    assert uri.encode()
    # Compared as the file system sees it: pathlib drops double slashes and dots.
    assert os.fsencode(to_path(uri, {"s": Path("/r")})) == os.fsencode(Path("/r") / os.fsdecode(name))


def test_doc_id_depends_on_the_uri_alone():
    assert to_doc_id("press/a.txt") == to_doc_id("press/a.txt")
    assert len({to_doc_id(uri) for uri in ("press/a.txt", "press/b.txt", "web/a.txt")}) == 3


def test_open_source_refuses_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, code in ((tmp_path / "pipe", "not_regular"), (tmp_path, "not_regular"), (tmp_path / "x", "unreadable")):
        with pytest.raises(SourceError) as caught:
            open_source(path)
        assert caught.value.code == code
