"""Which library read a document: what comes out of a PDF, a page or a picture is also a matter of its version."""

import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version

TESSERACT = "tesseract"
_LIBRARIES = ("pypdfium2", "trafilatura")


@cache
def reader_version(name: str) -> str:
    """Name a library, or the program tesseract, with its version; only the name where that is not to be had."""
    if name == TESSERACT:
        return f"{name} {_of_tesseract()}".strip()
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


def _of_tesseract() -> str:
    program = shutil.which(TESSERACT)
    if program is None:
        return ""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=60)
    told = (done.stdout or done.stderr).split()[:2]
    return told[1] if told[:1] == [TESSERACT] and told[1:] else ""


def reader_versions(ocr: bool) -> tuple[str, ...]:
    """The libraries that are here, with their versions; tesseract, if ``ocr`` says that it will be asked."""
    names = (*_LIBRARIES, TESSERACT) if ocr else _LIBRARIES
    return tuple(told for told in map(reader_version, names) if " " in told)
