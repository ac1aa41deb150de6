"""Archives: ZIP and TAR (plain, .gz, .bz2, .xz, .zst), member by member; nothing is ever written to disk."""

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from stages.discover.containers.members import (
    Item,
    Limits,
    Member,
    Refused,
    bomb,
    broken,
    member_too_large,
    safe_path,
    size_of,
    uniquely_named,
)
from stages.errors import SourceError

Wanted = Callable[[str], object]
"""Tells by its name whether a member is to be unpacked."""
_ENCRYPTED = 0x1
_ABOUT_OTHERS = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, b"X")
_MOST_ABOUT = 1 << 20
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, struct.error, OverflowError)


def open_zip(file: BinaryIO, limits: Limits, wanted: Wanted = bool) -> Iterator[Item]:
    """Give the ``wanted`` members of a ZIP archive in the order of its directory; folders are passed over.

    A member that is encrypted, damaged, packed in an unknown way, too large or of a name that leads out of the
    archive is a `Refused`. Raises SourceError where the directory cannot be read (``broken_archive``) or the members
    become too much for the size of the archive (``bomb``). ``file`` must be seekable.
    """
    return uniquely_named(_zip_items(file, limits, wanted))


def _zip_items(file: BinaryIO, limits: Limits, wanted: Wanted) -> Iterator[Item]:
    most, total = limits.most_bytes(size_of(file)), 0
    try:
        archive = zipfile.ZipFile(file)
    except (*_BAD_ZIP, NotImplementedError) as error:
        raise broken(error) from error
    with archive:
        for info in archive.infolist():
            if info.is_dir() or not wanted(info.filename):
                continue
            item = _zip_item(archive, info, limits)
            total += len(item.data) if isinstance(item, Member) else 0
            if total > most:
                raise bomb(most)
            yield item


def _zip_item(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Item:
    try:
        name = safe_path(info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise SourceError("link_not_followed", "a symbolic link; pack the file that it names")
        if info.flag_bits & _ENCRYPTED:
            raise SourceError("encrypted", "it is encrypted; unpack it with its password")
        return Member(name, _unzip(archive, info, limits))
    except SourceError as error:
        return Refused(info.filename, error)


def _unzip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> bytes:
    most = min(limits.max_member_bytes, limits.most_bytes(info.compress_size))
    try:
        with archive.open(info) as stream:
            data = stream.read(most + 1)
    except NotImplementedError as error:
        raise SourceError("unsupported_format", f"packed in a way not known here ({error}); pack it again") from error
    except RuntimeError as error:  # strong encryption, which sets no flag that is looked at above
        raise SourceError("encrypted", f"it is encrypted ({error}); unpack it with its password") from error
    except _BAD_ZIP as error:
        raise broken(error) from error
    if len(data) > most:
        raise member_too_large(limits) if most == limits.max_member_bytes else bomb(most)
    return data


class _Header(tarfile.TarInfo):
    """A header of a TAR archive; a damaged one ends the reading with an error, and not as if the archive ended."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        header = super().frombuf(buf, encoding, errors)
        if header.type in _ABOUT_OTHERS and header.size > _MOST_ABOUT:  # read whole, before anything can be said
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(archive)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"{error} at byte {archive.offset:,}") from error


def open_tar(file: BinaryIO, limits: Limits, wanted: Wanted = bool) -> Iterator[Item]:
    """Give the ``wanted`` files of a TAR archive as they come; ``file`` is only read forward.

    Links, devices, names that lead out of the archive and files that are too large are `Refused`. Raises SourceError
    (``broken_archive``) where the archive is damaged or cut off: what came before stands, what comes after cannot
    be found.
    """
    return uniquely_named(_tar_items(file, limits, wanted))


def _tar_items(file: BinaryIO, limits: Limits, wanted: Wanted) -> Iterator[Item]:
    total = 0
    try:
        with tarfile.open(fileobj=file, mode="r|", tarinfo=_Header, errorlevel=2) as archive:
            for info in archive:
                # tarfile remembers every header it has seen.
                archive.members = []  # type: ignore[attr-defined]
                if info.isdir() or not wanted(info.name):
                    continue
                item = _tar_item(archive, info, limits)
                total += len(item.data) if isinstance(item, Member) else 0
                if total > limits.max_total_bytes:
                    raise bomb(limits.max_total_bytes)
                yield item
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise broken(error) from error


def _tar_item(archive: tarfile.TarFile, info: tarfile.TarInfo, limits: Limits) -> Item:
    try:
        name = safe_path(info.name)
        if info.issym() or info.islnk():
            raise SourceError("link_not_followed", f"a link to {info.linkname!r}; pack the file that it names")
        if not info.isfile():
            raise SourceError("not_regular", "a pipe, socket or device, no file; pack without it")
        if info.size > limits.max_member_bytes:
            raise member_too_large(limits)
    except SourceError as error:
        return Refused(info.name, error)
    stream = archive.extractfile(info)
    assert stream is not None, "only links and devices have none"
    data = stream.read()
    if len(data) < info.size:
        raise tarfile.ReadError("unexpected end of data")
    return Member(name, data)
