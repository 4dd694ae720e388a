"""The accounts that a mail tells of: each fact with how sure it is and the words that it came from, and what is to be asked.

    sure      read under a label of its own, written as such a fact is
    likely    read, derived from another fact, or told by the words around it
    unsure    two things could be meant; it is in `ask`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from provisioner.mail import labels, message, pairs
from provisioner.mail.message import Line, Version
from provisioner.mail.pairs import Pair
from provisioner.mail.values import LIKELY, SURE, UNSURE, Layout, Reading
from provisioner.mail.values import read as read_value

NAMES = (
    "sip_address", "username", "auth_username", "password", "domain", "outbound_proxy", "outbound_proxy_port", "transport",
    "xcap_root", "display_name", "voicemail", "email", "timezone",
)  # fmt: skip
MOST_ACCOUNTS = 200

_WHO = ("sip_address", "username", "auth_username", "extension", "password")
_HOSTS = ("domain", "registrar", "proxy", "outbound_proxy")
_EVIDENT = ("realm", "outbound_proxy", "xcap_root", "auth_username")  # what only an account of a phone has
_SIGNED = frozenset(("email", "number", "name", "extension", "voicemail", "registrar"))
_FORWARDED = re.compile(r"forwarded|weitergeleitet|encaminhad|reenviad|transf[ée]r|inoltrat|original|ursprüngliche|wrote:|schrieb|escreveu|escribió|a écrit|ha scritto", re.IGNORECASE)


@dataclass(frozen=True)
class Fact:
    """One fact: its value, how sure it is, and the words that it came from."""

    value: str | int = field(repr=False)
    confidence: str
    words: str = field(repr=False)


@dataclass(frozen=True)
class Account:
    """What a mail says of one account.

    facts: by the names in NAMES. also: `registrar` and `realm`, where the mail names one beside the domain.
    ask:   what to ask, each with a clause that says why, never with a value.
    """

    facts: dict[str, Fact]
    ask: dict[str, str] = field(default_factory=dict)
    also: dict[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True)
class Mail:
    """What a mail says: its accounts, and sentences on what was left out of them."""

    accounts: tuple[Account, ...] = ()
    notes: tuple[str, ...] = ()


def read(raw: bytes) -> Mail:
    """Return the accounts that a mail tells of, none where it tells of none.

    Raises BadInput where the bytes are too many, or cannot be read as a mail.
    """
    found = [_version(version) for version in message.versions(raw)]
    best = max(found, key=_score)
    for other in found:
        if other is not best and len(other.accounts) == len(best.accounts):
            best = replace(best, accounts=tuple(map(_agreed, best.accounts, other.accounts)))
    return best


def _score(mail: Mail) -> tuple[int, int]:
    known = [fact for account in mail.accounts for fact in account.facts.values() if fact.confidence != UNSURE]
    return len(known), -sum(len(account.ask) for account in mail.accounts)


def _agreed(one: Account, other: Account) -> Account:
    """Return an account as text and HTML of the same mail say it; where they differ it is asked."""
    facts, ask = dict(one.facts), dict(one.ask)
    for name, theirs in other.facts.items():
        ours = facts.get(name)
        if ours is None or (ours.confidence == UNSURE and theirs.confidence != UNSURE and str(ours.value).strip(" *_\"'.<>") == str(theirs.value).strip(" *_\"'.<>")):
            facts[name] = theirs
            ask.pop(name, None)
            if theirs.confidence == UNSURE:
                ask[name] = other.ask[name]
        elif ours.value != theirs.value and UNSURE not in (ours.confidence, theirs.confidence):
            facts[name] = replace(ours, confidence=UNSURE)
            ask[name] = "text and HTML of the mail say it differently"
    return Account(facts, ask, {**other.also, **one.also})


# One version


@dataclass(frozen=True)
class _Said:
    """A pair read as one kind of fact. own: it is of the phone's account, and not only maybe."""

    kind: str
    pair: Pair
    reading: Reading
    own: bool = True


