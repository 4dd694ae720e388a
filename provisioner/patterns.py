"""The manifests' pattern language: plain text with {mac} {model} {firmware}… and *.

A pattern reads like the thing it matches. A blank matches one or more, case never counts,
and every placeholder also generates: one line of a manifest recognises a phone's request
and writes the same request for our simulator. {model=NAME} is a model that stands there as a word.

>>> Pattern("Yealink SIP-{model} {firmware} {mac::}").match("yealink SIP-T46G  28.83.0.120 00:15:65:4A:A9:37")
{'model': 'T46G', 'firmware': '28.83.0.120', 'mac': '0015654aa937'}
>>> Pattern("cfg{mac}.xml").fill({"mac": "000b82112233"})
'cfg000b82112233.xml'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Generic, TypeVar

_HEX12 = r"(?:[0-9a-f]{2}[:_-]?){5}[0-9a-f]{2}"
_SEPARATORS = str.maketrans("", "", ":_-")
_WORDS: Mapping[str, str] = {
    "mac": _HEX12,
    "model": r"[a-z0-9][\w.+-]*(?: [a-z][\w+-]*)*?",
    "code": r"(?![0-9a-f]{12}\b)[a-z0-9](?:(?![-_][0-9a-f]{12}\b)[a-z0-9._-])*?",  # is and holds no MAC: snom{code}.htm is not snomD785-000413a11fa7.htm
    "firmware": r"v?\d+(?:[._]+[a-z0-9]+)*(?:\(\w+\))?(?:-\w+)*",
    "serial": r"[a-z0-9]+",
}
_PIECES = re.compile(r"\{(\w+)(?::([:_-])|=([\w.+-]+))?\}|(\*)|( +)|([^{}* ]+)|(.)")
_OPENING, _ENDING = re.compile(r"^[^{}* ]+"), re.compile(r"[^{}* ]+$")  # the plain text at a pattern's edges
PLACEHOLDERS = ("{mac}", "{MAC}", "{mac::}", "{mac:-}", "{mac:_}", "{model}", "{code}", "{firmware}", "{serial}")


class Pattern:
    """One pattern: `match` reads a text with it, `fill` writes one."""

    def __init__(self, text: str) -> None:
        """Raise ValueError, with the cure, where the text is not a pattern."""
        self.text = text
        self.names: list[str] = []
        expression = ""
        for name, separator, word, star, blank, plain, stray in _PIECES.findall(text):
            if stray:
                raise ValueError(f"{text!r} has a lone {stray!r}; placeholders are {' '.join(PLACEHOLDERS)}")
            if name:
                low = name.lower()
                if f"{{{name}{':' + separator if separator else ''}}}" not in PLACEHOLDERS or (word and name != "model"):
                    raise ValueError(f"{text!r} has the unknown placeholder {{{name}}}; there are {' '.join(PLACEHOLDERS)}")
                expression += f"(?P={low})" if low in self.names else f"(?P<{low}>{re.escape(word) or _WORDS[low]})"
                if low not in self.names:
                    self.names.append(low)
            else:
                expression += ".*?" if star else " +" if blank else re.escape(plain)
        self._expression = expression
        self.opening, self.ending = (found[0].lower() if (found := side.search(text)) else "" for side in (_OPENING, _ENDING))

    def __repr__(self) -> str:
        """Return the pattern as the manifest spells it."""
        return f"Pattern({self.text!r})"

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._expression, re.IGNORECASE | re.ASCII | re.DOTALL)

    @property
    def generates(self) -> bool:
        """True where the pattern can also write a text: it has no `*`."""
        return "*" not in self.text

    def match(self, text: str) -> dict[str, str] | None:
        """Return what the placeholders caught in the whole text, or None; a MAC comes in our spelling."""
        found = self._compiled.fullmatch(text)
        if not found:
            return None
        caught = found.groupdict()
        if "mac" in caught:
            caught["mac"] = caught["mac"].lower().translate(_SEPARATORS)
            if caught["mac"] == "000000000000":
                return None  # no phone's MAC, but the name of some makers' generic file
        if "firmware" in caught:
            caught["firmware"] = caught["firmware"].lstrip("vV")
        return caught

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text for one phone; KeyError names the value that is missing."""

        def one(piece: re.Match[str]) -> str:
            name, separator, word = piece[1], piece[2], piece[3]
            if name is None:
                return piece[0]
            value = word or values[name.lower()]
            if name.lower() == "mac" and separator:
                value = separator.join(value[i : i + 2] for i in range(0, 12, 2))
            return value.upper() if name == "MAC" else value

        return _PIECES.sub(one, self.text)


Thing = TypeVar("Thing")


class Patterns(Generic[Thing]):
    """Many patterns, each for a thing, asked at once: of a text only those are tried that its beginning and its ending allow."""

    def __init__(self, entries: Iterable[tuple[Pattern, Thing]]) -> None:
        """entries: in the order in which `matching` gives them back."""
        self._of: dict[tuple[str, str], list[tuple[int, Pattern, Thing]]] = {}
        for place, (pattern, thing) in enumerate(entries):
            self._of.setdefault((_opening(pattern.opening), _ending(pattern.ending)), []).append((place, pattern, thing))

    def matching(self, text: str) -> list[tuple[Thing, dict[str, str]]]:
        """Return (thing, what its pattern caught) of every pattern that matches the whole text."""
        lowered = text.lower()
        opening, ending = lowered[:_LETTERS], _ending(lowered)
        allowed = [entry for key in ((opening, ending), (opening, ""), ("", ending), ("", "")) for entry in self._of.get(key, ())] if ending else [
            entry for key in ((opening, ""), ("", "")) for entry in self._of.get(key, ())
        ]  # fmt: skip
        return [(thing, caught) for _, pattern, thing in sorted(allowed, key=itemgetter(0)) if (caught := pattern.match(text)) is not None]


_LETTERS = 3  # of a text's beginning that tell its patterns apart


def _opening(literal: str) -> str:
    return literal[:_LETTERS] if len(literal) >= _LETTERS else ""


def _ending(text: str) -> str:
    """Return what stands behind the last dot; empty where there is none."""
    return text.rpartition(".")[2] if "." in text else ""


@lru_cache(maxsize=4096)
def same(name: str) -> str:
    """Return what of a model's name counts: letters, digits and + in lower case.

    >>> same("VVX_450") == same("vvx 450") == same("VVX450")
    True
    """
    return re.sub(r"[ _.-]", "", name.lower())
