from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import stages

MODELS = Path(stages.__file__).parent / "models"


def test_nothing_has_to_be_unpacked_to_load_a_model() -> None:
    """To unpack them took a fifteenth of the time that showing a file takes, in every process again."""
    archives = sorted(MODELS.rglob("*.npz"))
    assert archives
    for path in archives:
        with ZipFile(path) as archive:
            assert {part.compress_type for part in archive.infolist()} == {ZIP_STORED}, path
    assert sorted(MODELS.rglob("*.gz")) == []
