"""The types a setting can have: each reads what people write, and shows it again.

`read` takes text (from the CLI, a form, a manifest) or the value itself, and returns the
value as the store keeps it in JSON; it raises ValueError with a clause that says the cure.
`off` is the value that means nothing: what is written when a setting is taken back.
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import ipaddress
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from provisioner.errors import nearest


class Kind(Protocol):
    """What every type of setting can do."""

    @property
    def off(self) -> Any:
        """The value that means nothing."""

    def read(self, text: object) -> Any:
        """Return the value of what was written; ValueError says what to write instead."""

    def say(self) -> str:
        """Return the type in words, for help and docs."""


def clean(text: object, most: int = 256) -> str:
    """Return text that no file format has to fear: no control characters, at most `most` long.

    Raises ValueError for line breaks, control and format characters (Unicode Cc, Zl, Zp,
    Cs and the bidirectional overrides): a value may never start a new line of a phone's file.
    """
    value = str(text)
    for char in value:
        if unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs") or char in _BIDI:
            raise ValueError(f"has a control character (U+{ord(char):04X}), which a phone's file cannot carry; take it out")
    if len(value) > most:
        raise ValueError(f"is {len(value)} characters long; the most is {most}")
    return value


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*\.?")


def host(text: object) -> str:
    """Return a host name or IP address in lower case, IPv6 without brackets.

    Raises ValueError. Source: RFC 1123, 2.1; RFC 4291, 2.2.

    >>> host("SIP.Example.com"), host("[2001:DB8::1]")
    ('sip.example.com', '2001:db8::1')
    """
    value = clean(text).strip().lower()
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    labels = value.rstrip(".").split(".")
    if not _HOST.fullmatch(value) or labels[-1].isdigit():
        raise ValueError(f"{value!r} is not a host name or IP address; write it as sip.example.com")
    return value.rstrip(".")


def is_address(name: str) -> bool:
    """Return True where a host is an IP address and no name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Endpoint(NamedTuple):
    """A host and a port; port 0 where none was said, which means NAPTR and SRV (RFC 3263)."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        """Return host:port as people write it, IPv6 in brackets."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{shown}:{self.port}" if self.port else shown


def port(text: object) -> int:
    """Return a port, 1 to 65535; raises ValueError."""
    value = str(text).strip()
    if not value.isascii() or not value.isdigit() or not 1 <= int(value[:6]) <= 65535:
        raise ValueError(f"{value!r} is not a port; write a number from 1 to 65535")
    return int(value)


def endpoint(text: object) -> Endpoint:
    """Return the host and port of HOST, HOST:PORT or [IPV6]:PORT; raises ValueError.

    >>> endpoint("proxy.example.com:5080"), endpoint("[2001:db8::1]")
    (Endpoint(host='proxy.example.com', port=5080), Endpoint(host='2001:db8::1', port=0))
    """
    if isinstance(text, list | tuple):
        name, number = text
        return Endpoint(host(name), port(number) if number else 0)
    value = clean(text).strip()
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|sips?:(?!\d+$)", value)
    if scheme:
        raise ValueError(f"write HOST or HOST:PORT, without {scheme[0]}")
    named = re.fullmatch(r"(\[[^\]]*\]|[^:]*):([^:]*)", value)
    if named:
        return Endpoint(host(named[1]), port(named[2]))
    return Endpoint(host(value))


@dataclass(frozen=True)
class Bool:
    """Yes or no."""

    off = False

    def read(self, text: object) -> bool:
        """Return True or False for on/off, yes/no, true/false, 1/0."""
        word = str(text).strip().lower()
        if word in ("on", "yes", "true", "1"):
            return True
        if word in ("off", "no", "false", "0"):
            return False
        raise ValueError(f"{text!r} is neither on nor off")

    def say(self) -> str:
        """Return the type in words."""
        return "on or off"


@dataclass(frozen=True)
class Int:
    """A whole number within bounds."""

    least: int
    most: int

    @property
    def off(self) -> int | None:
        """The value that means nothing: 0, or None where the number has no such value and is left as it was."""
        return 0 if self.least <= 0 else None

    def read(self, text: object) -> int:
        """Return the number."""
        word = str(text).strip()
        if isinstance(text, bool) or not re.fullmatch(r"-?\d{1,9}", word, re.ASCII) or not self.least <= int(word) <= self.most:
            raise ValueError(f"{text!r} is not a whole number from {self.least} to {self.most}")
        return int(word)

    def say(self) -> str:
        """Return the type in words."""
        return f"{self.least} to {self.most}"