def _version(version: Version) -> Mail:
    notes = [f"the attachment {name!r} was not read; save it as text, and give that" for name in version.unread]
    signed = _signed(version.lines)
    found = [pair for pair in pairs.find(version.lines) if not (pair.place[0] in signed and _SIGNED & set(pair.label.kinds) and not pair.label.sip)]
    found = [pair for place, pair in enumerate(found) if not _of_other_server(found[place - 1] if place else None, pair)]
    text = "\n".join(line.text for line in version.lines)
    layout = Layout.of(found)
    said = list(_own(_read(found, layout), found))
    records, left = _records(said)
    evidence = labels.has_one_of("@evidence", text) or any(one.kind in _EVIDENT and one.reading.value is not None for one in said)
    accounts = [account for record in records[:MOST_ACCOUNTS] if (account := _account(record, evidence))]
    if left and accounts:
        notes.append("the mail has another user name and password, which it does not call those of a phone; they were left out")
    if len(records) > MOST_ACCOUNTS:
        notes.append(f"the mail has more than {MOST_ACCOUNTS} accounts; the rest was left out")
    return Mail(tuple(accounts), tuple(notes))


def _of_other_server(before: Pair | None, pair: Pair) -> bool:
    """Return True for a port under a server that is none of an account's, such as STUN."""
    if not before or pair.label.kinds != ("port",) or before.label.kinds != ("ignored",) or before.block != pair.block:
        return False
    return bool(re.search(r"[a-z0-9]\.[a-z]", before.value, re.IGNORECASE)) or labels.has_one_of("@other", before.words)


def _signed(lines: Sequence[Line]) -> set[int]:
    """Return the lines under a greeting, where telephone numbers and addresses are those of whoever wrote."""
    found: set[int] = set()
    under = False
    for place, line in enumerate(lines):
        text = line.text.strip(" ,.!>")
        if _FORWARDED.search(text) or re.match(r"(?:From|Von|De|Da|Van)\s*:", text):
            under = False
        elif text in ("--", "—") or labels.is_one_of("@signoff", text):
            under = True
        if under:
            found.add(place)
    return found


def _read(found: Sequence[Pair], layout: Layout) -> Iterator[_Said]:
    for pair in found:
        for kind in pair.label.kinds:
            if kind == "ignored":
                continue
            reading = read_value(kind, pair, layout)
            if kind == "sip_address" and reading and reading.value is None and reading.why == "what stands there is no SIP address":
                instead = read_value("username", pair, layout)  # `SIP account: 212`
                if instead and instead.value is not None and not re.search(r"\s", str(instead.value)):
                    kind, reading = ("registrar", read_value("registrar", pair, layout)) if "." in str(instead.value) else ("username", instead)
            if reading and not (kind in ("username", "sip_address") and pair.style == "verb" and reading.value is None):
                yield _Said("sip_address" if kind == "address" else kind, pair, replace(reading, confidence=LIKELY) if kind == "address" and reading.confidence == SURE else reading)


def _own(said: Iterable[_Said], found: Sequence[Pair]) -> Iterator[_Said]:
    """Yield what is of the phone's account, or may be; what a heading, a label or a link calls something else's is left out."""
    said = list(said)
    blocks: dict[int, list[Pair]] = {}
    for pair in found:
        blocks.setdefault(pair.block, []).append(pair)
    read_in: dict[int, list[_Said]] = {}
    for one in said:
        read_in.setdefault(one.pair.block, []).append(one)
    strong, foreign = set(), set()
    for block, written in blocks.items():
        here = read_in.get(block, [])
        sip = any(one.pair.sip and not one.pair.label.web and one.reading.value is not None for one in here)
        plain = all(one.kind in ("domain", "registrar") and not one.pair.label.sip for one in here if one.pair.sip)
        hosts = [str(one.reading.value) for one in here if one.kind in _HOSTS and one.reading.value]
        others = any(labels.is_one_of("@other", host.split(".")[0]) for host in hosts) or any(
            labels.has_one_of("@other", pair.words.split(":")[0]) and not pair.sip for pair in written if pair.label.kinds == ("ignored",) and not _side_setting(pair)
        )
        side = next((one.pair.side for one in here), "")
        if (others and plain) or (not sip and side == "web"):
            foreign.add(block)
        elif sip or side == "sip" or any(one.pair.label.sip for one in here):
            strong.add(block)
    linked = {pair.block for pair in found if re.match(r"\s*(?:https?://|www\.)", pair.value) and ("ignored" in pair.label.kinds or "username" in pair.label.kinds or pair.label.web)}
    headings = {one.pair.heading for one in said if one.kind in (*_WHO, *_HOSTS)}
    named = {(one.pair.block, one.kind) for one in said if one.pair.label.sip and one.reading.value is not None}
    for one in said:
        pair, block = one.pair, one.pair.block
        if one.reading.why == "link" or (pair.label.web and not pair.label.sip):
            continue
        if one.kind == "email" and pair.heading not in headings and not pair.heading.endswith("."):
            continue  # whoever is named above it has it
        if block in foreign and not pair.label.sip and one.kind != "voicemail":
            continue
        mine = pair.sip or block in strong
        if one.kind in ("username", "password", "email") and not pair.label.sip and block in linked:
            if (block, one.kind) in named or block not in strong:
                continue
            yield replace(one, reading=replace(one.reading, confidence=UNSURE, why="it may be that of the web page named beside it"))
            continue
        if one.kind in ("username", "password") and not pair.label.sip and (block, one.kind) in named:
            continue
        yield replace(one, own=mine)


