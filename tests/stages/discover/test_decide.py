import errno
import gzip
import os
import random
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from stages.discover.decide import TRANSIENT, Made, count_unlisted, decide, let_unread_stand, withhold_deletions
from stages.discover.files import find_files, hash_again, hash_contents, trust
from stages.discover.selection import Selection
from stages.discover.sources import parse_sources
from stages.errors import UsageError
from stages.tables.account import OUTCOMES, next_sources, quarantined_firsts
from stages.tables.ids import to_doc_id
from stages.tables.schemas import REASONS, empty

NEVER_TRUST = datetime(1980, 1, 1, tzinfo=UTC)
ALWAYS_TRUST = datetime(2200, 1, 1, tzinfo=UTC)


def discover(prior, *specs, stages="v1", max_chars=1_000, selection=None, verify=False, trusted_before=ALWAYS_TRUST):
    """What the first stage does in a run: the decisions, and how many files were read."""
    known = prior.filter(pl.col("status") != "deleted")["source_uri"].to_list()
    sources = parse_sources([str(spec) for spec in specs], lambda: known)
    read = []
    known = trust(find_files(sources, selection).files, prior, None if verify else trusted_before)
    hashed = hash_contents(known, {source.name: source.root for source in sources}, lambda: read.append(1))
    return decide(hashed, prior, sources, Made(stages, max_chars), selection), len(read)


def settle(decided, prior, run="run-1", stages="v1", bad=(), max_chars=1_000, read_by=None, how=None):
    """The sources table after a run in which everything but ``bad`` was written that is not too long."""
    handled = decided.filter(pl.col("action").is_in(["process", "move"]))
    rows = []
    for uri, size in handled.select("source_uri", "size_bytes").iter_rows():
        if uri in bad:
            rows.append((uri, "quarantined", None, None, None, None, "read", "empty", "no text"))
        elif size > max_chars:
            rows.append((uri, "quarantined", None, None, max_chars + 1, None, "read", "too_large", "too long"))
        else:
            rows.append((uri, "written", None, how, size, read_by, *[None] * 3))
    outcomes = pl.DataFrame(rows, schema=OUTCOMES, orient="row")
    first = pl.col("source_uri").is_in(decided["duplicate_of"].implode())
    firsts = quarantined_firsts(decided.filter(first), outcomes, prior, stages)
    return next_sources(decided, outcomes, prior, run, stages, firsts)


def run(prior, *specs, bad=(), **options):
    decided, _ = discover(prior, *specs, **options)
    return settle(
        decided, prior, stages=options.get("stages", "v1"), bad=bad, max_chars=options.get("max_chars", 1_000)
    )


def actions(decided):
    return dict(decided.select("source_uri", "action").iter_rows())


def facts(decided, uri, *columns):
    return decided.filter(pl.col("source_uri") == uri).select(columns).row(0)


@pytest.fixture
def press(tmp_path):
    root = tmp_path / "press"
    root.mkdir()
    for name in ("a", "b", "c"):
        (root / f"{name}.txt").write_text(f"text of {name}")
    return root


@pytest.fixture
def prior(press):
    """The state after a first run over a, b and c."""
    return run(empty("sources"), press)


def test_everything_is_new_at_first(press):
    decided, read = discover(empty("sources"), press)
    assert actions(decided) == {f"press/{name}.txt": "process" for name in "abc"}
    assert read == 3
    assert decided["doc_id"].to_list() == [to_doc_id(uri) for uri in decided["source_uri"]]


def test_nothing_is_read_when_nothing_changed(press, prior):
    decided, read = discover(prior, press)
    assert set(actions(decided).values()) == {"keep"}
    assert read == 0


def test_changed_new_and_deleted(press, prior):
    (press / "a.txt").write_text("another text")
    (press / "b.txt").unlink()
    (press / "d.txt").write_text("text of d")
    decided, read = discover(prior, press)
    assert actions(decided) == {
        "press/a.txt": "process",
        "press/b.txt": "delete",
        "press/c.txt": "keep",
        "press/d.txt": "process",
    }
    assert read == 2


def test_touched_file_is_read_and_kept(press, prior):
    os.utime(press / "a.txt", (1, 1))
    decided, read = discover(prior, press)
    assert (set(actions(decided).values()), read) == ({"keep"}, 1)


def rewrite_unseen(file, text):
    """Same length, same modification time: what neither size nor time betray."""
    status = file.stat()
    assert len(text) == status.st_size
    file.write_text(text)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_verify_reads_everything(press, prior):
    rewrite_unseen(press / "a.txt", "text of x")
    unseen, _ = discover(prior, press)
    seen, read = discover(prior, press, verify=True)
    assert actions(unseen)["press/a.txt"] == "keep"
    assert actions(seen) == {"press/a.txt": "process", "press/b.txt": "keep", "press/c.txt": "keep"}
    assert read == 3


