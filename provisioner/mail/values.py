"""What stands behind a label, read as the fact that it shall be; where that cannot be done without guessing, it is said to be unsure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provisioner import kinds, things
from provisioner.mail import labels
from provisioner.mail.pairs import Pair

SURE, LIKELY, UNSURE = "sure", "likely", "unsure"

_WRAPS = {'"': '"', "'": "'", "„": "“", "“": "”", "”": "”", "«": "»", "‹": "›", "<": ">", "[": "]", "*": "*", "`": "`", "_": "_", "‘": "’", "‚": "‘", "»": "«"}
_TYPOGRAPHIC = frozenset("„“”«»‹›‘‚`")
_HIDDEN = re.compile(r"[\[<({]\s*e-?mail[\s\xa0]*[^\]>)}@]{0,24}[\]>)}]|\s(?:\(at\)|\[at\]|\{at\}|AT)\s|\((?:at|arroba)\)|\[(?:at|arroba)\]", re.IGNORECASE)
_MASK = re.compile(r"[*•●∙·xX#.…_\-–—?]{3,}|-|–|—")
_TEMPLATE = re.compile(r"[<\[{(%$]+\s*([^\W\d_][^<>\[\](){}%$]*)[>\]})%$]+|[<\[{(]\s*[.…]*\s*[>\]})]|\$?[A-Z]+(?:_[A-Z]+)+")
_URL = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:sips?:)?([^\s@<>\"':;,()\[\]]+)@(\[[0-9A-Fa-f:.]+\]|[\w.-]+)", re.IGNORECASE)
_HOST = re.compile(r"(?:(sips?):)?(?://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[\w.-]*\w)?)\.?(?::(\d{1,5})(?!\d))?((?:;[\w-]+(?:=[\w.-]+)?)*)", re.IGNORECASE)
_TRANSPORTS = re.compile(r"(?<![a-z])(udp|tcp|tls|sips|dtls)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """A value that was read. more: other facts that it says, such as the port behind a host; why: a clause where it is unsure or missing (value None)."""

    value: str | int | None = field(repr=False)
    confidence: str = LIKELY
    why: str = ""
    more: dict[str, str | int] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Layout:
    """How a mail writes its values, so that a blank or a quote of that habit is known from one of the value's own."""

    wraps: Counter[str]
    leads: Counter[int]
    columns: Counter[int]
    trailing: int
    bare: int

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Layout:
        """Return the habits of a mail."""
        others = [pair for pair in pairs if "password" not in pair.label.kinds]
        written = [pair for pair in others if pair.style in ("mark", "line") and not pair.html]
        return cls(
            Counter(pair.value.strip()[0] for pair in others if _wrapped(pair.value.strip())),
            Counter(pair.lead for pair in written),
            Counter(pair.place[1] for pair in written),
            sum(pair.value != pair.value.rstrip() for pair in written),
            sum(pair.style == "bare" for pair in others),
        )


def read(kind: str, pair: Pair, layout: Layout) -> Reading | None:
    """Return what a pair says of a fact, or None where it says that there is none."""
    text = pair.value.strip()
    if not text or (kind != "password" and labels.is_one_of("@none", text)):
        return None
    if _HIDDEN.search(text):
        return Reading(None, UNSURE, "it is hidden in the mail")
    if _MASK.fullmatch(text):
        return Reading(None, UNSURE, "it is masked in the mail") if len(text) > 2 else None
    if _is_template(text):
        return Reading(None, UNSURE, "the mail has a placeholder in its place")
    found = _READERS[kind](pair, text, layout)
    if found and found.confidence != UNSURE and "\ufffd" in text:
        return Reading(found.value, UNSURE, "it has a character that the mail's charset does not know")
    return found


def _is_template(text: str) -> bool:
    match = _TEMPLATE.fullmatch(text)
    if not match or text.startswith("[") and text.endswith("]") and ":" in text:
        return False
    inner = match[1]
    if inner is None:
        return True
    said = [word.text for word in labels.words(inner)]
    if re.search(r"\w[.@:]\w", inner):
        return False
    return " " in inner.strip() or labels.classify(inner) is not None or labels.has_one_of("@neutral", inner) and len(said) > 1 or text[0] in "%$" or "{{" in text


def _wrapped(text: str) -> bool:
    return len(text) > 2 and _WRAPS.get(text[0]) == text[-1]


def _bare(text: str) -> str:
    """Return a value that is no secret without quotes, brackets and what ends a sentence."""
    text = text.strip().rstrip(",;")
    if text[-1:] == "." and _wrapped(text[:-1]):
        text = text[:-1]
    while _wrapped(text):
        text = text[1:-1].strip()
    return text


# The secret