def _side_setting(pair: Pair) -> bool:
    """Return True for what stands among a phone's own settings, such as its STUN server."""
    return bool(re.match(r"\W*(?:\w+\W+){0,2}(?:stun|turn|ntp|dns|ldap|provisioning|prov|voicemail|voice mail)\b", pair.words, re.IGNORECASE))


class _Record:
    """What was said of one account, so far."""

    def __init__(self) -> None:
        self.said: list[_Said] = []

    def values(self, kind: str) -> set[str]:
        """Return the values of a kind, as text."""
        return {str(one.reading.value) for one in self.said if one.kind == kind and one.reading.value is not None}

    def first(self) -> str:
        """Return the kind of fact of who it is that was said first."""
        return next((one.kind for one in self.said if one.kind in _WHO), "")

    def who(self) -> bool:
        """Return True where it is said whose account it is."""
        return any(self.values(kind) for kind in ("sip_address", "username", "auth_username", "extension"))

    def own(self) -> bool:
        """Return True where something in it is surely of a phone's account."""
        return any(one.own for one in self.said)


def _records(said: Sequence[_Said]) -> tuple[list[_Record], bool]:
    """Return the records of a mail's accounts, what holds for all of them put into each; and whether some were left out."""
    rows: dict[object, _Record] = {}
    numbered = {one.pair.label.number for one in said if one.kind in _WHO and one.pair.label.number}
    columns = _columns(said)
    blocks: dict[int, list[_Said]] = {}
    for one in said:
        number = one.pair.label.number
        if one.pair.record[0]:
            rows.setdefault(("row", *one.pair.record), _Record()).said.append(one)
        elif one.pair.record[1] and one.pair.record[1] in columns:
            rows.setdefault(("column", one.pair.record[1]), _Record()).said.append(one)
        elif one.pair.record[1] > 1:
            continue
        elif len(numbered) > 1 and number:
            rows.setdefault(("number", number), _Record()).said.append(one)
        elif number > 1 and one.kind in _HOSTS and not numbered:
            continue  # the second of two servers
        else:
            blocks.setdefault(one.pair.block, []).append(one)
    records = [_Record()]
    for block in blocks.values():
        apart = records[-1].said and not records[-1].first() and any(one.kind in _WHO for one in block)
        if apart or _begins_another(records[-1], block):
            records.append(_Record())
        for one in block:
            now = records[-1]
            if one.kind == now.first() and len({other.kind for other in now.said}) > 1 and one.reading.value is not None and now.values(one.kind) - {str(one.reading.value)} and _alike(now, one):
                records.append(now := _Record())
            now.said.append(one)
    records += rows.values()
    whole = any(record.own() and record.who() and record.values("password") for record in records)
    weak = [record for record in records if record.said and not record.own() and record.who() and whole]
    records = [record for record in records if record.said and record not in weak]
    persons = _merged([record for record in records if record.who()][: MOST_ACCOUNTS + 1])
    shared = [one for record in records if not record.who() for one in record.said]
    if not persons and shared:
        return records, bool(weak)
    for record in persons:
        record.said += shared
    _lend_domain(persons)
    return persons, bool(weak)


