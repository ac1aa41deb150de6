"""A batch that travels comes out as one that is worked on where it lies, and sees nothing of the run's folder."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from flows.batch import Batch, cut_batches
from flows.travel import bring_home, do_there, pack

AT = datetime(2026, 1, 1, tzinfo=UTC)


def members(work: Path, *texts: str) -> Batch:
    """A batch of members of a container, in the spool beside what is another batch's."""
    rows, data = [], b"of another batch"
    for number, text in enumerate(texts):
        rows.append((f"press/a.zip!/{number}.txt", f"{number:020}", len(data), len(text.encode())))
        data += text.encode() + b"of another batch"
    (work / "members.bin").write_bytes(data)
    schema = {"source_uri": pl.String, "doc_id": pl.String, "spooled_at": pl.Int64, "size_bytes": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    [batch] = cut_batches(frame, work / "batches", 10)
    return batch


def look(batch: Batch, folders: list[str], spool: Path, corrections: Path | None) -> Batch:
    """Stands for a step: reads what it was given, and writes."""
    places = batch.spooled()
    read = [spool.read_bytes()[at : at + n_bytes].decode() for at, n_bytes in places]
    others = [folder for folder in folders if Path(folder).exists()]
    said = corrections.read_text() if corrections else None
    (batch.folder / "below").mkdir()
    (batch.folder / "below" / "read").write_text(f"{read} {others} {said}")
    return batch.fail("timed_out")


def test_a_step_there_has_what_it_names_and_no_more(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "said").write_text("marked")
    batch = members(work, "Erster Text. ", "Zweiter – Text")
    args = ([str(work)], work / "members.bin", work / "said")
    packed = pack(batch, work, args, work / "members.bin")
    assert sum(len(data) for _, data in packed.pieces["members.bin"]) == len("Erster Text. Zweiter – Text".encode())
    work.rename(tmp_path / "elsewhere")
    made = do_there(packed, look, *args)
    assert sorted(made) == ["batches/batches-00000/below/read", "batches/batches-00000/failed"], "what is new"
    (tmp_path / "elsewhere").rename(work)
    assert bring_home(batch, work, made).has_failed
    assert (batch.folder / "below" / "read").read_text() == "['Erster Text. ', 'Zweiter – Text'] [] marked"