class Choice:
    """One word of a few."""

    off = ""

    def __init__(self, *words: str) -> None:
        """words: what may be said, spelled as it is kept."""
        self.words = words

    def read(self, text: object) -> str:
        """Return the word, case-blind."""
        for word in self.words:
            if word == str(text).strip().lower():
                return word
        raise ValueError(f"{text!r} is not one of {', '.join(self.words)}{nearest(str(text), self.words)}")

    def say(self) -> str:
        """Return the type in words."""
        return ", ".join(self.words)


@dataclass(frozen=True)
class Text:
    """Words, without control characters; `of` limits them to an alphabet."""

    most: int = 256
    of: str = ""
    off = ""

    def read(self, text: object) -> str:
        """Return the text unchanged."""
        value = clean(text, self.most)
        if self.of and set(value) - set(self.of):
            raise ValueError(f"{value!r} may only have the characters {self.of}")
        return value

    def say(self) -> str:
        """Return the type in words."""
        return f"text, at most {self.most} characters" + (f" of {self.of}" if self.of else "")


@dataclass(frozen=True)
class Password:
    """A secret; never trimmed, never re-cased, never shown."""

    of: str = ""
    most: int = 128
    off = ""

    def read(self, text: object) -> str:
        """Return the secret unchanged; the error never repeats it."""
        try:
            value = clean(text, self.most)
        except ValueError as why:
            raise ValueError(f"the secret {why}") from None
        if self.of and set(value) - set(self.of):
            raise ValueError(f"the secret may only have the characters {self.of}")
        return value

    def say(self) -> str:
        """Return the type in words."""
        return "a secret" + (f" of {self.of}" if self.of else "")


@dataclass(frozen=True)
class Host:
    """A host name or IP address."""

    off = ""

    def read(self, text: object) -> str:
        """Return the host; empty switches it off."""
        return host(text) if str(text).strip() else ""

    def say(self) -> str:
        """Return the type in words."""
        return "a host name or IP address"


@dataclass(frozen=True)
class Address(Host):
    """An IPv4 address, a netmask too."""

    def read(self, text: object) -> str:
        """Return the address; empty switches it off."""
        value = clean(text).strip()
        try:
            return str(ipaddress.IPv4Address(value)) if value else ""
        except ValueError:
            raise ValueError(f"{value!r} is not an IPv4 address; write it as 192.0.2.7") from None

    def say(self) -> str:
        """Return the type in words."""
        return "an IPv4 address"


@dataclass(frozen=True)
class Multicast:
    """A multicast group: an IPv4 multicast address and its port."""

    off = ""

    def read(self, text: object) -> str:
        """Return ADDRESS:PORT."""
        value = clean(text).strip()
        name, _, number = value.partition(":")
        try:
            if ipaddress.IPv4Address(name).is_multicast:
                return f"{ipaddress.IPv4Address(name)}:{port(number)}"
        except ValueError:
            pass
        raise ValueError(f"{value!r} is not a multicast address with its port; write it as 239.0.0.1:10000")

    def say(self) -> str:
        """Return the type in words."""
        return "a multicast ADDRESS:PORT"


@dataclass(frozen=True)
class HostPort:
    """A host with or without a port."""

    off = Endpoint("", 0)

    def read(self, text: object) -> Endpoint:
        """Return the endpoint; empty switches it off."""
        return endpoint(text) if text and str(text).strip() and text != ["", 0] else self.off

    def say(self) -> str:
        """Return the type in words."""
        return "HOST or HOST:PORT"


class Url:
    """An absolute URL of one of a few schemes."""

    off = ""

    def __init__(self, *schemes: str) -> None:
        """schemes: in lower case, the first is the one to suggest."""
        self.schemes = schemes

    def read(self, text: object) -> str:
        """Return the URL; no blanks, no user or password in it."""
        value = clean(text, 511).strip()
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as why:
            raise ValueError(f"{value!r} is not a URL ({why})") from None
        if parts.scheme.lower() not in self.schemes or not parts.hostname or re.search(r"[\s<>\"{}|\\^`]", value):
            raise ValueError(f"{value!r} is not a URL; write it as {self.schemes[0]}://host/path (schemes: {', '.join(self.schemes)})")
        if parts.username or parts.password:
            raise ValueError("a URL here holds no user and no password; they have settings of their own")
        host(parts.hostname)
        return value

    def say(self) -> str:
        """Return the type in words."""
        return f"a URL ({', '.join(self.schemes)})"