def _columns(said: Sequence[_Said]) -> set[int]:
    """Return the columns that are an account each: those in which users or passwords differ."""
    for kind in _WHO:
        values: dict[int, str] = {}
        for one in said:
            if one.kind == kind and one.pair.record[1] and not one.pair.record[0] and one.reading.value is not None and not re.search(r"\s", str(one.reading.value)):
                values.setdefault(one.pair.record[1], str(one.reading.value))
        if len(values) > 1 and len(set(values.values())) == len(values):
            return set(values)
    return set()


def _alike(record: _Record, one: _Said) -> bool:
    before = next(other for other in record.said if other.kind == one.kind)
    return before.pair.label.sip == one.pair.label.sip or before.pair.block != one.pair.block


def _begins_another(record: _Record, block: Sequence[_Said]) -> bool:
    """Return True where a block says of somebody else what the record says already."""
    for kind in _WHO:
        new = {str(one.reading.value) for one in block if one.kind == kind and one.reading.value is not None}
        old = record.values(kind)
        if new and old and not new & old:
            return True
    if {one.pair.heading for one in block} <= {one.pair.heading for one in record.said}:
        return False  # all of it stands under one sentence
    mine, theirs = record.own() and record.who(), any(one.own for one in block)
    return bool(mine and not theirs and record.values("password") and any(one.kind in _WHO for one in block))


def _merged(records: Sequence[_Record]) -> list[_Record]:
    """Return records, those of the same user as one."""
    kept: list[_Record] = []
    for record in records:
        for other in kept:
            same = any(record.values(kind) & other.values(kind) for kind in ("sip_address", "username", "auth_username", "extension"))
            parts = {address.rpartition("@")[0] for address in record.values("sip_address") | other.values("sip_address")}
            differ = any(record.values(kind) and other.values(kind) and not record.values(kind) & other.values(kind) for kind in ("sip_address", "domain"))
            if (same or parts & (record.values("username") | other.values("username")) and not (record.values("username") and other.values("username"))) and not differ:
                other.said += record.said
                break
        else:
            kept.append(record)
    return kept


def _lend_domain(records: Sequence[_Record]) -> None:
    """Let accounts have what stands apart, above or below all of them, and they have not; where it may be of one alone it is unsure."""
    personal = {one.pair.block for record in records for one in record.said if one.kind in _WHO}
    within = range(min(personal, default=0), max(personal, default=0))
    apart = [one for record in records for one in record.said if one.pair.block not in personal and one.kind not in ("voicemail", "email", "display_name", "name")]
    if any(one.pair.block in within for one in apart):
        apart = []  # each account may have its own
    for place, record in enumerate(records):
        homeless = not any(record.values(kind) for kind in (*_HOSTS, "sip_address"))
        for one in apart:
            if one not in record.said and (homeless or not record.values(one.kind)):
                whole = homeless or labels.has_one_of("@all", re.split(r"[:=]\s", one.pair.words)[0])
                record.said.append(one if whole else replace(one, reading=replace(one.reading, confidence=UNSURE, why="it may be that of another account alone")))
        if homeless and place and not any(record.values(kind) for kind in _HOSTS):
            lent = [one for one in records[place - 1].said if one.kind in ("domain", "registrar")][:1]
            record.said += [replace(one, reading=replace(one.reading, confidence=UNSURE, why="it is said of another account alone")) for one in lent]


# One account


class _Choice:
    """Chooses among what was said of each kind, and gathers what is to be asked."""

    def __init__(self, record: _Record) -> None:
        self.record = record
        self.facts: dict[str, Fact] = {}
        self.ask: dict[str, str] = {}
        self.more: dict[str, dict[str, str | int]] = {}
        self.real = any(one.kind in ("password", "xcap_root") and not one.pair.example and one.reading.value is not None for one in record.said)

    def take(self, kind: str) -> Fact | None:
        """Return the fact of a kind; what hinders it is in `ask` under that kind."""
        here = [one for one in self.record.said if one.kind == kind]
        there = [one for one in here if one.reading.value is not None]
        if not there:
            if here and not here[0].pair.label.loose:
                self.ask[kind] = here[0].reading.why
            return None
        top = max(self._rank(one) for one in there)
        best = [one for one in there if self._rank(one) == top]
        chosen = best[0]
        confidence, why = self._confidence(chosen)
        rivals = [one for one in there if _same(one.reading.value) != _same(chosen.reading.value) and (kind == "password" or self._rank(one)[0] == top[0])]
        if rivals and not (kind == "password" and all(one.pair.label.sip < chosen.pair.label.sip for one in rivals)):
            confidence, why = UNSURE, "the mail says it more than once, and differently"
        self.more[kind] = chosen.reading.more
        if confidence == UNSURE:
            self.ask[kind] = why
        assert chosen.reading.value is not None
        return Fact(chosen.reading.value, confidence, chosen.pair.words)

    @staticmethod
    def _rank(one: _Said) -> tuple[bool, bool, bool]:
        return (one.pair.label.sip, one.own, one.reading.confidence != UNSURE)

    def _confidence(self, one: _Said) -> tuple[str, str]:
        if one.reading.confidence == UNSURE:
            return UNSURE, one.reading.why
        if one.pair.example and not self.real:
            return UNSURE, "the mail calls it an example"
        plain = one.own and one.pair.style in ("mark", "cell", "line") and not one.pair.example and not one.pair.label.loose
        return (SURE if plain else LIKELY), ""


