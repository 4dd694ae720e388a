"""What fields are called: the labels of labels.tsv, found in the words of a mail."""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

_WORD = re.compile(r"[A-ZÀ-ÖØ-Þ]+(?![a-zà-öø-ÿ])|[A-ZÀ-ÖØ-Þ]?[a-zà-öø-ÿ]+|\d+|[^\W\d_]+")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")

# Where a label has words of several kinds and nothing between them, the first of these is meant.
_RANK = (
    "ignored", "password", "timezone", "email", "outbound_proxy_port", "registrar_port", "xcap_root", "outbound_proxy", "auth_username", "port", "transport",
    "voicemail", "display_name", "username", "extension", "sip_address", "domain", "registrar", "proxy", "realm", "number", "name", "address",
)  # fmt: skip
# Of these two, where a label names both for one value: `Registrar / Outbound proxy`.
_BOTH = ({"username", "auth_username"}, {"registrar", "outbound_proxy"}, {"domain", "outbound_proxy"})


@dataclass(frozen=True)
class Word:
    """A word of a text, folded, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Label:
    """What a label says.

    kinds:  of the table, mostly one.
    sip, web: words around it say that it is of the phone's account, or of something else.
    loose:  how many of its words nobody knows.
    number: 1 for `Line 1`, 0 where it has none.
    """

    kinds: tuple[str, ...]
    sip: bool = False
    web: bool = False
    loose: int = 0
    number: int = 0


@dataclass(frozen=True)
class Found:
    """A label in running text, from start to end; run: it begins where the word before it has not ended."""

    label: Label
    start: int
    end: int
    run: bool


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return text without case and accents.

    >>> fold("Endereço")
    'endereco'
    """
    return "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))


def words(text: str) -> list[Word]:
    """Return the words of a text; a capital within one begins another."""
    return [Word(fold(match[0]), match.start(), match.end()) for match in _WORD.finditer(text)]


def phrase(text: str) -> str:
    """Return a text as the table has it: folded words with blanks between them."""
    return " ".join(word.text for word in words(text))


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return kind -> phrase -> its words."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in importlib.resources.files(__package__).joinpath("labels.tsv").read_text("utf-8").splitlines():
        if row and not row.startswith("#"):
            kind, _, labels = row.split("\t")
            for label in labels.split("|"):
                said = tuple(word.text for word in words(label.lower()))
                found.setdefault(kind, {})[" ".join(said)] = said
    return found


@lru_cache(maxsize=1)
def _by_first() -> dict[str, list[tuple[tuple[str, ...], str]]]:
    """Return first word -> (words, kind) of every label, the longest first; of equals the kind that ranks higher."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for kind in reversed(_RANK):
        for said in table()[kind].values():
            found.setdefault(said[0], []).append((said, kind))
    for entries in found.values():
        entries.sort(key=lambda entry: (-len(entry[0]), entry[1] == "ignored", -_RANK.index(entry[1])))
    return found


def is_one_of(group: str, text: str) -> bool:
    """Return True where the whole text is a phrase of an @ group."""
    return phrase(text) in table()[group]


def has_one_of(group: str, text: str) -> bool:
    """Return True where a phrase of an @ group is in the text."""
    return bool(_in(group, [word.text for word in words(text)]))


@lru_cache(maxsize=8)
def _longest(group: str) -> int:
    return max(map(len, table()[group].values()))


def _in(group: str, said: list[str]) -> set[int]:
    """Return the places of words that are in a phrase of an @ group."""
    phrases, most = table()[group], _longest(group)
    places: set[int] = set()
    for start in range(len(said)):
        for length in range(min(most, len(said) - start), 0, -1):
            if " ".join(said[start : start + length]) in phrases:
                places |= set(range(start, start + length))
                break
    return places


def _spelt(group: str) -> list[str]:
    """Return the phrases of an @ group as patterns, letter by letter as the table spells them, the longest first."""
    rows = importlib.resources.files(__package__).joinpath("labels.tsv").read_text("utf-8").splitlines()
    texts = sorted((text for row in rows if row.startswith(f"{group}\t") for text in row.split("\t")[2].split("|")), key=len, reverse=True)
    return [re.escape(text).replace(r"\ ", r"\s*") for text in texts]


@lru_cache(maxsize=1)
def example() -> re.Pattern[str]:
    """Return the pattern of what introduces an example: `por ex.`, `e.g.`, with the marks around it."""
    return re.compile(r"\s*[,(]?\s*(?<![\w.@-])(?:" + "|".join(_spelt("@example")) + r")(?![^\W\d_])[\s:,]*", re.IGNORECASE)


@lru_cache(maxsize=1)
def verb() -> re.Pattern[str]:
    """Return the pattern of `is` in many languages, between a label and its value."""
    return re.compile(r"\s+(?:" + "|".join(_spelt("@is")) + r")\b\s*(?::\s*|\s)", re.IGNORECASE)


def _matches(said: list[str], breaks: frozenset[int] = frozenset()) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, kind) of labels among words, from the left, the longest at each place; none goes over a break, which stands before that word."""
    place = 0
    while place < len(said):
        for one, kind in _by_first().get(said[place], ()):
            if tuple(said[place : place + len(one)]) == one and breaks.isdisjoint(range(place + 1, place + len(one))):
                yield place, place + len(one), kind
                place += len(one) - 1
                break
        place += 1