@dataclass(frozen=True)
class Zone:
    """A time zone by its IANA name."""

    off = "UTC"

    def read(self, text: object) -> str:
        """Return the name as IANA spells it."""
        name = str(text).strip()
        for known in (name, _zones().get(name.lower(), "")):
            if known in _zones().values():
                return known
        raise ValueError(f"{name!r} is not a time zone; write it as Europe/Lisbon{nearest(name, _zones().values())}")

    def say(self) -> str:
        """Return the type in words."""
        return "an IANA time zone"


_known_zones: dict[str, str] = {}


def _zones() -> dict[str, str]:
    if not _known_zones:
        _known_zones.update((name.lower(), name) for name in zoneinfo.available_timezones() if not name.startswith(("posix", "right")) and name not in ("Factory", "localtime"))
    return _known_zones


@dataclass(frozen=True)
class Language:
    """A language tag: language, then perhaps a script and a region (BCP 47)."""

    off = ""

    def read(self, text: object) -> str:
        """Return the tag in its usual case: pt-BR, zh-Hant."""
        parts = str(text).strip().replace("_", "-").split("-")
        if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-(?:[A-Za-z]{2}|\d{3}))?", "-".join(parts)):
            raise ValueError(f"{text!r} is not a language tag; write it as en, pt-BR or zh-Hant")
        return "-".join([parts[0].lower(), *(part.title() if len(part) == 4 else part.upper() for part in parts[1:])])

    def say(self) -> str:
        """Return the type in words."""
        return "a language tag (BCP 47)"


@dataclass(frozen=True)
class Country:
    """A country by its two letters (ISO 3166-1)."""

    off = ""

    def read(self, text: object) -> str:
        """Return the two letters in capitals."""
        word = str(text).strip().upper()
        if word in _countries():
            return word
        raise ValueError(f"{text!r} is not a country; write its two letters (ISO 3166), such as PT{_nearest_country(word)}")

    def say(self) -> str:
        """Return the type in words."""
        return "a country's two letters (ISO 3166)"


@functools.cache
def _countries() -> dict[str, str]:
    """Return country -> name, as tzdata's iso3166.tab has them: two letters, a tab, a name; # starts a comment."""
    table = importlib.resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    return dict(line.split("\t", 1) for line in table.splitlines() if line and not line.startswith("#"))


def _nearest_country(word: str) -> str:
    """Return `; did you mean XY?` for a country's name, another abbreviation of it (UK), or its letters turned round; or nothing.

    >>> _nearest_country("UK"), _nearest_country("PORTUGAL"), _nearest_country("XX")
    ('; did you mean GB?', '; did you mean PT?', '')
    """
    if word[::-1] in _countries() and len(word) == 2 and not any(f"({word})" in name for name in _countries().values()):
        return f"; did you mean {word[::-1]}?"
    names = sorted(((name.upper(), code) for code, name in _countries().items()), key=lambda row: len(row[0]))
    for name, code in names:
        if word in re.findall(r"\w+", name):
            return f"; did you mean {code}?"
    close = difflib.get_close_matches(word, [name for name, _ in names], n=1, cutoff=0.7)
    return f"; did you mean {dict(names)[close[0]]}?" if close else ""


@dataclass(frozen=True)
class Dial:
    """One pattern of a dial plan: digits, * # +, x any digit, [..] a choice, a final x+ for one or more."""

    off = ""

    def read(self, text: object) -> str:
        """Return the pattern."""
        word = str(text).strip()
        if not re.fullmatch(r"\+?(?:[0-9*#x]|\[[0-9]+(?:-[0-9])?[0-9]*\])*(?:x\+)?", word) or not word.strip("+"):
            raise ValueError(f"{text!r} is not a dial pattern; write digits, x for any digit, [1-9] for a choice, and x+ at its end for one or more")
        return word

    def say(self) -> str:
        """Return the type in words."""
        return "a dial pattern"


class Many:
    """Several values of one type, in order, none twice."""

    off: tuple[Any, ...] = ()

    def __init__(self, each: Kind, most: int = 16) -> None:
        """each: the type of one; most: how many there may be."""
        self.each, self.most = each, most

    def read(self, text: object) -> tuple[Any, ...]:
        """Return the values of a list, or of text with commas or blanks between them."""
        parts: Iterable[object] = re.split(r"[,\s]+", text.strip()) if isinstance(text, str) else text  # type: ignore[assignment]
        values = tuple(dict.fromkeys(self.each.read(part) for part in parts if part != ""))
        if len(values) > self.most:
            raise ValueError(f"has {len(values)} entries; the most is {self.most}")
        return values

    def say(self) -> str:
        """Return the type in words."""
        return f"a list, each {self.each.say()}"


Reader = Callable[[object], Any]