def _same(value: object) -> object:
    return value.lower().rstrip("/") if isinstance(value, str) and re.match(r"https?://|[\w.-]+\.[a-z]+$", value) else value


def _account(record: _Record, evidence: bool) -> Account | None:
    """Return the account of a record, or None where it is none of a phone."""
    choice = _Choice(record)
    got: dict[str, Fact] = {}
    for kind in ("sip_address", "username", "extension", "number", "auth_username", "password", *_HOSTS, "realm", "transport", "xcap_root", "display_name", "voicemail", "email", "timezone"):
        fact = choice.take(kind)
        if fact:
            got[kind] = fact
    named = any((one.pair.label.sip or (one.own and one.pair.side == "sip")) and one.kind in (*_WHO, *_HOSTS) or one.kind in ("sip_address", "outbound_proxy", "xcap_root") for one in record.said)
    placed = any(kind in got for kind in (*_HOSTS, "sip_address", "realm"))
    who = any(kind in got or kind in choice.ask for kind in ("sip_address", "username", "auth_username", "extension")) or ("number" in got and "password" in got and named)
    if not who or not (named or evidence) or not (placed or "sip_address" in choice.ask or (named and "password" in got)):
        return None
    ask = choice.ask
    facts: dict[str, Fact] = {name: got[name] for name in NAMES if name in got}
    _doubt_joined(facts, ask)
    _users(facts, got, ask, choice)
    also = _places(facts, got, ask, choice)
    _derive(facts, got, ask)
    if "password" not in facts:
        ask.setdefault("password", "the mail does not say it")
    _doubt_portal(record, facts, ask)
    for kind in ("extension", "number", "registrar", "proxy", "registrar_port", "port", "name", "realm"):
        ask.pop(kind, None)
    ask = {name: ask[name] for name in (*NAMES, "registrar") if name in ask}
    return Account({name: facts[name] for name in NAMES if name in facts}, ask, also)


def _doubt_joined(facts: dict[str, Fact], ask: dict[str, str]) -> None:
    """Doubt a SIP address that goes on where the domain ends: another word may have run into it."""
    address, domain = facts.get("sip_address"), facts.get("domain")
    host = str(address.value).rpartition("@")[2] if address else ""
    if address and domain and host != domain.value and re.match(re.escape(str(domain.value)) + r"[^.]", host):
        facts["sip_address"] = replace(address, confidence=UNSURE)
        ask["sip_address"] = "its host is the domain with more letters behind it"


def _users(facts: dict[str, Fact], got: dict[str, Fact], ask: dict[str, str], choice: _Choice) -> None:
    """Find the username: that of its label, else an extension, else a number, which is asked."""
    if "username" not in facts and "username" not in ask:
        if "extension" in got:
            facts["username"] = got["extension"] if got["extension"].confidence == UNSURE else replace(got["extension"], confidence=LIKELY)
            if got["extension"].confidence == UNSURE:
                ask["username"] = choice.ask["extension"]
        elif "number" in got and "sip_address" not in got and "auth_username" not in got:
            facts["username"] = replace(got["number"], confidence=UNSURE)
            ask["username"] = "the mail gives a telephone number, and does not say that it is the user name"
    if "name" not in got and "display_name" not in facts:
        names = [one for one in choice.record.said if one.kind == "name" and one.pair.record[0] and one.reading.value is not None]
        if names:
            facts["display_name"] = Fact(str(names[0].reading.value), LIKELY, names[0].pair.words)
    address = choice.more.get("username", {}).get("address")
    if not address:
        return
    host = str(address).rpartition("@")[2].lower()
    known = {str(got[kind].value) for kind in _HOSTS if kind in got}
    stated = facts.get("sip_address")
    if stated and str(stated.value).lower() == str(address).lower():
        return
    if host in known or any(one.pair.label.sip and one.kind == "username" for one in choice.record.said):
        if not stated:
            facts["sip_address"] = Fact(f"{str(address).rpartition('@')[0]}@{host}", LIKELY, facts["username"].words)
            ask.pop("sip_address", None)
        return
    facts["username"] = replace(facts["username"], confidence=UNSURE)
    ask["username"] = "an address stands there, whose host is not the domain"


