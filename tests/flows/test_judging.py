"""The gate refuses whatever parting, linking, moving or assembling breaks: shown by breaking every column.

A run with a new, a moved and a relinked document is stopped before it is judged. Then every column of every table is
changed in what is about to be published, and each change has to break a rule.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from expectations import candidate as judging
from expectations import judge as judge_module
from expectations.candidate import Candidate
from expectations.digests import row_digests
from expectations.final_evidence import OnRecord, changed_with_evidence, drift_with_evidence, runs_with_evidence
from expectations.part_rows import holds
from expectations.rules import DRIFT_RULES, LINKED_RULES, RULES, RUN_RULES, RUNS_RULES, WHOLE_RULES, Rule
from flows import steps
from flows.batch import Batch
from flows.run import refresh_tables as run
from flows.settings import Settings
from flows.steps import Linked, Run
from stages.errors import GateError
from stages.tables import schemas
from stages.tables.ids import to_doc_id
from stages.tables.schemas import CONTENT, TABLES
from stages.tables.store.local import LocalSnapshots
from stages.tables.store.publish import add_table
from stages.tables.store.snapshots import Snapshot, read_current, read_table
from tests.faults.harness import assert_tidy, fast_gate

FULL = """Anna Huber eröffnet das neue Museum in Köln

Die Direktorin Anna Huber hat am 3. Mai 2024 das neue Museum in Köln eröff-
net. Viele Gäste aus Österreich kamen zur Feier, der Eintritt kostet 12 Euro.
"""
SURNAME = """Streit um den Haushalt der Stadt

Am Dienstag haben die Abgeordneten lange bera-
ten. Auch Ministerin Huber war in Köln dabei und sprach über 4 Millionen Euro.
"""
HARBOUR = """Neue Brücke für den Hafen

