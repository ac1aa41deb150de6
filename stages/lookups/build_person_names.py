"""Build `linking/given_names.txt` and `linking/common_surnames.txt` from the name lists of Faker.

    python -m stages.lookups.build_person_names stages/lookups/linking

Needs faker (MIT licence) at build time only. Names are folded as linking folds them. They say what a word usually is:
before a surname that is in no list a word that is no given name is more likely another surname.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from stages.lookups.fold import given_key, plain, surname_key

GIVEN = ("de_DE", "de_AT", "de_CH", "en_US", "en_GB", "fr_FR", "it_IT", "es_ES", "pl_PL", "cs_CZ", "hu_HU", "nl_NL",
         "hr_HR", "sl_SI", "sk_SK", "sv_SE", "no_NO", "da_DK", "fi_FI", "ro_RO", "pt_BR")  # fmt: skip
SURNAMES = ("de_DE", "de_AT", "de_CH", "en_US", "en_GB", "fr_FR", "it_IT", "es_ES")
SHORTEST = 3  # letters


def words(locales: tuple[str, ...], field: str) -> set[str]:
    """All single words in the lists of Faker whose name begins with ``field``."""
    found: set[str] = set()
    for locale in locales:
        provider: Any = import_module(f"faker.providers.person.{locale}").Provider
        for name in dir(provider):
            listed = getattr(provider, name)
            if name.startswith(field) and not callable(listed):
                found.update(map(str, listed))
    return {plain(name) for name in found if " " not in name and len(name) >= SHORTEST}


def main(folder: Path) -> None:
    """Write both lists, sorted, one name a line."""
    given = {given_key(name.replace(" ", "")) for name in words(GIVEN, "first_names")}
    surnames = {surname_key(name) for name in words(SURNAMES, "last_names") if " " not in name}
    for file, names, what in (
        ("given_names.txt", given, "Given names, folded"),
        ("common_surnames.txt", surnames, "Common surnames, folded"),
    ):
        head = f"# {what}. Derived from Faker (https://github.com/joke2k/faker), MIT licence.\n"
        (folder / file).write_text(head + "".join(f"{name}\n" for name in sorted(names)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