def _places(facts: dict[str, Fact], got: dict[str, Fact], ask: dict[str, str], choice: _Choice) -> dict[str, Fact]:
    """Find domain, outbound proxy, ports and transport; return the registrar where it is another than the domain."""
    more = choice.more
    address = facts.get("sip_address")
    if "domain" not in facts and "registrar" in got and not (address and "domain" not in ask):
        facts["domain"] = replace(got["registrar"], confidence=min(got["registrar"].confidence, LIKELY, key=(UNSURE, LIKELY).index) if got["registrar"].confidence != SURE else LIKELY)
        if facts["domain"].confidence == UNSURE:
            ask["domain"] = ask.get("registrar", "it is not sure")
        else:
            ask.pop("domain", None)
    if "realm" in got and not address and "domain" not in facts and "domain" not in ask and re.fullmatch(r"(?:[\w-]+\.)+[A-Za-z]{2,}", str(got["realm"].value)):
        facts["domain"] = replace(got["realm"], value=str(got["realm"].value).lower())
    if "outbound_proxy" not in facts and "proxy" in got and "outbound_proxy" not in ask:
        if address or "domain" in facts:
            facts["outbound_proxy"] = replace(got["proxy"], confidence=UNSURE if got["proxy"].confidence == UNSURE else LIKELY)
            more["outbound_proxy"] = more.get("proxy", {})
            if got["proxy"].confidence == UNSURE:
                ask["outbound_proxy"] = choice.ask["proxy"]
        else:
            facts["domain"] = replace(got["proxy"], confidence=UNSURE)
            ask["domain"] = "the mail names a proxy and no domain, and a proxy may be either"
    ports = _ports(choice.record)
    proxy_port = _one({*ports["outbound_proxy"], *([more["outbound_proxy"]["port"]] if "port" in more.get("outbound_proxy", {}) else [])})
    if "outbound_proxy" in facts and proxy_port is not None:
        words = next((one.pair.words for one in choice.record.said if str(one.reading.value) == str(proxy_port)), facts["outbound_proxy"].words)
        facts["outbound_proxy_port"] = Fact(proxy_port, facts["outbound_proxy"].confidence, words)
        if facts["outbound_proxy"].confidence == UNSURE:
            ask["outbound_proxy_port"] = "its proxy is not sure"
    elif "outbound_proxy" in facts and ports["outbound_proxy"]:
        ask["outbound_proxy_port"] = "the mail says more than one"
    said = {str(more[kind]["transport"]) for kind in ("outbound_proxy", "registrar", "domain", "sip_address") if "transport" in more.get(kind, {})}
    said |= {str(one.reading.more["transport"]) for one in choice.record.said if one.kind.endswith("port") and "transport" in one.reading.more}
    if "transport" in facts:
        if said - {str(facts["transport"].value)} and facts["transport"].value != "auto":
            facts["transport"] = replace(facts["transport"], confidence=UNSURE)
            ask["transport"] = "the mail says it more than once, and differently"
    elif len(said) == 1 and not any(one.kind == "transport" for one in choice.record.said):
        word = said.pop()
        source = next(one for one in choice.record.said if one.reading.more.get("transport") == word)
        facts["transport"] = Fact(word, LIKELY, source.pair.words)
    also = _registrar(facts, got, ask, more, _one(ports["registrar"]))
    if "realm" in got and "domain" in facts and str(got["realm"].value).lower() != facts["domain"].value:
        also["realm"] = got["realm"]
    return also