@lru_cache(maxsize=4096)
def classify(text: str) -> Label | None:
    """Return what a label says that stands alone, or None where it is none; a label has at most 10 words.

    >>> classify("Ihr SIP-Passwort").kinds, classify("Passwort für das Kundencenter").web
    (('password',), True)
    """
    if len(text) > 120:
        return None
    aside = " ".join(_ASIDE.findall(text))
    bare = example().split(_ASIDE.sub(" ", text))[0]
    said = [word.text for word in words(bare)]
    if not said or len(said) > 10:
        return None
    matches = list(_matches(said))
    bared = [word for word in said if word not in ("sip", "voip")]
    if bared != said and bared:  # `SIP User ID` is a `User ID`, which is longer than `SIP User`
        again = list(_matches(bared))
        if sum(end - start for start, end, _ in again) + len(said) - len(bared) > sum(end - start for start, end, _ in matches):
            inner = classify(" ".join(bared))
            return replace(inner, sip=True) if inner else None
    if not matches:
        return None
    whole = len(matches) == 1 and matches[0][1] - matches[0][0] == len(said)
    short = {"ignored"} if not whole else set()  # one word of little meaning counts only alone
    if not whole and all(kind == "ignored" and end - start == 1 and len(said[start]) < 4 for start, end, kind in matches):
        return None
    kinds = {kind for start, end, kind in matches if kind not in short or end - start > 1} or {"ignored"}
    parted = bool(re.search(r"[/,&+|]|\b(?:and|und|et|e|y|ou|or|oder|o)\b", bare))
    chosen = _chosen(kinds, parted)
    if chosen == ("ignored",) and not whole and not any(kind == "ignored" and end - start > 1 for start, end, kind in matches) and len(said) > 4:
        return None
    used = {place for start, end, kind in matches if kind in chosen for place in range(start, end)}
    rest = [place for place in range(len(said)) if place not in used]
    sip, web, neutral = (_in(group, said) for group in ("@sip", "@web", "@neutral"))
    labels = {place for start, end, _ in matches for place in range(start, end)}
    digits = [int(said[place]) for place in rest if said[place].isdecimal() and len(said[place]) < 3 and said[place][0] != "0"]
    near = [word.text for word in words(aside)]
    own = {"sip", "voip"} & set(said)
    is_sip = bool(own or sip & set(rest) or {"sip", "voip"} & set(near))
    is_web = bool(web & set(rest) or (_in("@web", near) and not own))
    if chosen in (("voicemail",), ("email",), ("name",)):
        is_web = False
    loose = sum(1 for place in rest if place not in sip | web | neutral | labels and not said[place].isdecimal())
    return Label(chosen, is_sip, is_web and not (own and not web & set(rest)), loose, digits[0] if digits else 0)