def test_file_modified_within_the_grain_of_the_clock_is_read_again(press, prior):
    rewrite_unseen(press / "a.txt", "text of x")
    modified = datetime.fromtimestamp((press / "a.txt").stat().st_mtime, UTC)
    for name in "bc":
        os.utime(press / f"{name}.txt", (1, 1))
    trusted = run(prior, press)  # b and c are old now and known with that time
    decided, read = discover(trusted, press, trusted_before=modified - timedelta(seconds=1))
    assert actions(decided) == {"press/a.txt": "process", "press/b.txt": "keep", "press/c.txt": "keep"}
    assert read == 1


def test_without_a_finished_run_nothing_is_trusted(press, prior):
    assert discover(prior, press, trusted_before=None)[1] == 3
    assert discover(prior, press, trusted_before=NEVER_TRUST)[1] == 3


def test_other_stages_process_everything_again(press, prior):
    decided, read = discover(prior, press, stages="v2")
    assert (set(actions(decided).values()), read) == ({"process"}, 0)


def decide_again(press, prior, **made):
    sources = parse_sources([str(press)], lambda: ["press"])
    hashed = hash_contents(trust(find_files(sources).files, prior, ALWAYS_TRUST), {"press": press})
    return actions(decide(hashed, prior, sources, Made("v1", 1_000, **made)))


def test_another_version_of_a_library_concerns_what_it_read_and_nothing_else(press):
    decided, _ = discover(empty("sources"), press / "a.txt")
    prior = settle(decided, empty("sources"), read_by="pypdfium2 5.14.0, tesseract 5.3.0")
    decided, _ = discover(prior, press)
    prior = settle(decided, prior)
    same, newer = ("pypdfium2 5.14.0", "trafilatura 2.3.1"), ("pypdfium2 5.15.2", "trafilatura 2.3.1")
    for readers in ((), same, (*same, "tesseract 5.3.0")):
        assert set(decide_again(press, prior, readers=readers).values()) == {"keep"}
    for readers in (newer, (*same, "tesseract 5.5.0")):
        again = decide_again(press, prior, readers=readers)
        assert again == {"press/a.txt": "process", "press/b.txt": "keep", "press/c.txt": "keep"}
    # A copy of what another version read is read, not moved.
    (press / "a.txt").rename(press / "d.txt")
    assert decide_again(press, prior, readers=newer)["press/d.txt"] == "process"
    assert decide_again(press, prior, readers=same)["press/d.txt"] == "move"


def test_pages_left_out_are_had_with_recognition_and_stand_without_it(press):
    decided, _ = discover(empty("sources"), press)
    in_part = settle(decided, empty("sources"), how="text layer in part")
    whole = settle(decided, empty("sources"), how="text layer and recognised", stages="v0")
    assert set(decide_again(press, in_part).values()) == {"keep"}
    assert set(decide_again(press, in_part, ocr=True).values()) == {"process"}
    assert set(decide_again(press, whole).values()) == {"keep"}
    assert set(decide_again(press, whole, ocr=True).values()) == {"process"}


def test_lasting_quarantine_is_kept_and_a_passing_one_tried_again(press):
    prior = run(empty("sources"), press, bad=["press/a.txt", "press/b.txt"])
    fleeting = pl.when(pl.col("source_uri") == "press/b.txt").then(pl.lit("changed_while_reading"))
    prior = prior.with_columns(reason_code=fleeting.otherwise("reason_code"))
    decided, _ = discover(prior, press)
    assert actions(decided) == {"press/a.txt": "keep", "press/b.txt": "process", "press/c.txt": "keep"}


def test_file_that_comes_back_is_new_and_keeps_when_it_was_first_seen(press, prior):
    text = (press / "a.txt").read_text()
    (press / "a.txt").unlink()
    gone = run(prior, press)
    assert facts(gone, "press/a.txt", "status", "content_sha256", "size_bytes") == ("deleted", None, None)
    assert "press/a.txt" not in actions(discover(gone, press)[0])
    (press / "a.txt").write_text(text)
    decided, _ = discover(gone, press)
    assert actions(decided)["press/a.txt"] == "process"
    assert facts(settle(decided, gone, "run-9"), "press/a.txt", "first_seen_run") == ("run-1",)


def test_deleted_file_takes_its_reason_along(press):
    prior = run(empty("sources"), press, bad=["press/a.txt"])
    (press / "a.txt").unlink()
    assert facts(run(prior, press), "press/a.txt", "status", "reason_code", "reason") == ("deleted", None, None)


# Duplicates


