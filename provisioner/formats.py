"""Writing values into phones' files, so that the phone reads back what was said, or not at all.

A file rule names its format. Its writer escapes a value for that format, or raises
Unsayable: no value is ever changed in silence, none can start a line or a tag of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from provisioner.errors import Unsayable

_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
_NOT_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # XML 1.0, 2.2, and line breaks
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[A-Za-z0-9._:/@+-]*")


# What each of these formats carries as it is, in every charset: most values, so that they need no second look.
_EASY = {
    "keyvalue": re.compile(r"[!-~](?:[ -~]*[!-~])?"), "ini": re.compile(r"[!-~](?:[ -~]*[!-~])?"),
    "xml": re.compile(r"""[^&<>"'\x00-\x20\x7f-\U0010ffff](?:[^&<>"'\x00-\x1f\x7f-\U0010ffff]*[^&<>"'\x00-\x20\x7f-\U0010ffff])?"""),
}  # fmt: skip


class Word(str):
    """Text that knows whose value it is, so that an error can name it without repeating it."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, text: str, name: str) -> Word:
        """text: the value; name: such as 'the password of line 1'."""
        word = super().__new__(cls, text)
        word.name = name
        return word


class Masked(Word):
    """What stands for a secret in a file that is only looked at; it is written as it is, whatever the place takes."""

    __slots__ = ()


@dataclass(frozen=True)
class Writer:
    """How one file rule writes values: its format and the options of the manifest."""

    format: str = "keyvalue"
    charset: str = "utf-8"
    booleans: tuple[str, str] = ("0", "1")
    empty: str = ""
    trims: bool = False

    def write(self, value: object, place: str = "value") -> str:
        """Return the value as this format's parser reads it back unchanged.

        value: text, a whole number or a truth; place: a name in PLACES.
        Raises Unsayable, which names the setting and never the value.
        """
        if isinstance(value, str) and place == "value" and (easy := _EASY.get(self.format)) and easy.fullmatch(value) and not (self.empty and self.empty[0] in value):
            return value
        if isinstance(value, Masked):
            return str(value)
        if isinstance(value, bool):
            return self.booleans[value]
        if isinstance(value, int):
            return str(value)
        name = value.name if isinstance(value, Word) else "a value"
        if not isinstance(value, str):
            raise Unsayable(self.format, name, f"it is {type(value).__name__}, not text or a number; the template asks for the wrong thing")
        text = PLACES[place](self, value, name)
        if _CONTROL.search(text):
            raise self._unsayable(name, "it has a control character or a line break")
        if self.trims and text != text.strip(" \t"):
            raise self._unsayable(name, "the phone cuts blanks at its beginning and end")
        if self.empty and place == "value":
            if not text:
                return self.empty
            if text.strip().lower() == self.empty.lower():
                raise self._unsayable(name, f"the phone reads {self.empty} as a command")
        return FORMATS[self.format](self, text, name)

    def encode(self, text: str) -> bytes:
        """Return the whole file's bytes."""
        return text.encode(self.charset)

    def _unsayable(self, name: str, why: str) -> Unsayable:
        return Unsayable(self.format, name, why)

    def within_charset(self, text: str, name: str) -> str:
        """Return the text; raises Unsayable where a character is outside the file's charset."""
        try:
            text.encode(self.charset)
        except UnicodeEncodeError:
            raise self._unsayable(name, f"it has a character that is not in {self.charset}") from None
        return text


def _line(writer: Writer, text: str, name: str) -> str:
    return writer.within_charset(text, name)


def _xml(writer: Writer, text: str, name: str) -> str:
    if _NOT_XML.search(text):
        raise Unsayable(writer.format, name, "it has a character that XML cannot carry")
    escaped = "".join(_XML.get(char, char) for char in text)
    return escaped.encode(writer.charset, "xmlcharrefreplace").decode(writer.charset)


def _quoted(writer: Writer, text: str, name: str) -> str:
    if '"' in text:
        raise Unsayable(writer.format, name, 'it stands in quotes, and no way to write \'"\' there is known')
    return writer.within_charset(text, name)


def _quoted_xml(writer: Writer, text: str, name: str) -> str:
    return _xml(writer, _quoted(Writer("xml"), text, name), name)


def _json(writer: Writer, text: str, name: str) -> str:
    return json.dumps(text)[1:-1]


def _plain(writer: Writer, text: str, name: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise Unsayable(writer.format, name, "this file takes only letters, digits and . _ : / @ + -")
    return text


def _percent(writer: Writer, text: str, name: str) -> str:
    return quote(Writer().within_charset(text, name), safe="/:")  # as URLs: also phones that decode nothing read these two


FORMATS: Mapping[str, Callable[[Writer, str, str], str]] = {
    "keyvalue": _line,
    "ini": _line,
    "quoted": _quoted,
    "xml": _xml,
    "quoted-xml": _quoted_xml,
    "json": _json,
    "plain": _plain,
    "percent": _percent,
}


def fits(writer: Writer, place: str, value: object) -> bool:
    """Return True where a value can be written in a place of a file."""
    try:
        writer.write(value, place)
    except Unsayable:
        return False
    return True


def _refusing(characters: str, what: str) -> Callable[[Writer, str, str], str]:
    def place(writer: Writer, text: str, name: str) -> str:
        for char in characters:
            if char in text:
                raise Unsayable(writer.format, name, f"{what} cannot hold {char!r}")
        return text

    return place


def _digits(writer: Writer, text: str, name: str) -> str:
    if not re.fullmatch(r"[0-9]*", text):
        raise Unsayable(writer.format, name, "this phone takes digits alone here")
    return text


PLACES: Mapping[str, Callable[[Writer, str, str], str]] = {
    "value": lambda writer, text, name: text,
    "user": lambda writer, text, name: quote(text, safe="!*'()&=+$,;?/"),  # the user of a SIP URI (RFC 3261, 25.1)
    "quotes": lambda writer, text, name: text.replace("\\", "\\\\").replace('"', '\\"'),  # a quoted-string of RFC 3261, 25.1
    "pair": _refusing(":", "a user:password pair"),
    "rule": lambda writer, text, name: text.replace("$", "$$"),
    "list": _refusing(";", "a list with semicolons"),
    "place": _refusing("@/;", "a value with its own line and kind behind it"),
    "macro": _refusing("$!^'", "a macro"),
    "login": _refusing(":@/", "a user:password@host"),
    "cell": _refusing(',"#', "a cell of a table with commas"),
    "pattern": _refusing(' .+?%*[](){}|^$\\"#', "a pattern of numbers"),
    "word": _refusing(' \t;#"', "a bare word"),
    "digits": _digits,
}
