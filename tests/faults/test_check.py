"""``fliesstext check`` finds whatever is wrong and names it; a run does not build upon tables tampered with."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import cli
from flows.check import check_tables
from stages.errors import TablesError
from stages.tables.ids import to_doc_id
from stages.tables.schemas import CONTENT, TABLES
from stages.tables.store.snapshots import MARKER, file_sha256, read_current
from tests.faults.harness import article, fast_gate, run_here


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("base")
    folder = home / "press"
    folder.mkdir()
    for i in range(4):
        (folder / f"{i}.txt").write_text(article(i), encoding="cp1252" if i == 2 else "utf-8")
    (folder / "copy.txt").write_text(article(1), encoding="utf-8")
    (folder / "nearly.txt").write_text(f"{article(3)}\n\nMehr davon morgen.", encoding="utf-8")
    (folder / "empty.txt").touch()
    with fast_gate():
        run_here([folder], home / "tables")
    return home


@pytest.fixture
def press(base: Path, tmp_path: Path) -> Path:
    """A source with a duplicate, a near-duplicate and a file in quarantine, published in tmp_path/tables."""
    shutil.copytree(base, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / "press"


def part(tables: Path, table: str) -> Path:
    current = read_current(tables)
    assert current
    return tables / current.snapshot / current.tables[table][0].path


def pointer(tables: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = tables / "CURRENT.json"
    plain = json.loads(file.read_text(encoding="utf-8"))
    change(plain)
    file.write_text(json.dumps(plain), encoding="utf-8")


def rewrite(tables: Path, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change rows and make CURRENT.json agree, as somebody who mends tables by hand would."""
    file = part(tables, table)
    frame = change(pl.read_parquet(file))
    frame.write_parquet(file)

    def note(plain: dict[str, Any]) -> None:
        entry = plain["tables"][table]["files"][0]
        entry |= {"rows": frame.height, "bytes": file.stat().st_size, "sha256": file_sha256(file)}

    pointer(tables, note)


def test_all_is_right(tmp_path: Path, press: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(press), "--tables", str(tmp_path / "tables")]) == 0
    assert "5 documents, 5 of them compared with their raw file: all right" in capsys.readouterr().out


def test_tables_are_read_and_checked_without_the_marker_too(tmp_path: Path, press: Path) -> None:
    """A copy of what is published, or tables of a version that knew no marker."""
    tables = tmp_path / "tables"
    (tables / MARKER).unlink()
    assert check_tables(tables, [str(press)]).problems == []
    assert read_current(tables) is not None


def test_a_changed_file_is_not_compared(tmp_path: Path, press: Path) -> None:
    (press / "0.txt").write_text("Ganz anders.", encoding="utf-8")
    (press / "3.txt").unlink()
    done = check_tables(tmp_path / "tables", [str(press)])
    assert (done.problems, done.n_with_raw) == ([], 3)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    file.write_bytes(data)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