def _registrar(facts: dict[str, Fact], got: dict[str, Fact], ask: dict[str, str], more: dict[str, dict[str, str | int]], port: int | None) -> dict[str, Fact]:
    """Return {"registrar": HOST[:PORT]} where it is another than the domain, or has a port."""
    source = got.get("registrar") or got.get("domain")
    if source is None:
        return {}
    kind = "registrar" if "registrar" in got else "domain"
    port = int(more[kind]["port"]) if "port" in more.get(kind, {}) else port
    address = facts.get("sip_address")
    domain = facts["domain"].value if "domain" in facts else str(address.value).rpartition("@")[2] if address else ""
    if source.value == domain and not port:
        return {}
    host = f"[{source.value}]" if ":" in str(source.value) else str(source.value)
    if source.confidence != UNSURE or kind == "domain":
        ask.pop("registrar", None)
    return {"registrar": Fact(f"{host}:{port}" if port else host, source.confidence, source.words)}


def _ports(record: _Record) -> dict[str, set[int]]:
    """Return the ports that were said of the outbound proxy and of the registrar; a bare port is that of the host before it."""
    found: dict[str, set[int]] = {"outbound_proxy": set(), "registrar": set()}
    hosts = {one.kind for one in record.said if one.kind in _HOSTS}
    ordered = sorted(record.said, key=lambda one: one.pair.place)
    for place, one in enumerate(ordered):
        if not isinstance(one.reading.value, int):
            continue
        if one.kind == "outbound_proxy_port" and hosts & {"outbound_proxy", "proxy"}:
            found["outbound_proxy"].add(one.reading.value)
        elif one.kind in ("registrar_port", "port", "outbound_proxy_port"):
            before = [other for other in ordered[:place] if other.kind not in ("transport", "port", "registrar_port") and other.pair.block == one.pair.block]
            last = before[-1].kind if before and before[-1].kind in _HOSTS else ""
            proxy = "outbound_proxy" if "outbound_proxy" in hosts else "proxy"
            of_proxy = one.kind == "port" and (last == proxy or (not last and hosts == {proxy})) and proxy in hosts
            found["outbound_proxy" if of_proxy else "registrar"].add(one.reading.value)
    return found


def _one(values: Iterable[str | int]) -> int | None:
    there = {int(value) for value in values}
    return there.pop() if len(there) == 1 else None


def _derive(facts: dict[str, Fact], got: dict[str, Fact], ask: dict[str, str]) -> None:
    """Fill what follows from other facts, and say so in its words."""
    address, user, domain = facts.get("sip_address"), facts.get("username"), facts.get("domain")
    if address and (address.confidence == UNSURE or "sip_address" in got or user):
        part, _, host = str(address.value).rpartition("@")
        confidence = UNSURE if address.confidence == UNSURE else LIKELY
        for name, value in (("username", part), ("domain", host)):
            if name not in facts and name not in ask:
                facts[name] = Fact(value, confidence, f"derived from the SIP address {address.value}")
                if confidence == UNSURE:
                    ask[name] = "the SIP address is not sure"
    elif not address and "sip_address" not in ask and user and domain and "@" not in str(user.value):
        unsure = [name for name, fact in (("username", user), ("domain", domain)) if fact.confidence == UNSURE]
        confidence = UNSURE if unsure else LIKELY
        facts["sip_address"] = Fact(f"{user.value}@{domain.value}", confidence, f"derived from username {user.value} and domain {domain.value}")
        if re.search(r"\s", str(user.value)):
            del facts["sip_address"]
        if unsure:
            ask["sip_address"] = f"the {unsure[0]} is not sure"
    if "sip_address" not in facts:
        ask.setdefault("sip_address", "the mail does not say it")


def _doubt_portal(record: _Record, facts: dict[str, Fact], ask: dict[str, str]) -> None:
    """Doubt a user name and password that stand apart from the SIP address and are not its user's: they may be those of a web page."""
    address, user = facts.get("sip_address"), facts.get("username")
    weak = [one for one in record.said if one.kind in ("username", "password") and not one.own]
    if address and user and weak and any(one.kind == "username" for one in weak) and str(address.value).rpartition("@")[0] != str(user.value):
        for name in ("username", "password"):
            if name in facts:
                facts[name] = replace(facts[name], confidence=UNSURE)
                ask[name] = "it stands apart from the SIP address, and may be that of a web page"
