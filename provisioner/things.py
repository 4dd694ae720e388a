"""The things we talk about, as values: validated when made, never half right.

Each raises BadValue (or BadMAC) with a sentence that names the field and the cure.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

from netaddr import AddrFormatError, IPNetwork

from provisioner import kinds, mac
from provisioner.errors import BadValue
from provisioner.kinds import Endpoint
from provisioner.vocabulary import KEY_TYPES

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_USER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#]|%[0-9A-Fa-f]{2})+")  # RFC 3261, 25.1; # as phones send it
PASSWORDS = ("off", "digest", "basic", "basic-over-http")  # each takes what the one before it does
TRANSPORTS = ("auto", "udp", "tcp", "tls")
STATES = ("approved", "blocked", "retiring")
NUMBER_KINDS = ("work", "mobile", "home", "other")
NOWHERE = Endpoint("", 0)


def _checked(thing: object, name: str, read: Callable[[Any], Any]) -> None:
    """Replace a field of a frozen value by what `read` makes of it; the error names the field."""
    try:
        object.__setattr__(thing, name, read(getattr(thing, name)))
    except ValueError as why:
        raise BadValue(f"{name.replace('_', ' ')}: {why}") from None


def _text(most: int) -> Callable[[Any], str]:
    return lambda value: kinds.clean(value, most).strip()


def _slug(value: Any) -> str:
    if not _SLUG.fullmatch(str(value)):
        raise ValueError(f"{value!r} is not a short name; use lower-case letters, digits and -, such as head-office")
    return str(value)


def _secret(value: Any) -> str:
    """Return a secret unchanged; the error never repeats it."""
    try:
        return kinds.clean(value, 128)
    except ValueError as why:
        raise ValueError(f"it {why}") from None


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    return kinds.Choice(*words).read


def _endpoint(value: Any) -> Endpoint:
    return kinds.HostPort().read(value)


def _count(least: int, most: int) -> Callable[[Any], int]:
    return kinds.Int(least, most).read


def _model(value: Any) -> str:
    text = kinds.clean(value, 64).strip()
    if not text or "/" in text:
        raise ValueError(f"{text!r} is not the name of a model; write it as its maker does, such as T46U")
    return text


def _maybe_count(least: int, most: int) -> Callable[[Any], int | None]:
    return lambda value: None if value is None else kinds.Int(least, most).read(value)


def sip_address(text: object) -> str:
    """Return user@domain of a SIP address, with or without sip: in front, the domain in lower case.

    Raises ValueError. Source: RFC 3261, 19.1.1.

    >>> sip_address("sip:Alice@SIP.Example.com")
    'Alice@sip.example.com'
    """
    value = re.sub(r"^sips?:", "", kinds.clean(text).strip(), flags=re.IGNORECASE)
    user, at, domain = value.rpartition("@")
    if ":" in user:  # user:password@, so nothing of it is repeated
        raise ValueError("a SIP address here has no password in it; write alice@example.com, and the password apart")
    if not at or not user:
        raise ValueError(f"{value!r} is not a SIP address; write it as alice@example.com")
    if not _USER.fullmatch(user):
        raise ValueError(f"the part before @ of {value!r} has characters that a SIP user cannot have; write them as % and two hex digits")
    if re.fullmatch(r"(\[.*\]|[^:]*)(:\d*|;.*)", domain):
        raise ValueError(f"{value!r} says more than user and domain; write {user}@{re.split('[:;]', domain)[0]}, and host and port as its registrar or outbound proxy")
    return f"{user}@{kinds.host(domain)}"


def _url(*schemes: str) -> Callable[[Any], str]:
    """Return what reads a URL that paths are put behind: one canonical spelling, without a slash at its end."""

    def read(value: Any) -> str:
        text = kinds.Url(*schemes).read(value)
        if not text:
            return ""
        if "?" in text or "#" in text:
            raise ValueError(f"{text!r} has a query or fragment; write scheme, host and path alone")
        parts = urlsplit(text)
        name, port = kinds.host(parts.hostname), parts.port
        shown = f"[{name}]" if ":" in name else name
        usual = {"http": 80, "https": 443, "tftp": 69}[parts.scheme]
        return f"{parts.scheme}://{shown}{f':{port}' if port and port != usual else ''}{parts.path.rstrip('/')}"

    return read


def _email(value: Any) -> str:
    """Return an e-mail address; whose host it is, is nobody's business here (F28)."""
    text = kinds.clean(value, 254).strip()
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError(f"{text!r} is not an e-mail address; write it as alice@example.com")
    return text