def test_first_of_equal_files_is_written(press):
    (press / "0.txt").write_text("text of b")
    (press / "sub").mkdir()
    (press / "sub" / "a.txt").write_text("text of b")
    decided, _ = discover(empty("sources"), press)
    assert actions(decided)["press/0.txt"] == "process"
    for copy in ("press/b.txt", "press/sub/a.txt"):
        assert facts(decided, copy, "action", "duplicate_of") == ("duplicate", "press/0.txt")


def test_earlier_name_takes_over_by_a_move(press, prior):
    (press / "a0.txt").write_text("text of b")
    decided, _ = discover(prior, press)
    assert facts(decided, "press/a0.txt", "action", "copy_of") == ("move", to_doc_id("press/b.txt"))
    assert facts(decided, "press/b.txt", "action", "duplicate_of") == ("duplicate", "press/a0.txt")


def test_copy_takes_over_when_the_first_goes(press, prior):
    (press / "b2.txt").write_text("text of b")
    both = run(prior, press)
    (press / "b.txt").unlink()
    decided, _ = discover(both, press)
    assert facts(decided, "press/b2.txt", "action", "copy_of") == ("move", to_doc_id("press/b.txt"))
    assert actions(decided)["press/b.txt"] == "delete"


def test_copy_takes_over_when_the_first_changes(press, prior):
    (press / "b2.txt").write_text("text of b")
    both = run(prior, press)
    (press / "b.txt").write_text("something else")
    decided, _ = discover(both, press)
    assert actions(decided)["press/b.txt"] == "process"
    assert facts(decided, "press/b2.txt", "action", "copy_of") == ("move", to_doc_id("press/b.txt"))


def test_rename_is_a_move_and_a_deletion(press, prior):
    (press / "a.txt").rename(press / "z.txt")
    decided, _ = discover(prior, press)
    assert actions(decided) == {
        "press/a.txt": "delete",
        "press/b.txt": "keep",
        "press/c.txt": "keep",
        "press/z.txt": "move",
    }


def test_renamed_file_of_other_stages_is_processed(press, prior):
    (press / "a.txt").rename(press / "z.txt")
    decided, _ = discover(prior, press, stages="v2")
    assert actions(decided)["press/z.txt"] == "process"


def test_compressed_copy_with_the_same_bytes_is_another_text(tmp_path):
    root = tmp_path / "s"
    root.mkdir()
    packed = gzip.compress(b"text", mtime=0)
    (root / "a.txt").write_bytes(packed)  # unreadable as text
    (root / "b.txt.gz").write_bytes(packed)
    assert set(actions(discover(empty("sources"), root)[0]).values()) == {"process"}


def test_copy_under_a_name_that_is_not_read_takes_no_text_away(tmp_path):
    root = tmp_path / "s"
    root.mkdir()
    for name in ("a.log", "b.txt", "c.text"):
        (root / name).write_text("the same text")
    decided, _ = discover(empty("sources"), root)
    assert actions(decided) == {"s/a.log": "process", "s/b.txt": "process", "s/c.text": "duplicate"}


# Several sources


@pytest.fixture
def web(tmp_path):
    root = tmp_path / "web"
    root.mkdir()
    (root / "w.txt").write_text("text of w")
    (root / "b.txt").write_text("text of b")
    return root


def test_same_bytes_under_names_of_other_kinds_are_each_told_what_they_are(tmp_path):
    root = tmp_path / "s"
    root.mkdir()
    for name in ("a.doc", "b.docx", "c.bz2", "d.odd"):
        (root / name).write_bytes(b"the same bytes")
    decided, _ = discover(empty("sources"), root)
    assert actions(decided) == {
        "s/a.doc": "process",
        "s/b.docx": "duplicate",
        "s/c.bz2": "process",
        "s/d.odd": "process",
    }


def test_duplicates_across_sources(press, web):
    decided, _ = discover(empty("sources"), press, web)
    assert facts(decided, "web/b.txt", "action", "duplicate_of") == ("duplicate", "press/b.txt")


def test_running_one_source_leaves_the_other_alone(press, web):
    prior = run(empty("sources"), press, web)
    (press / "c.txt").unlink()
    decided, _ = discover(prior, web)
    assert actions(decided.filter("in_scope")) == {"web/b.txt": "duplicate", "web/w.txt": "keep"}
    assert set(actions(decided.filter(~pl.col("in_scope"))).values()) == {"keep"}
    after = settle(decided, prior, "run-2")
    assert after.equals(prior)


def test_copy_in_a_source_that_is_not_named_takes_over_by_a_move(press, web):
    prior = run(empty("sources"), press, web)
    (press / "b.txt").unlink()
    decided, read = discover(prior, press)
    assert facts(decided, "web/b.txt", "action", "in_scope", "copy_of") == ("move", False, to_doc_id("press/b.txt"))
    assert actions(decided)["press/b.txt"] == "delete"
    assert read == 0