def _password(pair: Pair, text: str, layout: Layout) -> Reading | None:
    value = pair.value
    if labels.is_one_of("@none", text) or (pair.style != "cell" and _is_prose(text)):
        return Reading(None, UNSURE, "the mail does not say it")
    if _URL.match(text):
        return Reading(None, UNSURE, "the mail has a link in its place")
    if len(text) > 128:
        return Reading(None, UNSURE, "what stands there is too long for one")
    quoted = re.fullmatch(r"(?:«[\s\xa0]*([^\s«»]+)[\s\xa0]*»|„([^\s„“”]+)[“”]|“([^\s“”]+)”|‹\s*([^\s‹›]+)\s*›)[.,;]?", text)
    if quoted and not pair.bounded:
        return Reading(next(group for group in quoted.groups() if group), LIKELY)
    doubts = []
    tail = re.fullmatch(r"(\S+)\s+(?:\(.*|[-–—←]\s.*|<-.*)", text)
    sentence = pair.style == "verb" and not pair.bounded
    if tail and not pair.bounded:
        value = text = tail[1]
        doubts.append("a remark may stand behind it")
    elif sentence and re.search(r"\s", text.strip()):
        value = text = text.split()[0]
        doubts.append("a sentence goes on behind it")
    elif re.search(r"\s", text):
        doubts.append("it has a blank in it")
    elif value != text and not (layout.trailing and not pair.html):
        doubts.append("a blank stands at its end")
    else:
        value = text
    if sentence and re.fullmatch(r"[^\W\d_]+[.,;:!?]*", text) and text[1:].islower():
        return Reading(None, UNSURE, "the mail does not say it")
    if pair.lead > 1 and not (layout.leads[pair.lead] or layout.columns[pair.place[1]]) and not pair.bounded and not pair.html:
        value = " " * (pair.lead - 1) + value
        doubts.append("blanks stand before it")
    if _wrapped(text):
        if (text[0] in _TYPOGRAPHIC or layout.wraps[text[0]]) and not {text[0], text[-1]} & set(text[1:-1]):
            value = text[1:-1]
        elif not pair.bounded:
            doubts.append("quotes or brackets around it may be its own")
    elif not pair.bounded and (text[-1] in ".,;:)]>»“”\"'" or (sentence and text[-1] in "!?")):
        doubts.append("the mark at its end may belong to it or to the sentence")
    if pair.style == "bare" and not (layout.bare > 1 and re.search(r"\d", text)) and layout.columns[pair.place[1]] < 2:
        doubts.append("it stands behind its label without a mark between")
    if pair.example:
        doubts.append("the mail calls it an example")
    if pair.label.loose:
        doubts.append("its label has words that nobody here knows")
    return Reading(value, UNSURE if doubts else LIKELY, "; ".join(doubts))


def _is_prose(text: str) -> bool:
    """Return True for several words without a digit or sign among them, which are a sentence and no secret."""
    said = text.split()
    plain = [word for word in said if re.fullmatch(r"[^\W\d_]+[.,;:!?]?|[(–—-]+|\S*[^\W\d_]\)[.]?|\([^\W\d_]+", word)]
    return len(said) > 2 and len(plain) >= len(said) - 1 and plain[:1] == said[:1] or len(said) == 2 and len(plain) == 2 and all(word[1:].rstrip(".,;:").islower() for word in said)


# Names


def _is_user(text: str) -> bool:
    try:
        things.sip_address(f"{text}@example.com")
    except ValueError:
        return False
    return True


def _username(pair: Pair, text: str, layout: Layout) -> Reading | None:
    bare = _bare(text)
    if _URL.match(bare) or bare.lower().startswith("www."):
        return Reading(None, UNSURE, "link")
    mailbox = _ADDRESS.match(bare)
    if mailbox:
        return Reading(mailbox[1], LIKELY, "", {"address": f"{mailbox[1]}@{mailbox[2].rstrip('.')}"})
    if re.fullmatch(r"\+?[\d\s()/.-]{5,}", bare) and re.search(r"\d[\s()/.-]+\d", bare):
        return Reading(bare, UNSURE, "it is written as people write a telephone number")
    parts = bare.split()
    value = _bare(parts[0]).rstrip(".!?") if parts else ""
    rest = bare[len(parts[0]) :].strip() if parts else ""
    if pair.style == "verb" and not pair.bounded and rest and not re.search(r"\d", value):
        return Reading(None, UNSURE, "the mail does not say it")  # `Your account is ready. Here are…`
    if not value or not _is_user(value):
        return Reading(bare, UNSURE, "it has characters that a SIP user cannot have")
    if rest and not re.fullmatch(r"\(.*\)\.?|[-–—]\s.*", rest):
        if _is_prose(bare) or not re.search(r"\d", value):
            return Reading(None, UNSURE, "the mail does not say it") if pair.style in ("verb", "bare") or _is_prose(bare) else Reading(bare, UNSURE, "it has a blank in it")
        return Reading(value, LIKELY if pair.style == "verb" else UNSURE, "" if pair.style == "verb" else "more words stand behind it")
    if pair.style in ("verb", "bare") and not pair.bounded and value.isalpha() and (value.islower() or len(value) < 3) and (pair.style == "bare" or labels.has_one_of("@neutral", value) or labels.has_one_of("@no", value)):
        return Reading(value, UNSURE, "it may be a word of a sentence")
    if labels.classify(value) and value.isalpha():
        return Reading(value, UNSURE, "it may be a label")
    if "." in value and re.fullmatch(r"(?:[a-z0-9-]+\.){1,}[a-z]{2,}", value) and value.split(".")[0] in ("sip", "voip", "pbx", "www", "proxy", "registrar"):
        return Reading(value, UNSURE, "it looks like a host")
    return Reading(value, LIKELY if not pair.label.loose else UNSURE, "" if not pair.label.loose else "its label has words that nobody here knows")