def _zone_or_none(value: Any) -> str:
    return kinds.Zone().read(value) if str(value).strip() else ""


@dataclass(frozen=True)
class Account:
    """One SIP identity: the facts of a provider's e-mail (D1). Blank facts get their defaults."""

    sip_address: str
    username: str = ""
    auth_username: str = ""
    password: str = field(default="", repr=False)
    domain: str = ""
    registrar: Endpoint = NOWHERE
    realm: str = ""
    outbound_proxy: Endpoint = NOWHERE
    transport: str = "auto"
    xcap_root: str = ""
    display_name: str = ""
    voicemail: str = ""
    email: str = ""
    timezone: str = ""
    provider: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        """Check every fact, and fill the blank ones."""
        _checked(self, "sip_address", sip_address)
        user, _, domain = self.sip_address.rpartition("@")
        for name in ("username", "auth_username", "domain"):
            _checked(self, name, _text(128))
            usual = {"username": user, "auth_username": self.username, "domain": domain}[name]
            object.__setattr__(self, name, getattr(self, name) or usual)
        _checked(self, "password", _secret)
        _checked(self, "domain", kinds.host)
        _checked(self, "registrar", _endpoint)
        _checked(self, "outbound_proxy", _endpoint)
        _checked(self, "transport", _one_of(TRANSPORTS))
        _checked(self, "xcap_root", _url("https", "http"))  # scheme, host and path alone (RFC 4825, 6.1)
        _checked(self, "email", _email)
        _checked(self, "timezone", _zone_or_none)
        for name, most in (("realm", 128), ("display_name", 64), ("voicemail", 64), ("provider", 64), ("notes", 2000)):
            _checked(self, name, _text(most))

    @property
    def registrar_endpoint(self) -> Endpoint:
        """Where the line registers: the registrar, else the domain without a port."""
        return self.registrar if self.registrar.host else Endpoint(self.domain, 0)


def _network(value: Any) -> str:
    text = str(value).strip()
    try:
        network = IPNetwork(text)
    except (AddrFormatError, ValueError):
        raise ValueError(f"{text!r} is not a network; write it as 192.0.2.0/24 or 2001:db8::/64") from None
    if network.version == 6 and network in IPNetwork("::ffff:0:0/96"):
        network = network.ipv4()  # phones' addresses are unmapped at the door
    if network.ip != network.network:
        raise ValueError(f"{text!r} is an address within {network.cidr}; write {network.cidr}, or {network.ip}/{32 if network.version == 4 else 128} for it alone")
    return str(network.cidr)


