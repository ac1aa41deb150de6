"""What a file is that holds no plain text, told by its name or its first bytes, and what its owner can do about it."""

import re
from typing import NamedTuple

FIRST_BYTES = 512
"""So much of a file is looked at."""


class Kind(NamedTuple):
    """A kind of file that is not read: what it is, what to do, the suffixes it is named with, and how it begins."""

    what: str
    advice: str
    suffixes: frozenset[str]
    begins: re.Pattern[bytes] | None = None


def _kind(what: str, advice: str, suffixes: str, begins: bytes | None = None) -> Kind:
    pattern = re.compile(begins, re.DOTALL) if begins else None
    return Kind(what, advice, frozenset(f".{suffix}" for suffix in suffixes.split()), pattern)


# Where several begin alike (office documents, e-books and archives are all ZIP) the first that fits holds.
KINDS = (
    _kind(
        "a print file",
        "convert it to PDF, for example with ps2pdf; a .pdf that does not begin like one is damaged: fetch it again",
        "pdf ps eps xps",
        rb"%!PS-Adobe|%PDF-",
    ),
    _kind(
        "a picture",
        "recognise its text (OCR), for example with tesseract, or exclude it from the source",
        "jpg jpeg jpe jfif png gif tif tiff bmp webp heic heif avif svg psd ico jp2 djvu raw cr2 nef dng",
        rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP|\0\0\0.ftyp(?:hei|mif|avi)|AT&TFORM",
    ),
    _kind(
        "an e-book of a kind that is not read",
        "convert it to EPUB, for example with Calibre; an .epub that does not begin like one is damaged",
        "epub mobi azw azw3 fb2",
        rb"PK\x03\x04.{26}mimetypeapplication/epub",
    ),
    _kind(
        "an office document",
        "save it there as .docx or .odt, or convert it with soffice --headless --convert-to docx; a .docx or .odt "
        "that does not begin like one is damaged, or a text that should be named .txt",
        "doc docx docm dot dotx odt ott fodt rtf pages wpd wps ppt pptx pps ppsx odp key",
        rb"\xd0\xcf\x11\xe0|\{\\rtf|PK\x03\x04.{26}(?:mimetypeapplication/vnd\.|\[Content_Types\]|_rels/|word/|xl/|ppt/|docProps/)",
    ),
    _kind(
        "marked-up text of a kind that is not read",
        "convert it to plain text, for example with pandoc -t plain",
        "shtml mhtml mht php asp aspx jsp tex latex rst adoc org docbook wiki",
    ),
    _kind(
        "a mail of one program",
        "save it as .eml, or the folder as .mbox; an .mbox that does not begin like one is damaged",
        "msg mbox emlx pst ost",
    ),
    _kind(
        "an archive",
        "it is damaged, or of a kind that is not read: unpack it, and put the folder below the source",
        "zip tar tgz tbz tbz2 txz 7z rar cab iso jar war deb rpm dmg lha lzh arj zipx warc",
        rb"PK\x03\x04|PK\x05\x06|7z\xbc\xaf|Rar!\x1a|MSCF\0|.{257}ustar[\0 ]|!<arch>\n",
    ),
    _kind(
        "gzip data",
        "name it .txt.gz, if there is one text in it, or unpack it",
        "",
        rb"\x1f\x8b",
    ),
    _kind(
        "compressed data",
        "unpack it, or pack it with gzip instead (.txt.gz is read)",
        "bz2 xz zst lz4 lzma br z",
        rb"BZh[1-9]1AY|\xfd7zXZ|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|\x1f\x9d",
    ),
    _kind(
        "sound or video",
        "transcribe it and put the transcript below the source, or exclude it",
        "mp3 mp4 m4a m4v wav ogg oga ogv opus flac aac wma wmv avi mov mkv webm mpg mpeg 3gp mid midi aiff flv",
        rb"ID3[\x02-\x04]|OggS|fLaC|RIFF....(?:WAVE|AVI )|\0\0\0.ftyp|\x1aE\xdf\xa3",
    ),
    _kind(
        "a table or other data",
        "it is no running text: exclude it from the source; texts inside it have to become files of their own",
        "csv tsv xls xlsx xlsm ods fods json jsonl ndjson geojson xml yaml yml toml ini cfg conf log sql db sqlite "
        "sqlite3 mdb parquet feather arrow orc avro hdf5 h5 npy npz pkl pickle rdf ttl nt bib ris vcf ics lock",
        rb"SQLite format 3\0|\x93NUMPY|\x89HDF",
    ),
    _kind(
        "program code",
        "it is no text for this: exclude it from the source",
        "py pyi pyw ipynb js mjs ts tsx jsx css scss less java kt scala c h cc cpp cxx hpp cs go rs rb pl pm lua r jl "
        "sh bash zsh ps1 bat cmd vbs vue swift m mm f90 pas asm diff patch make mk gradle cmake",
    ),
    _kind(
        "a program or a part of one",
        "it is no text: exclude it from the source",
        "exe dll so dylib bin o a lib obj com class pyc pyo wasm apk msi ttf otf woff woff2 ttc",
        rb"\x7fELF|\0asm|\xca\xfe\xba\xbe|\xfe\xed\xfa|\xcf\xfa\xed\xfe|\0\x01\0\0\0",
    ),
    _kind(
        "a copy that a program left behind",
        "remove it, or exclude it from the source",
        "bak old orig tmp temp swp swo part download txt~ text~ md~",
    ),
)


def kind_of_name(suffix: str) -> Kind | None:
    """The kind of file that a suffix (in small letters, with its full stop) stands for; None for an unknown one."""
    return next((kind for kind in KINDS if suffix in kind.suffixes), None)


def kind_of_bytes(data: bytes) -> Kind | None:
    """The kind of file that begins like this; None where it may be a text."""
    head = data[:FIRST_BYTES]
    return next((kind for kind in KINDS if kind.begins and kind.begins.match(head)), None)