def _chosen(kinds: set[str], parted: bool) -> tuple[str, ...]:
    if "port" in kinds and not parted and "password" not in kinds:
        if kinds & {"outbound_proxy", "proxy"}:
            return ("outbound_proxy_port",)
        if kinds & {"registrar", "domain"}:
            return ("registrar_port",)
    if "ignored" in kinds:
        return ("ignored",)
    if parted:
        for pair in _BOTH:
            if pair <= kinds:
                return tuple(sorted(pair))
        if "password" in kinds and kinds - {"password"}:
            return ("ignored",)  # `User / Password: 212 / s3cret` is asked, not cut apart
    return (min(kinds, key=_RANK.index),)


def _begins_run(text: str, said: list[Word], first: int) -> bool:
    """Return True where a word, or the `Your` before it, begins with a capital right behind a value."""
    while first and (said[first - 1].text in table()["@neutral"] or said[first - 1].text in ("sip", "voip")) and text[said[first - 1].end : said[first].start] == " ":
        first -= 1
    here = said[first].start
    return bool(here and text[here].isupper() and not text[here - 1].isspace())


def _parted(text: str, said: list[Word]) -> list[Word]:
    """Return words in which `Senhaab3` is `Senha` and `ab3`: where text runs together, a secret may begin with a small letter."""
    found: list[Word] = []
    for place, word in enumerate(said):
        found.append(word)
        if len(word.text) != word.end - word.start:
            continue
        for phrase in table()["password"].values():
            first = place - len(phrase) + 1
            glued = word.text.startswith(phrase[-1]) and word.text != phrase[-1] and len(phrase[-1]) > 4
            if glued and first >= 0 and tuple(one.text for one in said[first:place]) == phrase[:-1] and _begins_run(text, said, first):
                cut = word.start + len(phrase[-1])
                found[-1:] = [Word(phrase[-1], word.start, cut), Word(word.text[len(phrase[-1]) :], cut, word.end)]
                break
    return found


def _breaks(text: str, before: Word, word: Word, run: bool) -> bool:
    """Return True where no label goes over what stands between two words; in text that runs together, a capital right behind a value begins another."""
    between = text[before.end : word.start]
    return bool(re.search(r"[:=@()]", between)) or (run and between in ("", "/") and text[before.end - 1].islower() and text[word.start].isupper())


def scan(text: str, run: bool) -> Iterator[Found]:
    """Yield the labels in running text, from the left; with the words before them that belong to them.

    run: a label may begin with a capital right behind a value, `…example.comPassword`.
    """
    said = _parted(text, words(text)) if run else words(text)
    folded = [word.text for word in said]
    around = _in("@sip", folded) | _in("@web", folded) | _in("@neutral", folded)
    breaks = frozenset(place for place in range(1, len(said)) if _breaks(text, said[place - 1], said[place], run))
    least = 0
    for first, last, _ in _matches(folded, breaks):
        start = first
        while start > least and start - 1 in around and re.fullmatch(r"[\s_-]", text[said[start - 1].end : said[start].start]):
            start -= 1
        here, end = said[start].start, said[last - 1].end
        before = text[here - 1] if here else ""
        grown = bool(before) and before.isalnum()
        if (grown or before in "/.@-_:") and before != "" and not (run and text[here].isupper() and (grown or before == "/")):
            start = first  # what stands before it is part of a value
            here = said[start].start
            before = text[here - 1] if here else ""
            grown = bool(before) and before.isalnum()
        if run and here > 4 and (glued := re.search(r"(?:SIP|VoIP)[ -]$", text[here - 5 : here])):
            here -= len(glued[0])  # `…qZSIP-Benutzername`
            before, grown = text[here - 1], text[here - 1].isalnum()
        whose = re.compile(r"[ \xa0](?:SIP|VoIP)" if run else r"[ \xa0](?:SIP|VoIP)\b").match(text, end)  # `Mot de passe SIP`
        end = whose.end() if whose else end
        if end < len(text) and text[end].isalnum() and not run:
            continue
        if before and not (run and text[here].isupper()) and (before in "@._%+&=#~" or (before in "/-" and here > 1 and not text[here - 2].isspace())):
            continue
        if grown and not (run and text[here].isupper()):
            continue
        label = classify(text[here:end])
        if label:
            yield Found(label, here, end, bool(before) and not before.isspace() and before not in ",;|(•·\x02")
            least = last