@lru_cache(maxsize=4096)
def parsed(network: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return a network in its canonical spelling, to ask whether an address lies in it; parsed once."""
    return ipaddress.ip_network(network)


@dataclass(frozen=True)
class Network:
    """One network of a site, and what phones in it may have (D11)."""

    network: str
    mac_is_enough: bool = False
    tftp_serves_secrets: bool = False

    def __post_init__(self) -> None:
        """Check and spell the network canonically."""
        _checked(self, "network", _network)

    @property
    def parsed(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The network, to ask whether an address lies in it."""
        return parsed(self.network)


@dataclass(frozen=True)
class Site:
    """A place or a tenant: its networks, its public URL, its country.

    enrols: the generic files for new phones are served (F2).
    unknown_phones: refuse, hold, add; empty leaves it to the server's option.
    passwords: off, or how a phone may prove itself by user and password as well: digest, basic (that over
    HTTPS alone), basic-over-http.
    """

    slug: str
    name: str = ""
    networks: tuple[Network, ...] = ()
    public_url: str = ""
    tftp_public_url: str = ""
    country: str = ""
    enrols: bool = False
    unknown_phones: str = ""
    passwords: str = "off"

    def __post_init__(self) -> None:
        """Check every field."""
        _checked(self, "slug", _slug)
        _checked(self, "name", _text(64))
        _checked(self, "public_url", _url("https", "http"))
        _checked(self, "tftp_public_url", _url("tftp"))
        _checked(self, "country", lambda country: kinds.Country().read(country) if country else "")
        _checked(self, "unknown_phones", lambda word: kinds.Choice("refuse", "hold", "add").read(word) if word else "")
        _checked(self, "passwords", lambda word: _one_of(PASSWORDS)(word or "off"))
        object.__setattr__(self, "networks", tuple(sorted(self.networks, key=lambda entry: entry.network)))  # their order says nothing
        known = [entry.network for entry in self.networks]
        if len(set(known)) != len(known):
            raise BadValue(f"networks: site {self.slug} has {max(known, key=known.count)} twice; name it once")

    @property
    def asks_passwords(self) -> bool:
        """Phones have user and password, which are then in their files too."""
        return self.passwords != "off"

    @property
    def scope(self) -> str:
        """The site's layer."""
        return f"site:{self.slug}"


@dataclass(frozen=True)
class Group:
    """Phones of one role within a site."""

    site: str
    slug: str

    def __post_init__(self) -> None:
        """Check both names."""
        _checked(self, "site", _slug)
        _checked(self, "slug", _slug)

    @property
    def scope(self) -> str:
        """The group's layer."""
        return f"group:{self.site}/{self.slug}"


@dataclass(frozen=True)
class Device:
    """One physical phone.

    lines, keys: counts that the device states for itself (F24); None = its model's.
    modules:     expansion modules that are plugged in.
    generation:  of its token; cleared: settings that were said once and taken back (F5).
    revised_at:  UTC, ISO 8601, the time of its last revision; dated_year: for DST by fixed dates (F8).
    serves_until: UTC, ISO 8601; of one that is retiring, when it gets its last file; empty: it has no end.
    """

    mac: str
    family: str
    model: str
    site: str = "default"
    group: str = ""
    state: str = "approved"
    firmware: str = ""
    serial: str = ""
    name: str = ""
    location: str = ""
    asset_tag: str = ""
    notes: str = ""
    lines: int | None = None
    keys: int | None = None
    modules: int = 0
    factory_password: str = field(default="", repr=False)
    generation: int = 0
    revision: int = 0
    revised_at: str = ""
    cleared: frozenset[str] = frozenset()
    last_seen_at: str = ""
    last_address: str = ""
    dated_year: int = 0
    serves_until: str = ""

    def __post_init__(self) -> None:
        """Check every field that a person can say."""
        object.__setattr__(self, "mac", mac.parse(self.mac))
        object.__setattr__(self, "cleared", frozenset(self.cleared))
        _checked(self, "family", _slug)
        _checked(self, "model", _model)
        _checked(self, "site", _slug)
        if self.group:
            _checked(self, "group", _slug)
        _checked(self, "state", _one_of(STATES))
        for name, most in (("firmware", 64), ("serial", 64), ("name", 64), ("location", 128), ("asset_tag", 64), ("notes", 2000)):
            _checked(self, name, _text(most))
        _checked(self, "lines", _maybe_count(1, 1000))
        _checked(self, "keys", _maybe_count(0, 1000))
        _checked(self, "modules", _count(0, 8))
        _checked(self, "factory_password", _secret)

    @property
    def scope(self) -> str:
        """The device's layer."""
        return f"device:{self.mac}"


@dataclass(frozen=True)
class Line:
    """Account N on a device, at a position from 1."""

    mac: str
    n: int
    sip_address: str

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "mac", mac.parse(self.mac))
        _checked(self, "n", _count(1, 1000))
        _checked(self, "sip_address", sip_address)

    @property
    def scope(self) -> str:
        """The line's layer."""
        return f"line:{self.mac}/{self.n}"


@dataclass(frozen=True)
class Key:
    """One programmable key of a group's or a device's phones; module 0 is the phone itself."""

    scope: str
    position: int
    type: str
    value: str = ""
    label: str = ""
    line: int = 0
    module: int = 0

    def __post_init__(self) -> None:
        """Check every field."""
        kind, _, name = self.scope.partition(":")
        if kind == "device":
            object.__setattr__(self, "scope", f"device:{mac.parse(name)}")
        elif kind == "group":
            object.__setattr__(self, "scope", Group(*name.partition("/")[::2]).scope)
        else:
            raise BadValue(f"keys belong to a phone or a group, not to {self.scope!r}; write device:MAC or group:SITE/GROUP")
        _checked(self, "position", _count(1, 1000))
        _checked(self, "type", _one_of(tuple(KEY_TYPES)))
        _checked(self, "value", _text(256))
        _checked(self, "label", _text(64))
        _checked(self, "line", _count(0, 1000))
        _checked(self, "module", _count(0, 8))
        if self.type in _WANT_VALUE and not self.value:
            raise BadValue(f"value: a key of type {self.type} needs one, such as the number of whom it is for")


_WANT_VALUE = ("blf", "speed-dial", "intercom", "dtmf", "prefix", "paging", "url", "xml")


_NO_NUMBER = "numbers: {!r} is not a number or SIP address; write it as +351 21 234 5678 or alice@example.com"


