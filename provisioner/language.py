"""Sentences in the language of who reads them: the code has them in English, `locale/<language>/*.po` in others.

A catalogue is read as it stands and compiled in memory, so there is no second file of it to forget.
Whoever says something names his Language `say`: by that name tests find each sentence, and the catalogue that lacks it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from provisioner.errors import UnknownName, nearest

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "pt": "Português"}  # tag -> its name in itself; Portuguese is that of Portugal


@dataclass(frozen=True)
class Language:
    """One reader's language: called with an English sentence it returns the reader's, `{name}` in it replaced.

    A sentence that the catalogue lacks stays English. Raises UnknownName; a region falls back to its language.

    >>> Language("pt-BR")("Press “{key}”.", key="OK")
    'Prima “OK”.'
    """

    tag: str = "en"

    def __post_init__(self) -> None:
        """Find the language."""
        known = self.tag.replace("_", "-").partition("-")[0].lower()
        if known not in LANGUAGES:
            raise UnknownName(f"there is no language {self.tag!r}{nearest(known, LANGUAGES)}; there are {', '.join(LANGUAGES)}")
        object.__setattr__(self, "tag", known)

    def __call__(self, sentence: str, /, **values: Any) -> str:
        """Return a sentence with its values in place."""
        return catalogue(self.tag).gettext(sentence).format(**values)

    def many(self, one: str, more: str, n: int, /, **values: Any) -> str:
        """Return the sentence that fits a number, `{n}` in it being the number."""
        return catalogue(self.tag).ngettext(one, more, n).format(n=n, **values)


@lru_cache
def catalogue(tag: str) -> Translations:
    """Return every sentence of a language, from all its files; an empty catalogue gives the English back."""
    known = Translations()
    for file in sorted((LOCALE / tag).glob("*.po")):
        compiled = BytesIO()
        with file.open("rb") as handle:
            write_mo(compiled, read_po(handle, locale=tag))
        compiled.seek(0)
        known.merge(Translations(compiled))
    return known