def test_earlier_name_in_the_source_named_makes_the_other_a_duplicate(press, web):
    prior = run(empty("sources"), web)
    decided, _ = discover(prior, press)
    assert facts(decided, "press/b.txt", "action", "copy_of") == ("move", to_doc_id("web/b.txt"))
    assert facts(decided, "web/b.txt", "action", "duplicate_of") == ("duplicate", "press/b.txt")


def test_text_that_was_copied_remembers_the_stages_that_made_it(press, web):
    prior = run(empty("sources"), press, stages="v1")
    prior = run(prior, web, stages="v2")  # web/b.txt is a duplicate, decided by v2
    (press / "b.txt").unlink()
    prior = run(prior, press, stages="v2")  # now it is a copy of a text that v1 made
    assert facts(prior, "web/b.txt", "status", "stages_sha256") == ("written", "v1")
    assert actions(discover(prior, web, stages="v2")[0])["web/b.txt"] == "process"


def test_same_folder_mounted_elsewhere_is_unchanged(press, prior, tmp_path):
    (tmp_path / "mnt").mkdir()
    press.rename(tmp_path / "mnt" / "volume7")
    decided, read = discover(prior, f"press={tmp_path / 'mnt' / 'volume7'}")
    assert (set(actions(decided).values()), read) == ({"keep"}, 0)


# What a run speaks for


def test_single_file_deletes_nothing_beside_it(press, prior):
    (press / "b.txt").unlink()
    decided, _ = discover(prior, press / "a.txt")
    assert actions(decided.filter("in_scope")) == {"press/a.txt": "keep"}
    assert settle(decided, prior).equals(prior)


def test_pattern_deletes_what_it_would_have_matched(press, prior):
    (press / "b.txt").unlink()
    (press / "c.txt").unlink()
    decided, _ = discover(prior, press / "[ab].*")
    assert actions(decided) == {"press/a.txt": "keep", "press/b.txt": "delete", "press/c.txt": "keep"}


def test_pattern_finds_what_it_matches_at_any_depth(press):
    (press / "x" / "y").mkdir(parents=True)
    (press / "x" / "y" / "d.txt").write_text("text of d")
    (press / "x" / "d.md").write_text("text of md")
    found = find_files(parse_sources([str(press / "**" / "*.txt")])).files["source_uri"].to_list()
    assert found == ["press/a.txt", "press/b.txt", "press/c.txt", "press/x/y/d.txt"]


# What a walk meets


def found_by_name(root):
    return dict(find_files(parse_sources([f"s={root}"])).files.select("source_uri", "reason_code").iter_rows())


