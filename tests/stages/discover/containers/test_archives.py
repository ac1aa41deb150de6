import io
import stat
import subprocess
import tarfile
import tracemalloc
import zipfile

import pytest

from stages.discover.containers import Limits, Member, Refused, members_of
from stages.discover.containers.members import safe_key, safe_path
from stages.errors import SourceError

TEXTS = {"a/eins.txt": b"Der Rat tagt.\n", "zwei.txt": b"Die Stadt baut.\n"}


def zipped(members, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def opened(data, name="x.zip", **limits):
    return list(members_of(io.BytesIO(data), name, Limits(**limits)))


def given(data, name="x.zip", **limits):
    return {
        item.name: item.data if isinstance(item, Member) else item.error.code for item in opened(data, name, **limits)
    }


@pytest.mark.parametrize("name", ["x.zip", "x.txt", "x"])
def test_a_zip_is_known_by_its_bytes(name):
    assert given(zipped(TEXTS), name) == TEXTS


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x"])
def test_a_tar_is_known_by_its_bytes_however_it_is_packed(mode, name):
    assert given(tarred(TEXTS, mode), name) == TEXTS


def test_the_archives_that_the_real_tools_write(tmp_path):
    (tmp_path / "in" / "a").mkdir(parents=True)
    for name, data in TEXTS.items():
        (tmp_path / "in" / name).write_bytes(data)
    for target in ("x.tar", "x.tar.gz", "x.tar.xz", "x.tar.bz2"):
        subprocess.run(["tar", "-C", tmp_path / "in", "-caf", tmp_path / target, "."], check=True)
        assert given((tmp_path / target).read_bytes(), target) == TEXTS


def test_a_tar_packed_with_zstandard():
    import pyarrow as pa

    assert given(pa.compress(tarred(TEXTS), "zstd", asbytes=True), "x.tar.zst") == TEXTS


def test_a_text_is_no_container():
    assert members_of(io.BytesIO(b"Der Rat tagt.\n"), "a.txt") is None
    assert members_of(io.BytesIO(b""), "a.txt") is None


def test_an_office_document_is_no_container():
    document = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
    assert members_of(io.BytesIO(document), "a.docx") is None


def test_members_of_containers_within_have_both_names():
    inner = tarred(TEXTS, "w:gz")
    assert given(zipped({"tief/innen.tar.gz": inner, "b.txt": b"B"})) == {
        "tief/innen.tar.gz!/a/eins.txt": TEXTS["a/eins.txt"],
        "tief/innen.tar.gz!/zwei.txt": TEXTS["zwei.txt"],
        "b.txt": b"B",
    }


def test_too_deep_a_nest_is_refused_and_costs_the_others_nothing():
    nest = {"a.txt": b"A"}
    for _ in range(5):
        nest = {"innen.zip": zipped(nest), "b.txt": b"B"}
    found = given(zipped(nest))
    assert found["b.txt"] == found["innen.zip!/b.txt"] == b"B"
    assert found["innen.zip!/innen.zip!/innen.zip"] == "bomb"
    assert len(found) == 4


@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/passwd", "a/../../b.txt", "C:/a.txt", "C:\\a.txt", "..\\..\\a.txt", "..", "a\0b"]
)
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(SourceError, match="leads out of its container") as error:
        safe_path(name)
    assert error.value.code == "unsafe_path"


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_member_that_leads_out_costs_the_others_nothing(pack):
    found = given(pack({"../../etc/cron.d/x": b"boese", **TEXTS}))
    assert found == {"../../etc/cron.d/x": "unsafe_path", **TEXTS}


def test_a_damaged_member_costs_the_others_nothing():
    data = bytearray(zipped({"a.txt": b"A" * 50, "b.txt": b"Die Stadt baut." * 9, "c.txt": b"C"}))
    place = data.index(b"b.txt") + 5
    data[place : place + 4] = b"\xff\xff\xff\xff"
    assert given(bytes(data)) == {"a.txt": b"A" * 50, "b.txt": "broken_archive", "c.txt": b"C"}


