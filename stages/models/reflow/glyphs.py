"""Widths of glyphs in common typefaces, from the font metrics that TeX brings along."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from fontTools.agl import AGL2UV

METRICS = Path("/usr/share/texlive/texmf-dist/fonts/afm")
# Times, Helvetica, Palatino, Charter: between them they stand for most text faces.
FACES = (
    "adobe/times/ptmr8a.afm",
    "adobe/helvetic/phvr8a.afm",
    "adobe/palatino/pplr8a.afm",
    "bitstrea/charter/bchr8a.afm",
)
LAST_CODE = 0x2100
UNKNOWN = 0.5
# Characters without metrics of their own that look like another: no-break space; soft hyphen, not sign, hyphens.
ALIKE = {0xA0: 0x20, 0xAD: 0x2D, 0xAC: 0x2D, 0x2010: 0x2D, 0x2011: 0x2D}


def glyph_widths() -> npt.NDArray[np.float32]:
    """One row per typeface, the fixed-width one first; one column per code point; in units of the type size."""
    return np.stack([np.ones(LAST_CODE, np.float32)] + [_face(METRICS / face) for face in FACES])


def _face(path: Path) -> npt.NDArray[np.float32]:
    widths = np.full(LAST_CODE, UNKNOWN, np.float32)
    for line in path.read_text(encoding="latin-1").splitlines():
        if not line.startswith("C "):
            continue
        fields = dict(field.strip().split(" ", 1) for field in line.split(";") if " " in field.strip())
        code = AGL2UV.get(fields["N"].strip(), LAST_CODE)
        if code < LAST_CODE:
            widths[code] = float(fields["WX"]) / 1000
    for code, like in ALIKE.items():
        widths[code] = widths[like]
    return widths