def test_links(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (root / "sub" / "real.txt").write_text("text")
    (outside / "secret.txt").write_text("secret")
    (root / "inside.txt").symlink_to("sub/real.txt")
    (root / "outside.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(root / "sub")
    (root / "foreign").symlink_to(outside)
    (root / "dangling.txt").symlink_to("nowhere")
    (root / "loop.txt").symlink_to("loop.txt")
    refused = "link_not_followed"
    assert found_by_name(root) == {
        "s/dangling.txt": refused,
        "s/folder": refused,
        "s/foreign": refused,
        "s/inside.txt": None,
        "s/loop.txt": refused,
        "s/outside.txt": refused,
        "s/sub/real.txt": None,
    }
    decided, _ = discover(empty("sources"), f"s={root}")
    assert facts(decided, "s/sub/real.txt", "action", "duplicate_of") == ("duplicate", "s/inside.txt")
    assert facts(decided, "s/outside.txt", "action") == ("quarantine",)


def test_source_that_is_itself_a_link(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "a.txt").write_text("text")
    (tmp_path / "current").symlink_to("v1")
    assert find_files(parse_sources([str(tmp_path / "current")])).files["source_uri"].to_list() == ["current/a.txt"]


def test_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to("pipe.txt")
    assert found_by_name(tmp_path) == {"s/pipe.txt": "not_regular", "s/link.txt": "not_regular"}


def test_file_replaced_by_a_pipe_after_it_was_listed(press, prior):
    sources = parse_sources([str(press)])
    found = find_files(sources).files
    (press / "a.txt").unlink()
    os.mkfifo(press / "a.txt")
    hashed = hash_contents(trust(found, prior, None), {"press": press})
    assert facts(hashed, "press/a.txt", "reason_code", "content_sha256") == ("not_regular", None)


def test_file_gone_after_it_was_listed(press, prior):
    found = find_files(parse_sources([str(press)])).files
    (press / "a.txt").unlink()
    hashed = hash_contents(trust(found, prior, None), {"press": press})
    assert facts(hashed, "press/a.txt", "reason_code") == ("unreadable",)


def test_strange_names_and_times(tmp_path):
    (tmp_path / os.fsdecode(b"K\xf6ln\n.txt")).write_text("text")
    (tmp_path / "old.txt").write_text("old")
    os.utime(tmp_path / "old.txt", (-86400, -86400))
    found = find_files(parse_sources([f"s={tmp_path}"])).files
    assert found["source_uri"].to_list() == ["s/K%F6ln%0A.txt", "s/old.txt"]
    assert found["modified_at"][1] == datetime(1969, 12, 31, tzinfo=UTC)
    assert discover(empty("sources"), f"s={tmp_path}")[1] == 2


def test_time_beyond_the_calendar_stops_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    try:
        os.utime(tmp_path / "a.txt", (1 << 40, 1 << 40))
    except OSError:
        pytest.skip("this file system holds no such time")
    assert found_by_name(tmp_path) == {"s/a.txt": None}


def test_order_does_not_depend_on_the_disk(tmp_path):
    names = [f"{n:02}/{letter}.txt" for n in range(5) for letter in "äbÖz"]
    for shuffle in (1, 2):
        root = tmp_path / str(shuffle)
        random.Random(shuffle).shuffle(names)
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(name)
    first, second = (find_files(parse_sources([f"s={tmp_path / n}"])).files for n in ("1", "2"))
    assert first["source_uri"].to_list() == sorted(f"s/{name}" for name in names)
    assert first.drop("modified_at").equals(second.drop("modified_at"))


def test_empty_folder(tmp_path):
    decided, read = discover(empty("sources"), tmp_path)
    assert (decided.height, read) == (0, 0)


@contextmanager
def without_privileges():
    """Root may read everything, so these tests become nobody for a while."""
    if os.geteuid():
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def open_folder():
    """A folder that everybody can reach, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(0o755)


def test_folder_that_cannot_be_listed_is_reported_and_what_it_holds_stands(open_folder):
    (open_folder / "shut").mkdir()
    (open_folder / "shut" / "a.txt").write_text("text of a")
    (open_folder / "b.txt").write_text("text of b")
    prior = run(empty("sources"), f"s={open_folder}")
    (open_folder / "c.txt").write_text("text of a")
    (open_folder / "shut").chmod(0)
    with without_privileges():
        decided, _ = discover(prior, f"s={open_folder}")
    assert facts(decided, "s/shut", "action", "reason_code") == ("quarantine", "unreadable")
    assert facts(decided, "s/shut/a.txt", "action", "in_scope") == ("duplicate", False)
    assert facts(decided, "s/c.txt", "action") == ("move",)
    after = settle(decided, prior)
    assert dict(after.select("source_uri", "status").iter_rows()) == {
        "s/b.txt": "written",
        "s/c.txt": "written",
        "s/shut": "quarantined",
        "s/shut/a.txt": "duplicate",
    }
    (open_folder / "shut").chmod(0o755)
    again, _ = discover(after, f"s={open_folder}")
    assert facts(again, "s/shut", "action") == ("delete",)


def test_file_that_cannot_be_opened(open_folder):
    (open_folder / "a.txt").write_text("text")
    (open_folder / "a.txt").chmod(0)
    with without_privileges():
        decided, _ = discover(empty("sources"), f"s={open_folder}")
    assert facts(decided, "s/a.txt", "action", "reason_code") == ("quarantine", "unreadable")
    assert os.strerror(errno.EACCES) in facts(decided, "s/a.txt", "reason")[0]


def test_source_that_cannot_be_listed_changes_nothing(open_folder):
    (open_folder / "shut").mkdir(mode=0)
    with without_privileges(), pytest.raises(UsageError, match="nothing was changed"):
        discover(empty("sources"), open_folder / "shut")


def test_known_source_that_cannot_be_listed_leaves_the_others_to_work(open_folder):
    for name in ("web", "press"):
        (open_folder / name).mkdir()
        (open_folder / name / f"{name[0]}.txt").write_text(f"text of {name}")
    prior = run(empty("sources"), open_folder / "web", open_folder / "press")
    (open_folder / "web").chmod(0)
    (open_folder / "press" / "d.txt").write_text("text of d")
    with without_privileges():
        decided, _ = discover(prior, open_folder / "web", open_folder / "press")
    assert actions(decided)["press/d.txt"] == "process"
    assert facts(decided, "web/", "action", "reason_code") == ("quarantine", "unreadable")
    assert facts(decided, "web/w.txt", "action", "in_scope") == ("keep", False)
    assert count_unlisted(decided, prior) == {"web": 1}
    after = settle(decided, prior)
    assert facts(after, "web/w.txt", "status") == ("written",)
    (open_folder / "web").chmod(0o755)
    again, _ = discover(after, open_folder / "web")
    assert actions(again.filter("in_scope")) == {"web/": "delete", "web/w.txt": "keep"}
    assert count_unlisted(again, after) == {}


# The guard against mass deletion


def many(root, n):
    root.mkdir(exist_ok=True)
    for number in range(n):
        (root / f"{number:03}.txt").write_text(f"text {number}")
    return run(empty("sources"), root)


def withheld_of(prior, *specs, share=0.1, **options):
    return withhold_deletions(discover(prior, *specs, **options)[0], prior, share)[1]


@pytest.mark.parametrize(("gone", "withheld"), [(9, 0), (10, 0), (11, 11), (100, 100)])
def test_deletions_beyond_the_share_are_withheld(tmp_path, gone, withheld):
    # 100 documents, a tenth may go: ten pass, eleven do not.
    prior = many(tmp_path / "s", 100)
    for number in range(gone):
        (tmp_path / "s" / f"{number:03}.txt").unlink()
    decided, n = withhold_deletions(discover(prior, tmp_path / "s")[0], prior, 0.1)
    assert n == ({"s": withheld} if withheld else {})
    assert (decided["action"] == "delete").sum() == gone - withheld
    after = settle(decided, prior)
    assert (after["status"] == "written").sum() == 100 - gone + withheld


def test_few_deletions_pass_whatever_their_share(tmp_path):
    prior = many(tmp_path / "s", 10)
    for number in range(9):
        (tmp_path / "s" / f"{number:03}.txt").unlink()
    decided, _ = discover(prior, tmp_path / "s")
    assert withhold_deletions(decided, prior, 0.0)[1] == {}
    assert withhold_deletions(decided, prior, 0.0, at_least=9)[1] == {"s": 9}


@pytest.mark.parametrize("n", [1, 3])
def test_the_last_documents_of_a_source_are_withheld_whatever_their_number(tmp_path, n):
    prior = many(tmp_path / "s", n)
    for file in (tmp_path / "s").iterdir():
        file.unlink()
    assert withheld_of(prior, tmp_path / "s", share=1.0) == {"s": n}
    (tmp_path / "s" / "other.txt").write_text("what lies on another disk")
    assert withheld_of(prior, tmp_path / "s", share=1.0) == {"s": n}


def test_renamed_folder_is_no_deletion(tmp_path):
    (tmp_path / "s").mkdir()
    prior = many(tmp_path / "s" / "old", 0)
    for number in range(20):
        (tmp_path / "s" / "old" / f"{number}.txt").write_text(f"text {number}")
    prior = run(prior, tmp_path / "s")
    (tmp_path / "s" / "old").rename(tmp_path / "s" / "new")
    decided, withheld = withhold_deletions(discover(prior, tmp_path / "s")[0], prior, 0.1)
    assert withheld == {}
    assert (decided["action"] == "delete").sum() == (decided["action"] == "move").sum() == 20
    (tmp_path / "s" / "new" / "7.txt").write_text("edited too")
    assert withheld_of(prior, tmp_path / "s") == {}


def named(root, n):
    """A source of ``n`` texts that are nowhere else."""
    root.mkdir(exist_ok=True)
    for number in range(n):
        (root / f"{number:03}.txt").write_text(f"text {number} of {root.name}")
    return root


def test_share_is_taken_of_each_source(tmp_path):
    """A large source hides nothing of a small one."""
    small, big = named(tmp_path / "small", 20), named(tmp_path / "big", 2_000)
    prior = run(empty("sources"), small, big)
    for number in range(19):
        (small / f"{number:03}.txt").unlink()
    assert withheld_of(prior, small, big) == {"small": 19}
    for number in range(201):
        (big / f"{number:03}.txt").unlink()
    assert withheld_of(prior, small, big) == {"big": 201, "small": 19}
    assert withheld_of(prior, small) == {"small": 19}


def test_an_empty_source_is_withheld_though_another_holds_copies_of_some(tmp_path):
    small, big = named(tmp_path / "small", 5), named(tmp_path / "big", 30)
    (big / "copy.txt").write_text("text 0 of small")
    prior = run(empty("sources"), small, big)
    for file in small.iterdir():
        file.unlink()
    # big/copy.txt, written first, stands for small/000.txt.
    assert withheld_of(prior, small, big) == {"small": 4}


def test_a_folder_that_is_not_there_any_more(tmp_path):
    small, big = named(tmp_path / "small", 5), named(tmp_path / "big", 30)
    prior = run(empty("sources"), small, big)
    small.rename(tmp_path / "unmounted")
    (big / "new.txt").write_text("a new text")
    decided, _ = discover(prior, small, big)
    assert (decided["action"] == "delete").sum() == 5
    assert actions(decided)["big/new.txt"] == "process"
    assert withhold_deletions(decided, prior, 0.1)[1] == {"small": 5}


def test_what_is_passed_over_is_no_deletion(tmp_path):
    prior = run(empty("sources"), named(tmp_path / "s", 30))
    decided, _ = discover(prior, tmp_path / "s", selection=Selection(exclude=("00*",)))
    assert actions(decided.filter("in_scope")) == {f"s/{n:03}.txt": "keep" for n in range(10, 30)}
    assert settle(decided, prior).equals(prior)
    (tmp_path / "s" / "003.txt").unlink()
    decided, _ = discover(prior, tmp_path / "s", selection=Selection(exclude=("00*",)))
    assert facts(decided, "s/003.txt", "action", "in_scope") == ("keep", False)
    assert actions(discover(prior, tmp_path / "s")[0])["s/003.txt"] == "delete"


# The longest text allowed


@pytest.fixture
def lengths(tmp_path):
    """Texts of 10, 20 and 30 characters, of which 25 were allowed."""
    root = tmp_path / "s"
    root.mkdir()
    for n in (10, 20, 30):
        (root / f"{n}.txt").write_text("x" * n)
    return root, run(empty("sources"), root, max_chars=25)


@pytest.mark.parametrize(
    ("max_chars", "read"),
    [(25, []), (29, [30]), (30, [30]), (1_000, [30]), (20, []), (19, [20]), (10, [20]), (9, [10, 20])],
)
def test_another_limit_touches_the_texts_that_it_concerns(lengths, max_chars, read):
    root, prior = lengths
    assert facts(prior, "s/30.txt", "status", "reason_code") == ("quarantined", "too_large")
    found = actions(discover(prior, root, max_chars=max_chars)[0])
    assert found == {f"s/{n}.txt": "process" if n in read else "keep" for n in (10, 20, 30)}


def test_a_text_that_is_too_long_now_is_not_moved(lengths):
    root, prior = lengths
    (root / "20.txt").rename(root / "2.txt")
    assert actions(discover(prior, root, max_chars=25)[0])["s/2.txt"] == "move"
    assert actions(discover(prior, root, max_chars=15)[0])["s/2.txt"] == "process"


def test_the_limit_of_another_source_is_not_asked(lengths, press):
    root, _ = lengths
    prior = run(empty("sources"), root, press, max_chars=25)
    assert "process" not in actions(discover(prior, press, max_chars=15)[0]).values()


# What may do another day


@pytest.mark.parametrize("code", TRANSIENT)
def test_outcomes_of_the_surroundings_are_tried_again(press, code):
    prior = run(empty("sources"), press, bad=["press/a.txt"])
    prior = prior.with_columns(reason_code=pl.when(pl.col("status") == "quarantined").then(pl.lit(code)))
    decided, read = discover(prior, press)
    assert code in REASONS
    assert actions(decided) == {"press/a.txt": "process", "press/b.txt": "keep", "press/c.txt": "keep"}
    assert read == 0
    assert facts(decided, "press/a.txt", "alone") == (code in ("timed_out", "worker_died"),)
    (press / "a.txt").write_text("another text")
    assert facts(discover(prior, press)[0], "press/a.txt", "alone") == (False,)


def failing_open(monkeypatch, name, number, times):
    """The file ``name`` cannot be opened for the first ``times``."""
    real, left = os.open, [times]

    def opening(path, *arguments, **named):
        if str(path).endswith(name) and left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", opening)


def test_what_the_disk_fails_to_give_can_be_hashed_again(press, prior, monkeypatch):
    failing_open(monkeypatch, "a.txt", errno.EIO, 2)
    roots = {"press": press}
    found = find_files(parse_sources([str(press)])).files
    first = hash_contents(trust(found, prior, None), roots)
    second = hash_again(first, roots)
    third = hash_again(second, roots)
    for frame in (first, second):
        assert facts(frame, "press/a.txt", "reason_code", "content_sha256") == ("disk_failed", None)
    monkeypatch.undo()
    assert third.equals(hash_contents(trust(found, prior, None), roots))


def test_what_is_refused_is_not_tried_again(press, prior, monkeypatch):
    failing_open(monkeypatch, "a.txt", errno.EACCES, 1)
    roots = {"press": press}
    first = hash_contents(trust(find_files(parse_sources([str(press)])).files, prior, None), roots)
    assert facts(first, "press/a.txt", "reason_code") == ("unreadable",)
    assert hash_again(first, roots).equals(first)


# What is passed over


def test_what_is_passed_over_is_counted_and_not_looked_into(tmp_path):
    for name in ("a.txt", ".git/config", ".git/objects/1", ".env", "sub/.DS_Store", "sub/~$b.txt", "sub/b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    (tmp_path / "out" / "snapshots" / "1").mkdir(parents=True)
    (tmp_path / "out" / ".fliesstext-tables").touch()
    (tmp_path / "out" / "CURRENT.json").write_text("{}")
    found = find_files(parse_sources([f"s={tmp_path}"]))
    assert found.files["source_uri"].to_list() == ["s/a.txt", "s/sub/b.txt"]
    assert found.passed_over == {"s": {"hidden": 3, "tables folder": 1, "temporary": 1}}
    found = find_files(parse_sources([f"s={tmp_path}"]), Selection(include=(".git/",), exclude=("objects/",)))
    assert found.files["source_uri"].to_list() == ["s/.git/config"]
    assert found.passed_over["s"]["excluded"] == 1


def test_a_file_that_was_named_is_read_whatever_its_name(tmp_path):
    for name in (".notiz.txt", "~$b.tmp", "a.txt", "c.log"):
        (tmp_path / name).write_text("text")
    specs = [f"s={tmp_path / name}" for name in (".notiz.txt", "~$b.tmp", "c.log")]
    selection = Selection(exclude=("*.log",), suffixes=(".txt",))
    for more in ([], [f"s={tmp_path}"]):
        sources = parse_sources(specs + more)
        found = find_files(sources, selection)
        uris = ["s/.notiz.txt", *(["s/a.txt"] if more else []), "s/c.log", "s/~$b.tmp"]
        assert found.files["source_uri"].to_list() == uris
        assert found.passed_over == {}
        hashed = hash_contents(trust(found.files, empty("sources"), None), {"s": tmp_path})
        prior = settle(decide(hashed, empty("sources"), sources, Made("v1", 99), selection), empty("sources"))
        again = decide(hashed, prior, sources, Made("v1", 99), selection)
        assert actions(again.filter("in_scope"))["s/.notiz.txt"] == "keep"


def test_a_glob_counts_only_what_it_names(tmp_path):
    for name in ("a.txt", ".b.txt", "c.md", ".d.md", "sub/.e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    found = find_files(parse_sources([f"s={tmp_path}/*.txt"]))
    assert found.files["source_uri"].to_list() == ["s/a.txt"]
    assert found.passed_over == {"s": {"hidden": 1}}


def test_rows_of_a_hidden_file_stand_without_the_pattern(tmp_path):
    (tmp_path / ".a.txt").write_text("text")
    (tmp_path / "b.txt").write_text("another")
    both = Selection(exclude=("!.a.txt",))
    prior = run(empty("sources"), f"s={tmp_path}", selection=both)
    assert prior["source_uri"].to_list() == ["s/.a.txt", "s/b.txt"]
    (tmp_path / ".a.txt").unlink()
    decided, _ = discover(prior, f"s={tmp_path}")
    assert actions(decided.filter("in_scope")) == {"s/b.txt": "keep"}
    assert settle(decided, prior).equals(prior)
    assert actions(discover(prior, f"s={tmp_path}", selection=both)[0])["s/.a.txt"] == "delete"


@pytest.mark.parametrize(
    ("code", "encoding", "now", "action"),
    [
        ("unreadable", "utf-8", "same", "keep"),
        ("needs_extra", "ocr", "same", "keep"),
        ("needs_ocr", "ocr", "same", "keep"),
        ("needs_ocr", "utf-8", "same", "process"),
        ("unreadable", "utf-8", "changed", "process"),
        ("empty", "utf-8", "same", "process"),
    ],
)
def test_what_is_published_stands_where_its_bytes_cannot_be_read_again(code, encoding, now, action):
    """Recognised text too, in a run that does not ask for it; what is told beside the file stays what the rows hold."""
    told = {"sidecar_sha256": ["old"], "told_sha256": [None]}
    prior = pl.DataFrame(
        {"source_uri": ["s/a"], "status": ["written"], "encoding": [encoding], "content_sha256": ["same"]} | told,
        schema_overrides={"told_sha256": pl.String},
    )
    decided = prior.select("source_uri", "told_sha256", content_sha256=pl.lit(now), action=pl.lit("process"))
    decided = decided.with_columns(sidecar_sha256=pl.lit("new"))
    outcomes = pl.DataFrame({"source_uri": ["s/a"], "reason_code": [code]})
    [row] = let_unread_stand(decided, outcomes, prior).to_dicts()
    assert (row["action"], row["sidecar_sha256"]) == (action, "old" if action == "keep" else "new")
