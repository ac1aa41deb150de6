import pytest

from stages.discover.selection import BY_DEFAULT, Selection, check_pattern, on_the_way


def passed_over(selection, *paths):
    return {path: why for path in paths if (why := selection.passes_over(path))}


def test_what_programs_leave_is_passed_over():
    hidden = [".git/", ".env", "1997/.DS_Store", "._a.txt", "Thumbs.db", "thumbs.db", "Desktop.ini", "lost+found/"]
    loading = ["a.part", "1/a.crdownload", "Artikel.download/"]
    temporary = ["~$bericht.docx", ".~lock.bericht.odt#", "a.lock", "a.txt.tmp", ".a.txt.swp", "a.txt~", "#a.txt#"]
    named = {"hidden": hidden, "temporary": temporary + loading}
    for why, paths in named.items():
        assert passed_over(Selection(), *paths) == dict.fromkeys(paths, why)


def test_the_short_way_to_tell_most_names_passes_over_the_same():
    endings = [pattern.strip("*").rstrip("/") for pattern in BY_DEFAULT]
    names = [f"{before}{ending}{behind}" for before in ("", "a") for ending in endings for behind in ("", "#", "b")]
    paths = [f"1997/{name}{slash}" for name in names for slash in ("", "/")]
    long_way = Selection(exclude=("nothing-of-this-name",))
    assert passed_over(Selection(), *paths) == passed_over(long_way, *paths)
    assert 50 < len(passed_over(Selection(), *paths)) < len(paths)


def test_texts_and_folders_are_read():
    read = ["a.txt", "1997/", "1997/a.txt", "README", "~root.txt", "a.b.txt", "tmp/", "lock.txt", "part.md", "a~b.txt"]
    assert passed_over(Selection(), *read, "Dr. Müller", "a.bak", "#1.txt", "lost+found") == {}


def test_every_pattern_of_the_list_is_one():
    assert [check_pattern(pattern) for pattern in BY_DEFAULT] == list(BY_DEFAULT)
    assert set(BY_DEFAULT.values()) == {"hidden", "temporary"}


@pytest.mark.parametrize(
    ("exclude", "excluded", "others"),
    [
        (("entwurf/",), ["entwurf/", "1997/entwurf/"], ["entwurf", "entwurf.txt"]),
        (("/entwurf/",), ["entwurf/"], ["1997/entwurf/"]),
        (("*.log",), ["a.log", "1997/a.log"], ["a.log.txt"]),
        (("*.log", "!wichtig.log"), ["a.log"], ["wichtig.log", "1997/wichtig.log"]),
        (("1997/**/a.txt",), ["1997/a.txt", "1997/05/a.txt"], ["1998/a.txt"]),
        ((r"\#1.txt",), ["#1.txt"], ["1.txt"]),
    ],
)
def test_exclude_is_read_as_in_a_gitignore_file(exclude, excluded, others):
    assert passed_over(Selection(exclude=exclude), *excluded, *others) == dict.fromkeys(excluded, "excluded")


def test_a_pattern_with_an_exclamation_mark_takes_back_what_is_hidden():
    kept = Selection(exclude=("!.notizen/",))
    assert passed_over(kept, ".notizen/", ".notizen/a.txt", ".git/") == {".git/": "hidden"}


@pytest.mark.parametrize(
    ("include", "read", "passed"),
    [
        (("*.txt",), ["a.txt", "1997/a.txt", "1997/", ".a.txt", "~$a.txt"], {"a.md": "not included", ".b": "hidden"}),
        (("*.txt",), [], {".git/": "hidden", "~a.tmp": "temporary"}),
        (("*.txt", "!entwurf*"), ["a.txt"], {"entwurf.txt": "not included"}),
        ((".notizen/",), [".notizen/", ".notizen/a.md", "1997/.notizen/"], {".git/": "hidden", "a.md": "not included"}),
        (("/1997/*/a.txt",), ["1997/", "1997/05/", "1997/05/a.txt"], {"1998/": "not included", "1997/.git/": "hidden"}),
        (("1997/.n/*.md",), ["1997/", "1997/.n/", "1997/.n/a.md"], {".n/": "hidden", "1997/.git/": "hidden"}),
        (("**/.n/*.md",), ["1997/", "1997/.n/", ".n/", ".n/a.md"], {".git/": "hidden", ".n/a.txt": "not included"}),
        (("1997/**/a.txt",), ["1997/", "1997/5/6/", "1997/a.txt", "1997/5/6/a.txt"], {"1998/": "not included"}),
        (("*",), ["a.md", ".git/", ".git/config", "a.tmp"], {}),
    ],
)
def test_include_reads_what_matches_and_nothing_else(include, read, passed):
    assert passed_over(Selection(include=include), *read, *passed) == passed


def test_exclude_goes_before_include():
    both = Selection(include=("*.txt",), exclude=("entwurf/", "*.alt.txt"))
    assert passed_over(both, "a.txt", "a.alt.txt", "entwurf/") == {"a.alt.txt": "excluded", "entwurf/": "excluded"}


@pytest.mark.parametrize(
    ("suffixes", "read", "others"),
    [
        ((".txt",), ["a.txt", "a.TXT", "a.txt.gz", "1997/"], ["a.md", "README", "a.gz"]),
        ((".txt", ""), ["a.txt", "README", "README.gz"], ["a.md"]),
        ((".txt.gz",), ["a.txt.gz"], ["a.txt", "a.md.gz"]),
    ],
)
def test_only_some_endings(suffixes, read, others):
    assert passed_over(Selection(suffixes=suffixes), *read, *others) == dict.fromkeys(others, "other suffix")


@pytest.mark.parametrize("pattern", ["", "# comment", "/", "!", "[z-a]", "\\"])
def test_what_is_no_pattern(pattern):
    with pytest.raises(ValueError, match="gitignore"):
        check_pattern(pattern)


def test_the_way_to_a_file_begins_at_the_top():
    assert list(on_the_way("a/b/c.txt")) == ["a/", "a/b/", "a/b/c.txt"]
    assert list(on_the_way("c.txt")) == ["c.txt"]