Die neue Brücke wird teurer, sagte Karin Meier am Freitag in Ham-
burg vor der Presse. Karin Meier rechnet mit 30 Prozent.
"""
PIER = f"{HARBOUR}\nMehr davon morgen."
LINES = (
    "Konzert in der alten Kirche",
    "Der Geiger Peter Huber spielt am Sonntag in Bonn. Peter Huber kommt aus Wien und wohnt seit drei Jahren in Ham-",
    "burg, die Karten kosten 20 Euro.",
)
# As text recognition gives it, so that there are boxes, and a raw text that the file does not hold as text.
SECOND = (
    "<html><body><div class='ocr_page' title='bbox 0 0 2000 2000'>"
    + "".join(
        f"<p class='ocr_par'><span class='ocr_line' title='bbox 100 {at} 1900 {at + 30}'>{text}</span></p>"
        if not at
        else f"<span class='ocr_line' title='bbox 100 {at} 1900 {at + 30}'>{text}</span>"
        for at, text in zip((0, 200, 240), LINES, strict=True)
    )
    + "</div></body></html>"
)
SETTINGS = Settings(workers=0, confirm_deletions=True, languages=("de",))
NEW, MOVED, RELINKED = (to_doc_id(f"press/{name}.txt") for name in ("second", "moved", "surname"))
KINDS = {"new": NEW, "moved": MOVED, "relinked": RELINKED}


class _StoppedError(Exception):
    pass


def path_of(candidate: Candidate, path: str) -> Path:
    """Where a file lies that is about to be published."""
    return Path(candidate.store.where, candidate.snapshot.snapshot, path)


class Scene(NamedTuple):
    """A run that is about to be judged, and what the gate looks at."""

    candidate: Candidate
    run_id: str
    started: datetime
    counts: dict[str, int]
    record: OnRecord
    rows: dict[str, pl.DataFrame]


def publish_first(home: Path) -> Path:
    """Publish three texts, a copy and an empty file; then add a text that makes another mean more, and move one."""
    press = home / "press"
    press.mkdir(parents=True)
    for name, text in (("full", FULL), ("surname", SURNAME), ("harbour", HARBOUR), ("copy", FULL), ("pier", PIER)):
        (press / f"{name}.txt").write_text(text, encoding="utf-8")
    (press / "empty.txt").touch()
    with fast_gate():
        run([str(press)], home / "tables", SETTINGS)
    (press / "second.txt").write_text(SECOND, encoding="utf-8")
    (press / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (press / "harbour.txt").rename(press / "moved.txt")
    return press


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    home = tmp_path_factory.mktemp("judging")
    press = publish_first(home)
    kept = home / "kept"
    held: list[Any] = []

    def stop(_: Run, candidate: Candidate, counts: dict[str, int]) -> None:
        shutil.copytree(home / "tables", kept)
        held.extend((candidate, counts))
        raise _StoppedError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps, "judge", stop)
        with pytest.raises(_StoppedError):
            run([str(press)], home / "tables", SETTINGS)
    candidate, counts = held
    batches = [Batch(kept / batch.folder.relative_to(home / "tables")) for batch in candidate.batches]
    candidate = candidate._replace(store=LocalSnapshots(kept), batches=batches)
    (record,) = judging.on_record(candidate)
    rows = judging.changed_rows(candidate, record)
    return Scene(candidate, candidate.run_id, candidate.started, counts, record, rows)


def broken(frames: dict[str, pl.DataFrame], rules: Iterable[Rule]) -> list[str]:
    """The names of the rules that some row breaks, as the gate has them."""
    found = []
    for table, frame in frames.items():
        own = [rule for rule in rules if rule.table == table]
        kept = frame.select(holds(rule).all().alias(rule.name) for rule in own).row(0, named=True)
        found += [name for name, good in kept.items() if not good]
    return found


def about_content(scene: Scene, rows: dict[str, pl.DataFrame]) -> list[str]:
    return broken(changed_with_evidence(rows, scene.record, scene.candidate.whole), (*RULES, *LINKED_RULES))


def about_whole(candidate: Candidate, scene: Scene) -> list[str]:
    named = scene.rows["clusters"]["entity_id"].unique()
    made = dict(scene.record.digests.group_by("table").agg(pl.col("n_rows").sum()).iter_rows())
    whole = judging.whole_rows(candidate, named, WHOLE_RULES)
    frames = whole | {"run": judging.sum_up_run(candidate, scene.counts, made)}
    return broken(frames, (*WHOLE_RULES, *RUN_RULES))


def test_scene_is_whole_and_good(scene: Scene) -> None:
    assert set(scene.record.made_by["doc_id"]) == {NEW, MOVED, RELINKED}
    assert set(scene.record.parted) == scene.record.raw_texts().keys() == {NEW}
    for table in CONTENT:
        # Only what was recognised has a raw text that its file does not hold.
        assert set(scene.rows[table]["doc_id"]) == ({NEW} if table == "raw_texts" else {NEW, MOVED, RELINKED}), table
    assert scene.rows["mentions"].filter(doc_id=NEW)["box"].null_count() == 0
    assert about_content(scene, scene.rows) == []
    assert about_whole(scene.candidate, scene) == []
    kinds = scene.rows["mentions"].group_by("doc_id").agg(pl.col("kind").unique().sort())["kind"].to_list()
    assert kinds == [["name", "value"]] * 3


# --- Ways to change a column: each gives a changed copy of a frame, or None where it would change nothing.

LEGAL = (
    schemas.BLOCK_KINDS,
    schemas.MENTION_KINDS,
    schemas.LABELS,
    schemas.STATUSES,
    tuple(schemas.REPAIR_RULES),
    tuple(schemas.REASONS),
    ("trained", "transferred", "none"),
    ("passed", "warned"),
    ("de", "en", "fr"),
    ("utf-8", "cp1252"),
    ("DE", "AT"),
)
"""Values of which one may stand for another without breaking a rule by itself."""
ONE = {
    pl.Datetime("us", "UTC"): timedelta(microseconds=1),
    pl.Int64(): 1,
    pl.Float64(): 0.01,
    pl.Date(): timedelta(days=1),
}
Change = Callable[[pl.DataFrame, str, int], pl.DataFrame | None]


def put(frame: pl.DataFrame, column: str, values: dict[int, object]) -> pl.DataFrame | None:
    """Put values into some rows of a column; None where they stand there already."""
    found = frame[column].to_list()
    put_in = [values.get(row, value) for row, value in enumerate(found)]
    return None if put_in == found else frame.with_columns(pl.Series(column, put_in, dtype=frame.schema[column]))


def to_null(frame: pl.DataFrame, column: str, row: int) -> pl.DataFrame | None:
    return put(frame, column, {row: None})


def swapped(frame: pl.DataFrame, column: str, row: int) -> pl.DataFrame | None:
    """Swap with the next row that has another value."""
    values = frame[column].to_list()
    others = [at for at in (*range(row + 1, len(values)), *range(row)) if values[at] != values[row]]
    return put(frame, column, {row: values[others[0]], others[0]: values[row]}) if others else None


def off_by_one(frame: pl.DataFrame, column: str, row: int) -> pl.DataFrame | None:
    one, value = ONE.get(frame.schema[column]), frame[column][row]
    return put(frame, column, {row: value + one}) if one is not None and value is not None else None


def to_other(frame: pl.DataFrame, column: str, row: int) -> pl.DataFrame | None:
    """Another value, and a permitted one where only some are."""
    value, dtype = frame[column].to_list()[row], frame.schema[column]
    if dtype == pl.String:
        allowed = [one for values in LEGAL if value in values for one in values if one != value]
        # Else one of the same length, so that an id stays an id.
        other: object = allowed[0] if allowed else f"{value or ''}0"[-max(1, len(value or "")) :]
    elif dtype == pl.Boolean:
        other = not value
    elif isinstance(dtype, pl.Struct):
        other = {field.name: 0.4711 for field in dtype.fields}
    elif isinstance(dtype, pl.List):
        other = value[:-1] if value else [{"stage": "x", "seconds": 1.0}] if dtype.inner != pl.String else ["x"]
    else:
        other = {pl.Int64: 4711, pl.Float64: 0.4711}.get(dtype.base_type(), datetime.fromisoformat("2024-02-03T00:00Z"))
    return put(frame, column, {row: other})


CHANGES: dict[str, Change] = {"null": to_null, "swapped": swapped, "off by one": off_by_one, "other": to_other}


def changed(
    frame: pl.DataFrame, column: str, row: int, names: Iterable[str] = tuple(CHANGES)
) -> Iterator[tuple[str, pl.DataFrame]]:
    made = {name: CHANGES[name](frame, column, row) for name in names}
    assert made["other"] is not None, "at least this one has to change something"
    yield from ((name, changed) for name, changed in made.items() if changed is not None)


def of_content() -> list[tuple[str, str]]:
    return [(table, column) for table in CONTENT for column in TABLES[table].columns]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("table", "column"), of_content(), ids=[".".join(names) for names in of_content()])
def test_no_column_of_a_document_can_change_unseen(scene: Scene, table: str, column: str, kind: str) -> None:
    frame = scene.rows[table]
    for row in {rows[0] for rows in (of_kind(frame, kind), of_kind(frame, kind, value=True)) if rows}:
        for name, other in changed(frame, column, row, CHANGES if kind == "new" else ["other"]):
            assert about_content(scene, scene.rows | {table: other}), f"{name} in row {row} was not seen"


def of_kind(frame: pl.DataFrame, kind: str, *, value: bool = False) -> list[int]:
    """The rows of a document; of its mentions those that are, or are not, a value."""
    mine = pl.col("doc_id") == KINDS[kind]
    if "cluster_no" in frame.columns and "kind" in frame.columns:
        mine &= (pl.col("kind") == "value") == value
    return frame.select(mine.arg_true()).to_series().to_list()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("table", CONTENT)
def test_no_row_of_a_document_can_go_or_come_twice(scene: Scene, table: str, kind: str) -> None:
    frame = scene.rows[table]
    for row in of_kind(frame, kind)[:3]:
        for other in (pl.concat([frame[:row], frame[row + 1 :]]), pl.concat([frame, frame[row : row + 1]])):
            assert about_content(scene, scene.rows | {table: other})


WHOLE = ("entities", "sources", "quarantine", "duplicates")


@pytest.fixture
def rewrite(scene: Scene) -> Iterator[Callable[[str, pl.DataFrame], Candidate]]:
    """A function that puts other rows into a table of the assembled snapshot, which is mended afterwards."""
    candidate, kept = scene.candidate, {}

    def put_in(table: str, frame: pl.DataFrame) -> Candidate:
        (part,) = candidate.snapshot.tables[table]
        file = path_of(candidate, part.path)
        kept.setdefault(file, file.read_bytes())
        frame.write_parquet(file)
        return candidate

    yield put_in
    for file, data in kept.items():
        file.write_bytes(data)


def assembled(scene: Scene, table: str) -> pl.DataFrame:
    return scene.candidate.store.read(scene.candidate.snapshot, table)


def of_whole() -> list[tuple[str, str]]:
    return [(table, column) for table in WHOLE for column in TABLES[table].columns]


@pytest.mark.parametrize(("table", "column"), of_whole(), ids=[".".join(names) for names in of_whole()])
def test_no_column_of_a_whole_table_can_change_unseen(
    scene: Scene, rewrite: Callable[[str, pl.DataFrame], Candidate], table: str, column: str
) -> None:
    for name, other in changed(assembled(scene, table), column, 0):
        assert about_whole(rewrite(table, other), scene), f"{name} was not seen"


@pytest.mark.parametrize("table", [*WHOLE, *CONTENT])
def test_no_row_of_a_table_can_go_or_come_twice(
    scene: Scene, rewrite: Callable[[str, pl.DataFrame], Candidate], table: str
) -> None:
    """Rows of documents that stand, too: the table has too few or too many then."""
    frame = assembled(scene, table)
    ids = [] if table in WHOLE else frame["doc_id"].to_list()
    standing = ids.index(copy) if (copy := to_doc_id("press/copy.txt")) in ids else 0
    for other in (
        frame.with_row_index().filter(pl.col("index") != standing).drop("index"),
        pl.concat([frame, frame[:1]]),
    ):
        assert about_whole(rewrite(table, other), scene)


def runs_of(scene: Scene) -> pl.DataFrame:
    """The runs of the first publication, and a second row that would follow."""
    runs = scene.candidate.store.read(scene.candidate.previous, "runs")
    return pl.concat([runs, runs.with_columns(run_id=pl.lit(scene.run_id), started_at=pl.lit(scene.started))])


@pytest.mark.parametrize("column", TABLES["runs"].columns)
def test_no_column_of_runs_can_change_unseen(scene: Scene, column: str) -> None:
    runs = runs_of(scene)
    accounted = row_digests(runs, "runs")
    assert broken({"runs": runs_with_evidence(runs, accounted)}, RUNS_RULES) == []
    for name, other in changed(runs, column, 1):
        assert broken({"runs": runs_with_evidence(other, accounted)}, RUNS_RULES), f"{name} was not seen"


def measured(run_id: str) -> pl.DataFrame:
    names = ("run_id", "source", "measure", "observed", "n_documents", "n_runs", "median", "deviation", "verdict")
    rows = [
        (run_id, "press", "words", 90.0, 3, 4, 100.0, 0.1, "usual"),
        (run_id, "web", "documents", 2.0, 2, 0, None, None, "unjudged"),
    ]
    return pl.DataFrame(rows, schema=TABLES["drift"].schema, orient="row").select(names)


@pytest.mark.parametrize("column", TABLES["drift"].columns)
def test_no_column_of_drift_can_change_unseen(scene: Scene, column: str) -> None:
    rows = measured(scene.run_id)
    accounted = row_digests(rows, "drift")
    assert broken({"drift": drift_with_evidence(rows, accounted)}, DRIFT_RULES) == []
    for name, other in changed(rows, column, 0):
        assert broken({"drift": drift_with_evidence(other, accounted)}, DRIFT_RULES), f"{name} was not seen"


# --- What the step itself gets wrong is on record as it made it; then only what tables say of each other can tell.

UNKNOWABLE = {
    ("entities", "geonames_id"): "nothing else in the tables tells which place a name means",
    ("entities", "country"): "the same",
    ("entities", "authority_id"): "the authority table is not at hand any more",
    ("entities", "evidence"): "why names are one linking alone knows",
    ("entities", "corrected"): "the corrections are not at hand any more",
    ("sources", "size_bytes"): "the file may have changed since it was looked at",
    ("sources", "modified_at"): "the same",
    ("sources", "encoding"): "of what is not written; of documents it is compared",
    ("sources", "encoding_how"): "nothing else says it",
    ("sources", "read_by"): "which version of a library read a file nothing else says",
    ("sources", "n_raw_chars"): "the raw text is not at hand any more; of what is too large none was",
    ("sources", "stages_sha256"): "any may be right: a copied text keeps that of its first place",
    ("sources", "first_seen_run"): "that row may be the only trace of a run",
    ("sources", "last_changed_run"): "the same",
    ("sources", "processed_run"): "the same",
    ("quarantine", "run_id"): "the same",
    ("quarantine", "stage"): "nothing else says it",
}


@pytest.mark.parametrize(("table", "column"), of_whole(), ids=[".".join(names) for names in of_whole()])
def test_what_a_step_itself_gets_wrong(
    scene: Scene, rewrite: Callable[[str, pl.DataFrame], Candidate], table: str, column: str
) -> None:
    unseen = []
    frame = assembled(scene, table)
    for name, other in changed(frame, column, 0):
        candidate = rewrite(table, other)
        made = candidate.made | {table: row_digests(other, table)}
        candidate = candidate._replace(whole=candidate.whole._replace(**{table: other}), made=made)
        rows = changed_with_evidence(scene.rows, scene.record, candidate.whole)
        if not (about_whole(candidate, scene) or broken(rows, (*RULES, *LINKED_RULES))):
            unseen.append(name)
    assert bool(unseen) == ((table, column) in UNKNOWABLE)


# --- The same through the run itself and Great Expectations, a sample of it.


def change_file(file: Path, column: str) -> None:
    frame = pl.read_parquet(file)
    other = (to_null if column == "doc_id" else to_other)(frame, column, 0)
    assert other is not None
    other.write_parquet(file)


# Each replaces a step by one that works and then breaks a column.
_link, _move, _judge = steps.link, steps.move, steps.judge


def after_parting(table: str, column: str) -> dict[str, Any]:
    def link(run: Run, batches: list[Batch], *about: Any) -> Linked:
        parted = next(batch for batch in batches if batch.digests() is not None)
        change_file(parted.folder / f"{table}.parquet", column)
        return _link(run, batches, *about)

    return {"link": link}


def after_moving(table: str, column: str) -> dict[str, Any]:
    def move(*about: Any) -> Batch:
        batch = _move(*about)
        change_file(batch.folder / f"{table}.parquet", column)
        return batch

    return {"move": move}


def after_linking(table: str, column: str) -> dict[str, Any]:
    def link(*about: Any) -> Linked:
        linked = _link(*about)
        (relinked,) = linked.relinked
        whole = linked.entities.folder / "rows-000000.parquet"
        change_file(whole if table == "entities" else relinked.folder / f"{table}.parquet", column)
        return linked

    return {"link": link}


def after_assembling(table: str, column: str) -> dict[str, Any]:
    def judge(run: Run, candidate: Candidate, counts: dict[str, int]) -> Any:
        (part,) = candidate.snapshot.tables[table]
        file = path_of(candidate, part.path)
        frame = pl.read_parquet(file)
        mine = frame["doc_id"].to_list().index(NEW) if "doc_id" in frame.columns else 0
        other = to_other(frame, column, mine)
        assert other is not None
        other.write_parquet(file)
        return _judge(run, candidate, counts)

    return {"judge": judge}


BREAKS = [
    (after_parting, "mentions", "kind", "mentions.as_parted.true"),
    (after_parting, "documents", "doc_id", "entities.first_document.not_null"),
    (after_parting, "clusters", "blocks", "clusters.entity_id.not_null"),
    (after_moving, "documents", "run_id", "documents.made_by_run.true"),
    (after_linking, "entities", "country", "entities.as_linked.true"),
    (after_linking, "mentions", "entity_id", "mentions.in_cluster.true"),
    (after_assembling, "blocks", "language", "blocks.as_parted.true"),
    (after_assembling, "sources", "size_bytes", "sources.as_accounted.true"),
]


@pytest.mark.parametrize(
    ("when", "table", "column", "rule"), BREAKS, ids=[f"{b[0].__name__} {b[1]}.{b[2]}" for b in BREAKS]
)
def test_a_run_that_breaks_a_column_publishes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: Callable[[str, str], dict[str, Any]],
    table: str,
    column: str,
    rule: str,
) -> None:
    press, tables = publish_first(tmp_path), tmp_path / "tables"
    pointer = (tables / "CURRENT.json").read_bytes()
    for name, broken_step in when(table, column).items():
        monkeypatch.setattr(steps, name, broken_step)
    with pytest.raises(GateError, match=rule) as refused:
        run([str(press)], tables, SETTINGS)
    assert (tables / "CURRENT.json").read_bytes() == pointer
    (kept,) = (tables / "failed").glob("*.json")
    assert str(kept) in str(refused.value)
    assert any(line.startswith(f"{rule}: expected that") for line in json.loads(kept.read_text())["critical"])
    assert_tidy(tables)


def test_a_record_of_the_run_that_is_written_wrong_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press, tables = publish_first(tmp_path), tmp_path / "tables"
    pointer = (tables / "CURRENT.json").read_bytes()

    def forgetful(store: LocalSnapshots, snapshot: Snapshot, table: str, frame: pl.DataFrame) -> Snapshot:
        wrong = {"runs": {"n_written": pl.col("n_written") + 1}, "drift": {}}[table]
        return add_table(store.tables, snapshot, table, frame.with_columns(**wrong))

    monkeypatch.setattr(LocalSnapshots, "add", forgetful)
    with pytest.raises(GateError, match=r"runs\.as_accounted\.true"):
        run([str(press)], tables, SETTINGS)
    assert (tables / "CURRENT.json").read_bytes() == pointer


def test_chunks_change_nothing_but_the_number_of_expectations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    press, tables = publish_first(tmp_path), tmp_path / "tables"
    monkeypatch.setattr(judging, "_CHUNK_ROWS", 1)
    monkeypatch.setattr(judge_module, "_SHOWN_ROWS", 1)
    report = run([str(press)], tables, SETTINGS)
    # New, moved and relinked documents lie in a batch each.
    about_content, once = (
        len(RULES) + len(LINKED_RULES),
        len(WHOLE_RULES) + len(RUN_RULES) + len(RUNS_RULES) + len(DRIFT_RULES),
    )
    current = read_current(tables)
    assert current
    last = read_table(tables, current, "runs").filter(run_id=report.run_id)
    told = json.loads((tables / current.snapshot / "validation.json").read_text())
    assert last["n_expectations"].to_list() == [3 * about_content + once]
    assert (
        current.validation["n_expectations"] == sum(len(suite["results"]) for suite in told) == 3 * about_content + once
    )