@dataclass(frozen=True)
class Contact:
    """One entry of a phone book; numbers are (kind, number), kind one of work, mobile, home, other.

    site: whose book it is in; empty for one that an account's provider keeps.
    """

    site: str
    name: str
    numbers: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        """Check every field."""
        if self.site:
            _checked(self, "site", _slug)
        _checked(self, "name", _text(64))
        if not self.name or not self.numbers:
            raise BadValue("a contact needs a name and at least one number")
        read = []
        for kind, number in self.numbers:
            if not re.fullmatch(r"[0-9A-Za-z*#+@.:_ ()/-]{1,64}", number):
                raise BadValue(_NO_NUMBER.format(number))
            try:
                if not re.search(r"[0-9*#]", number):
                    sip_address(number)
            except ValueError:
                raise BadValue(_NO_NUMBER.format(number)) from None
            try:
                read.append((kinds.Choice(*NUMBER_KINDS).read(kind), number))
            except ValueError as why:
                raise BadValue(f"numbers: {why}") from None
        object.__setattr__(self, "numbers", tuple(read))


@dataclass(frozen=True)
class Book:
    """The contacts that an account's provider keeps (XCAP), as they were fetched, by name. etag: of the document; at: UTC, ISO 8601."""

    sip_address: str
    contacts: tuple[Contact, ...]
    etag: str = ""
    at: str = ""

    def __post_init__(self) -> None:
        """Check the address."""
        _checked(self, "sip_address", sip_address)


@dataclass(frozen=True)
class Event:
    """What became of one request (D18). No secret, no token, no body in it; at is UTC, ISO 8601.

    known: the phone is in the inventory; requests of others are counted, not kept one by one.
    held:  for the waiting list, the families that could be asking; None where the phone does not wait.
    """

    id: int
    at: str
    mac: str
    family: str
    model: str
    wire: str
    address: str
    path: str
    rule: str
    outcome: str
    sentence: str
    status: int
    bytes: int
    ms: float
    sha256: str
    times: int = 1
    firmware: str = ""
    known: bool = True
    held: tuple[str, ...] | None = None

    @property
    def row(self) -> EventRow:
        """The event's values in the order of EVENT_ROW, as processes send them."""
        return _event_row(self)

    @classmethod
    def of_row(cls, row: EventRow) -> Event:
        """Return the event of a row, which may come from JSON."""
        values = dict(zip(EVENT_ROW, row, strict=True))
        return cls(0, **{**values, "held": None if values["held"] is None else tuple(values["held"])})


EventRow = Sequence[Any]
EVENT_ROW = ("at", "ms", *(field.name for field in fields(Event) if field.name not in ("id", "at", "ms")))  # first what differs each time
_event_row = attrgetter(*EVENT_ROW)


SECRET, SECRET_CHANGED = "*", "* changed"  # what stands for a secret in a change, and for one that is another than before


@dataclass(frozen=True)
class Change:
    """One row of history: who changed what; before and after without any secret (SECRET stands for one).

    batch: the number of the first change that was made in the same transaction.
    """

    id: int
    at: str
    who: str
    door: str
    noun: str
    name: str
    before: dict[str, Any] | None = field(repr=False)
    after: dict[str, Any] | None = field(repr=False)
    batch: int = 0


def address(text: str) -> str:
    """Return an IP address canonically, IPv4-mapped IPv6 unmapped; raises ValueError (D11).

    >>> address("::ffff:192.0.2.7")
    '192.0.2.7'
    """
    here = ipaddress.ip_address(text.partition("%")[0])
    mapped = here.ipv4_mapped if isinstance(here, ipaddress.IPv6Address) else None
    return str(mapped or here)


VERDICTS = ("right", "refused", "wrong", "unreachable", "cannot-tell")


@dataclass(frozen=True)
class Check:
    """What an account's server said when it was asked whether the account is right (F27).

    verdict:  right; refused: the server says no to user or password, and asking again may lock us out;
              wrong: a fact keeps us from being asked; unreachable: another time it may go; cannot-tell.
    fact:     the account's fact to look at, empty where none is to blame. sentence: for people, without a secret.
    server:   host, address, port and transport that answered. bindings: who is registered now.
    at:       UTC, ISO 8601.
    """

    verdict: str
    sentence: str
    fact: str = ""
    server: str = ""
    bindings: tuple[str, ...] = ()
    at: str = ""

    def __post_init__(self) -> None:
        """Check the verdict."""
        _checked(self, "verdict", _one_of(VERDICTS))
