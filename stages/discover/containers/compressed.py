"""Compressed files (gzip, bzip2, xz, zstandard), unpacked while they are read."""

import bz2
import gzip
import io
import lzma
import zlib
from typing import BinaryIO, cast

from stages.discover.containers.members import Limits, bomb, broken, size_of

_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_SUFFIXES = {
    "gz": {".gz": "", ".tgz": ".tar"},
    "bz2": {".bz2": "", ".tbz2": ".tar", ".tbz": ".tar"},
    "xz": {".xz": "", ".txz": ".tar"},
    "zst": {".zst": "", ".tzst": ".tar"},
}


def compression_of(head: bytes) -> str | None:
    """How a file is compressed (gz, bz2, xz, zst), by its first bytes; None where it is not."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def name_within(name: str, kind: str) -> str:
    """The name of what a compressed file holds.

    >>> name_within("2024.tgz", "gz"), name_within("news.jsonl.zst", "zst"), name_within("odd", "xz")
    ('2024.tar', 'news.jsonl', 'odd')
    """
    for suffix, inner in _SUFFIXES[kind].items():
        if name.lower().endswith(suffix):
            return name[: -len(suffix)] + inner
    return name


def open_compressed(file: BinaryIO, kind: str, limits: Limits) -> BinaryIO:
    """Open what a compressed file holds, for reading forward; ``file`` must be seekable and stay open.

    Reading raises SourceError: ``broken_archive`` where the data is damaged or cut off, ``bomb`` where it becomes
    more than ``limits`` permit for its size.
    """
    return cast(
        BinaryIO, io.BufferedReader(_Unpacked(_unpacker(file, kind), limits.most_bytes(size_of(file))), 1 << 16)
    )


def _unpacker(file: BinaryIO, kind: str) -> BinaryIO:
    if kind == "gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if kind == "bz2":
        return cast(BinaryIO, bz2.BZ2File(file))
    if kind == "xz":
        return cast(BinaryIO, lzma.LZMAFile(file))
    # The standard library learns zstandard with Python 3.14 only; pyarrow is there and knows it.
    import pyarrow as pa

    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(_LeftOpen(file), mode="r"), "zstd"))


class _LeftOpen(io.RawIOBase):
    """A file that stays open when its reader, as pyarrow's does, closes it in passing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Unpacked(io.RawIOBase):
    """The unpacked bytes, counted, their faults told as SourceError."""

    def __init__(self, source: BinaryIO, limit: int) -> None:
        self._source, self._limit, self._n = source, limit, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._read(len(buffer))
        self._n += len(data)
        if self._n > self._limit:
            raise bomb(self._limit)
        buffer[: len(data)] = data
        return len(data)

    def _read(self, n: int) -> bytes:
        try:
            return self._source.read(n)
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise broken(error) from error
        except OSError as error:
            if error.errno is not None:  # the disk, not the data
                raise
            raise broken(error) from error