def _auth_username(pair: Pair, text: str, layout: Layout) -> Reading | None:
    bare = _bare(text)
    whole = re.fullmatch(r"(?:sips?:)?([^\s@<>\"']+@[\w.-]*\w)\.?(?:\s+\(.*)?", bare)
    if whole:
        return Reading(whole[1], LIKELY)
    found = _username(pair, text, layout)
    return None if found and found.value is None and found.why != "link" else found


def _sip_address(pair: Pair, text: str, layout: Layout) -> Reading | None:
    text = _bare(text) if text[0] in "`*_" else text
    found = list(_ADDRESS.finditer(text))
    if not found:
        return Reading(None, UNSURE, "what stands there is no SIP address")
    first = found[0]
    try:
        value = things.sip_address(f"{first[1]}@{first[2].rstrip('.')}")
    except ValueError:
        return Reading(None, UNSURE, "what stands there is no SIP address")
    others = {one[0].lower().removeprefix("sip:").removeprefix("sips:").rstrip(".") for one in found} - {value.lower()}
    more: dict[str, str | int] = {}
    transport = re.match(r"(?::\d+)?[;?&]transport=(\w+)", text[first.end() :], re.IGNORECASE)
    if transport and transport[1].lower() in things.TRANSPORTS:
        more["transport"] = transport[1].lower()
    elif re.match(r"sips:", first[0], re.IGNORECASE):
        more["transport"] = "tls"
    if others:
        return Reading(value, UNSURE, "several addresses stand there", more)
    return Reading(value, SURE, "", more)


def _address(pair: Pair, text: str, layout: Layout) -> Reading | None:
    """Return the SIP address or host under a label that says `Address` alone, as far as what stands above calls it one."""
    if not _ADDRESS.fullmatch(_bare(text)) or pair.side != "sip":
        return None
    return _sip_address(pair, text, layout)


# Places