def test_an_encrypted_member_says_so():
    data = bytearray(zipped(TEXTS))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1  # the flag that a packing program sets
    assert given(bytes(data)) == {"a/eins.txt": "encrypted", "zwei.txt": TEXTS["zwei.txt"]}


def test_links_are_refused_in_both():
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert given(file.getvalue()) == {"link": "link_not_followed"}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for kind, name in ((tarfile.SYMTYPE, "link"), (tarfile.FIFOTYPE, "rohr"), (tarfile.DIRTYPE, "ordner")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert given(file.getvalue(), "x.tar") == {"link": "link_not_followed", "rohr": "not_regular"}


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_an_archive_cut_off_is_told(cut):
    whole = tarred({f"{n}.txt": bytes([65 + n]) * 3000 for n in range(9)}, "w:gz")
    with pytest.raises(SourceError) as error:
        opened(whole[: int(len(whole) * cut)], "x.tar.gz")
    assert error.value.code == "broken_archive"


def test_a_damaged_header_in_a_tar_is_no_silent_end():
    data = bytearray(tarred({"a.txt": b"A", "b.txt": b"B", "c.txt": b"C"}))
    data[1024:1030] = b"\xff" * 6
    items, found = members_of(io.BytesIO(bytes(data)), "x.tar"), []
    with pytest.raises(SourceError, match="at byte 1,024"):
        found.extend(item.name for item in items)
    assert found == ["a.txt"]


@pytest.mark.parametrize("cut", [0.2, 0.98])
def test_a_zip_cut_off_is_told(cut):
    whole = zipped(TEXTS)
    with pytest.raises(SourceError, match="fetch the file again"):
        opened(whole[: int(len(whole) * cut)])


def test_a_bomb_of_one_member_is_refused_and_costs_the_others_nothing():
    found = given(zipped({"bombe.txt": bytes(60 << 20), **TEXTS}))
    assert found == {"bombe.txt": "bomb", **TEXTS}


def test_a_bomb_of_many_members_is_refused_whole():
    with pytest.raises(SourceError, match="larger than the"):
        opened(zipped({f"{n}": bytes(8 << 20) for n in range(6)}))


def test_a_bomb_of_archives_within_is_refused_whole():
    inner = zipped({"b.txt": bytes(12 << 20)})
    with pytest.raises(SourceError, match="larger than the"):
        opened(zipped({f"{n}.zip": inner for n in range(20)}))


def test_a_packed_tar_that_is_a_bomb_is_refused_in_flat_memory():
    data = tarred({f"{n}": bytes(10 << 20) for n in range(20)}, "w:xz")
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="larger than the"):
            for _ in members_of(io.BytesIO(data), "x.tar.xz"):
                pass
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()


def test_a_member_longer_than_it_may_be_is_refused_alone():
    assert given(zipped({"lang.txt": b"abc" * 100, "kurz.txt": b"k"}), max_member_bytes=100) == {
        "lang.txt": "too_large",
        "kurz.txt": b"k",
    }


def test_a_header_of_a_tar_that_claims_gigabytes_is_not_read():
    info = tarfile.TarInfo("a")
    info.type, info.size = tarfile.XHDTYPE, 1 << 32
    with pytest.raises(SourceError, match="header of"):
        opened(info.tobuf(tarfile.USTAR_FORMAT) + bytes(4096), "x.tar")


def test_two_members_of_one_name_are_two():
    file = io.BytesIO(tarred({"a.txt": b"alt"}))
    with tarfile.open(fileobj=file, mode="a") as archive:
        info = tarfile.TarInfo("./a.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"neu"))
    assert given(file.getvalue(), "x.tar") == {"a.txt": b"alt", "a.txt#2": b"neu"}


def test_names_stay_one_part_and_short():
    assert "/" not in safe_key("a/b/../c")
    assert safe_key("..") != ".."
    assert len(safe_key("x" * 500)) < 150
    assert safe_key("x" * 500) != safe_key("x" * 501)


def test_refusals_say_what_to_do():
    (refused,) = opened(zipped({"../x": b""}))
    assert isinstance(refused, Refused)
    assert "pack it with relative paths" in refused.error.reason