DAMAGE = {
    "flipped": (flip, "SHA-256 is"),
    "truncated": (truncate, "were published"),
    "gone": (Path.unlink, "is missing"),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_found_and_not_built_upon(
    tmp_path: Path, press: Path, capsys: pytest.CaptureFixture[str], table: str, damage: str
) -> None:
    tables = tmp_path / "tables"
    act, says = DAMAGE[damage]
    file = part(tables, table)
    act(file)
    before = (tables / "CURRENT.json").read_bytes()

    assert cli.main(["check", "--tables", str(tables)]) == 1
    found = capsys.readouterr().out
    assert str(file) in found
    assert says in found

    (press / "0.txt").write_text(article(20), encoding="utf-8")
    (press / "3.txt").rename(press / "moved.txt")
    with pytest.raises(TablesError, match="restore it"):
        run_here([press], tables)
    assert (tables / "CURRENT.json").read_bytes() == before


def test_a_part_that_no_changed_document_lies_in_is_not_built_upon_unread(
    tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a part is linked into the next snapshot; the same number of bytes is not enough for that."""
    monkeypatch.setattr("stages.tables.store.publish._MOST_ROWS", 5)
    tables = tmp_path / "tables"
    (press / "0.txt").write_text(article(20), encoding="utf-8")
    run_here([press], tables)
    current = read_current(tables)
    assert current
    edited = to_doc_id("press/0.txt")[0]
    others = [p for p in current.tables["sentences"] if p.rows and not p.path.endswith(f"-{edited}.parquet")]
    flip(tables / current.snapshot / others[0].path)
    (press / "0.txt").write_text(article(21), encoding="utf-8")
    with pytest.raises(TablesError, match=f"{others[0].path} .table sentences. is not what was published"):
        run_here([press], tables)
    assert read_current(tables) == current


def shifted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("start") + 1, pl.col("end") + 1)


def first_twice(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame[:1], frame])


def with_value(column: str, value: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: frame.with_columns(
        pl.when(pl.int_range(pl.len()) == 0)
        .then(pl.lit(value))
        .otherwise(column)
        .cast(frame[column].dtype)
        .alias(column)
    )


def of_a_name(column: str, value: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Change the first mention that is no value."""
    name = (pl.col("kind") != "value") & ((pl.col("kind") != "value").cum_sum() == 1)
    return lambda frame: frame.with_columns(
        pl.when(name).then(pl.lit(value)).otherwise(column).cast(frame[column].dtype).alias(column)
    )


def other_span(frame: pl.DataFrame) -> pl.DataFrame:
    moved = pl.element().struct.with_fields(pl.field("raw_start") + 1)
    return frame.with_columns(pl.col("spans").list.eval(moved))


WRONG: list[tuple[str, Callable[[pl.DataFrame], pl.DataFrame], str]] = [
    *((table, first_twice, f"{table}: the key") for table in TABLES if table != "raw_texts"),  # texts have none
    ("documents", lambda f: f[1:], "no such row in documents"),
    ("documents", lambda f: f[1:], "sources: written, but not in documents"),
    ("documents", with_value("n_mentions", 99), "n_mentions is not the number of rows"),
    ("documents", with_value("language", "klingonisch"), "language is a known code"),
    ("documents", with_value("text", "anders"), "text is the blocks"),
    ("blocks", lambda f: f[1:], "n_blocks is not the number of rows"),
    ("blocks", shifted, "documents.text[start:end]"),
    ("blocks", with_value("kind", "unfug"), "known block kind"),
    ("blocks", other_span, "letter for letter the raw text"),
    ("sentences", shifted, "sentences of press/"),
    ("sentences", lambda f: f[1:], "n_sentences is not the number of rows"),
    ("mentions", with_value("label", "XYZ"), "known label"),
    ("mentions", with_value("sentence_no", 999), "no such row in sentences"),
    ("mentions", of_a_name("entity_id", "0" * 16), "mentions: no cluster with this number and entity"),
    ("mentions", of_a_name("entity_id", None), "mentions: no cluster with this number and entity"),
    ("mentions", of_a_name("cluster_no", 999), "mentions: no cluster with this number and entity"),
    ("mentions", of_a_name("cluster_no", None), "mentions: no cluster with this number and entity"),
    ("clusters", lambda f: f[1:], "mentions: no cluster with this number and entity"),
    ("clusters", with_value("doc_id", "f" * 20), "clusters: no such row in documents"),
    ("clusters", with_value("entity_id", "0" * 16), "clusters: no such entity: 1 rows, for example entity_id 0000"),
    ("clusters", with_value("label", "XYZ"), "clusters: no such entity"),
    ("clusters", with_value("n_mentions", 99), "clusters: n_mentions is not the number of rows in mentions"),
    ("clusters", with_value("n_mentions", 99), "entities: n_mentions is not the sum over its clusters"),
    ("entities", lambda f: f[1:], "clusters: no such entity"),
    ("entities", with_value("entity_id", "0" * 16), "clusters: no such entity"),
    ("entities", with_value("entity_id", "0" * 16), "entities: n_mentions is not the sum over its clusters: 1 rows"),
    ("entities", with_value("label", "XYZ"), "clusters: no such entity"),
    ("entities", with_value("n_mentions", 99), "entities: n_mentions is not the sum over its clusters: 1 rows"),
    ("entities", with_value("n_documents", 99), "entities: n_documents is not the number of documents that name it"),
    ("entities", with_value("first_document", "press/9"), "entities: first_document is not the first source_uri"),
    ("entities", with_value("last_document", "press/"), "entities: last_document is not the last source_uri that"),
    ("entities", first_twice, "entities: the key entity_id is not unique: 2 rows"),
    ("repairs", with_value("before", "nie da"), "before is raw"),
    ("sources", lambda f: f[1:], "no source is written under this name"),
    ("sources", with_value("doc_id", "0" * 20), "doc_id does not follow"),
    ("sources", lambda f: f.with_columns(duplicate_of=pl.col("duplicate_of") + "x"), "duplicate of a source that"),
    ("sources", lambda f: f.filter(pl.col("status") != "quarantined"), "quarantine: the source is not quarantined"),
    ("quarantine", lambda f: f.clear(), "sources: quarantined, but not in quarantine"),
    ("runs", with_value("n_written", 77), "not the sum of their outcomes"),
    ("runs", lambda f: f.clear(), "of CURRENT.json is missing"),
    ("documents", lambda f: f.rename({"title": "titel"}), "the schema is not that of documents: ['titel', 'title']"),
    ("documents", lambda f: f.sort("doc_id", descending=True), "not sorted by its key"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "change", "says"), WRONG, ids=[f"{table}: {says}"[:50] for table, _, says in WRONG])
def test_wrong_rows_are_named(
    tmp_path: Path, press: Path, table: str, change: Callable[[pl.DataFrame], pl.DataFrame], says: str
) -> None:
    tables = tmp_path / "tables"
    rewrite(tables, table, change)
    problems = check_tables(tables, [str(press)]).problems
    assert any(says in problem for problem in problems), problems


def test_a_raw_text_that_is_kept_wrong_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    head = "From: a@example.org\nTo: b@example.org\nSubject: Der Rat tagt\n\n"
    (folder / "1.eml").write_text(head + article(1), encoding="utf-8")
    run_here([folder], tmp_path / "tables")
    rewrite(tmp_path / "tables", "raw_texts", lambda frame: frame.with_columns(text=pl.col("text") + " Anhang"))
    problems = check_tables(tmp_path / "tables", [str(folder)]).problems
    assert any("raw_texts of mail/1.eml" in problem for problem in problems), problems


@pytest.mark.usefixtures("press")
def test_a_stranger_in_the_snapshot_is_named(tmp_path: Path) -> None:
    file = part(tmp_path / "tables", "blocks")
    file.with_name("part-0.parquet").write_bytes(file.read_bytes())
    assert any("part-0.parquet: no file of this snapshot" in p for p in check_tables(tmp_path / "tables").problems)


OUTSIDE = "../../precious"


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.update(snapshot=OUTSIDE),
        lambda plain: plain.update(snapshot="snapshots/.."),
        lambda plain: plain["previous"].append(OUTSIDE),
        lambda plain: plain["previous"].append("snapshots/../../../precious"),
        lambda plain: plain["tables"]["blocks"]["files"][0].update(path="../../../../precious/part.parquet"),
        lambda plain: plain["tables"]["blocks"]["files"][0].update(path="/etc/part.parquet"),
        lambda plain: plain.update(schema_version="0"),
        lambda plain: plain.pop("tables"),
    ],
)
def test_a_pointer_never_leads_out_of_the_tables(
    tmp_path: Path, press: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """Snapshots are removed when they are old: a forged name must not remove anything else."""
    tables = tmp_path / "tables"
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "part.parquet").write_text("worth keeping", encoding="utf-8")
    pointer(tables, change)
    (press / "0.txt").write_text(article(20), encoding="utf-8")
    with pytest.raises(TablesError):
        run_here([press], tables, keep_snapshots=1)
    assert (precious / "part.parquet").exists()
    assert len(check_tables(tables).problems) == 1


def test_tables_in_parts(tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.tables.store.publish._MOST_ROWS", 5)
    (press / "0.txt").write_text(article(20), encoding="utf-8")
    run_here([press], tmp_path / "tables")
    done = check_tables(tmp_path / "tables", [str(press)])
    assert done.problems == []
    assert done.n_files > 16 * len(CONTENT)


def test_nothing_published(tmp_path: Path) -> None:
    assert cli.main(["check", "--tables", str(tmp_path / "nowhere")]) == 2
    assert cli.main(["check", "--tables", str(tmp_path)]) == 1