def _host(pair: Pair, text: str, layout: Layout) -> Reading | None:
    bare = _bare(re.sub(r"^[`\"'<*«“„]+([^`\"'>*»“”]+)[`\"'>*»“”]+(?=[\s(,])", r"\1", text))
    match = _HOST.match(bare)
    if not match or "@" in bare[: match.end() + 1] or _URL.match(bare):
        return Reading(None, UNSURE, "what stands there is no host")
    name = match[2]
    try:
        value = kinds.host(name)
    except ValueError:
        return Reading(None, UNSURE, "what stands there is no host")
    rest = bare[match.end() :]
    if rest[:1] and not re.match(r"[\s,;.()/|–—!\"'>\]]", rest):
        return Reading(None, UNSURE, "what stands there is no host")
    if "." not in value and ":" not in value:
        return Reading(value, UNSURE, "it is a host without a domain") if not rest.strip(" .") else Reading(None, UNSURE, "what stands there is no host")
    more: dict[str, str | int] = {}
    port = match[3] or _port_in(rest)
    if port and 1 <= int(port) <= 65535:
        more["port"] = int(port)
    said = {word.lower() for word in _TRANSPORTS.findall(match[4] + " " + rest)}
    if len(said) == 1 and said <= set(things.TRANSPORTS):
        more["transport"] = said.pop()
    elif (match[1] or "").lower() == "sips":
        more["transport"] = "tls"
    others = {one.lower() for one in re.findall(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?![\w-])|(?<!\d)(?:\d{1,3}\.){3}\d{1,3}(?!\d)", rest, re.IGNORECASE)} - {value}
    if others:
        return Reading(value, UNSURE, "several hosts stand there", more)
    if match[3] and not 1 <= int(match[3]) <= 65535:
        return Reading(value, UNSURE, "its port cannot be")
    return Reading(value, SURE if not rest.strip(" .") else LIKELY, "", more)


def _realm(pair: Pair, text: str, layout: Layout) -> Reading | None:
    bare = _bare(text)
    return Reading(bare, LIKELY) if len(bare) <= 128 and not re.search(r"\s", bare) else None


def _port_in(rest: str) -> str:
    found = re.findall(r"(?:port\w*|porta|puerto|poort)\W{0,3}(\d{2,5})(?!\d)", rest, re.IGNORECASE)
    return found[0] if len(set(found)) == 1 else ""


def _port(pair: Pair, text: str, layout: Layout) -> Reading | None:
    numbers = re.findall(r"(?<![\d.])\d{2,5}(?![\d.]\d|\d)", text)
    if len(set(numbers)) != 1 or not 1 <= int(numbers[0]) <= 65535:
        return Reading(None, UNSURE, "what stands there is not one port")
    said = {word.lower() for word in _TRANSPORTS.findall(text)}
    return Reading(int(numbers[0]), SURE, "", {"transport": said.pop()} if len(said) == 1 and said <= set(things.TRANSPORTS) else {})


def _transport(pair: Pair, text: str, layout: Layout) -> Reading | None:
    said = {word.lower().replace("sips", "tls") for word in _TRANSPORTS.findall(text)}
    if len(said) == 1 and said <= set(things.TRANSPORTS):
        negated = labels.has_one_of("@no", text)
        return Reading(said.pop(), UNSURE if negated else SURE, "the mail says it with a no" if negated else "")
    if not said and re.search(r"auto|naptr", text, re.IGNORECASE):
        return Reading("auto", LIKELY)
    return None  # several may be used, so it stays automatic


def _xcap_root(pair: Pair, text: str, layout: Layout) -> Reading | None:
    found = _URL.findall(text)
    if not found:
        return Reading(None, UNSURE, "what stands there is no URL")
    value = re.sub(r"[.,;:!)\]»”]+$", "", found[0])
    try:
        kinds.Url("https", "http").read(value)
    except ValueError:
        return Reading(None, UNSURE, "what stands there is no URL")
    several = len({one.rstrip(".,;:/") for one in found}) > 1
    return Reading(value, UNSURE if several else SURE, "several URLs stand there" if several else "")


# The rest


def _display_name(pair: Pair, text: str, layout: Layout) -> Reading | None:
    bare = _bare(text)
    if _URL.search(bare) or "@" in bare or len(bare) > 64 or not re.search(r"\w", bare):
        return None
    if pair.style == "run" and re.search(r"[^\W\d_](?<![A-ZÀ-ÖØ-Þ])[A-ZÀ-ÖØ-Þ]", bare):
        return Reading(bare, UNSURE, "another word may have run into it")
    return Reading(bare, LIKELY)


def _voicemail(pair: Pair, text: str, layout: Layout) -> Reading | None:
    text = re.split(r"\bpin\b", text, maxsplit=1, flags=re.IGNORECASE)[0]
    address = _ADDRESS.search(text)
    if address and address[0].lower().startswith("sip"):
        return Reading(address[0].rstrip("."), LIKELY)
    found = re.findall(r"(?<![\w.@+*#])[*#+]*\d[\d*#]*(?![\w@])", text)
    if not found:
        return None
    return Reading(found[0], LIKELY if len(set(found)) == 1 else UNSURE, "" if len(set(found)) == 1 else "several numbers stand there")


def _email(pair: Pair, text: str, layout: Layout) -> Reading | None:
    found = re.findall(r"[^\s@<>\"':;,()\[\]]+@[\w.-]*\w", text)
    if len(set(found)) != 1 or labels.is_one_of("@support", found[0].partition("@")[0]):
        return None
    return Reading(found[0], LIKELY)


def _timezone(pair: Pair, text: str, layout: Layout) -> Reading | None:
    for name in (_bare(text), *re.findall(r"[A-Za-z]+(?:/[A-Za-z_+-]+)+", text)):
        try:
            return Reading(kinds.Zone().read(name), SURE)
        except ValueError:
            continue
    return Reading(None, UNSURE, "what stands there is no IANA name")


_READERS: dict[str, Callable[[Pair, str, Layout], Reading | None]] = {
    "sip_address": _sip_address,
    "address": _address,
    "username": _username,
    "extension": _username,
    "number": _username,
    "auth_username": _auth_username,
    "password": _password,
    "domain": _host,
    "registrar": _host,
    "proxy": _host,
    "realm": _realm,
    "outbound_proxy": _host,
    "outbound_proxy_port": _port,
    "registrar_port": _port,
    "port": _port,
    "transport": _transport,
    "xcap_root": _xcap_root,
    "display_name": _display_name,
    "name": _display_name,
    "voicemail": _voicemail,
    "email": _email,
    "timezone": _timezone,
}
