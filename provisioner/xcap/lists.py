"""Documents of lists, read strictly, and written back with all that is not ours kept byte for byte: contacts (resource lists, RFC 4826, 3), and what a subscription to a list watches (RLS services, RFC 4826, 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from provisioner.errors import Conflict, Declined, NotHere, nearest

LISTS = "urn:ietf:params:xml:ns:resource-lists"
SERVICES = "urn:ietf:params:xml:ns:rls-services"
CAPS = "urn:ietf:params:xml:ns:xcap-caps"
_PROPERTIES = "counterpath:properties"  # with which some phones write several numbers of one person
_KINDS = {"business_number": "work", "sip_address": "work", "mobile_number": "mobile", "home_number": "home"}
_DEEPEST = 16  # elements in each other
_MOST = 5_000  # entries
_TAG = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s([^\s=<>"']+)\s*=\s*("[^"]*"|'[^']*')""")
_BLF = "dialog"  # the package that a lamp subscribes to (RFC 4235)

Numbers = tuple[tuple[str, str], ...]
Person = tuple[str, Numbers]


@dataclass
class _Element:
    """One element of a document. begin, end: bytes of the whole of it; inner: where its end tag begins, its own begin where it has none."""

    space: str
    name: str
    prefix: str
    attributes: dict[str, str]
    parent: _Element | None
    begin: int
    inner: int = 0
    end: int = 0
    text: str = ""
    inside: list[_Element] = field(default_factory=list)

    def is_a(self, name: str, space: str = LISTS) -> bool:
        return (self.space, self.name) == (space, name)


def _elements(body: bytes, what: str) -> list[_Element]:
    """Return the elements of a document, each behind its parent; raises Declined for one that is broken or hostile."""
    found: list[_Element] = []
    above: list[_Element] = []
    reader = expat.ParserCreate(namespace_separator=" ")
    reader.namespace_prefixes = True
    reader.buffer_text = True

    def refuse(*_: object) -> None:
        raise Declined(f"{what} defines a document type or entities, which no such document needs; it was not read")

    def declared(version: str, encoding: str | None, standalone: int) -> None:
        if (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
            raise Declined(f"{what} is written in {encoding[:32]!r}; XCAP has UTF-8 alone (RFC 4825, 7.11)")  # type: ignore[index]

    def start(tag: str, attributes: dict[str, str]) -> None:
        space, name, prefix = _parts(tag)
        if len(above) >= _DEEPEST:
            raise Declined(f"{what} has more than {_DEEPEST} elements in each other; it was not read")
        here = _Element(space, name, prefix, attributes, above[-1] if above else None, reader.CurrentByteIndex)
        found.append(here)
        if above:
            above[-1].inside.append(here)
        above.append(here)

    def text(piece: str) -> None:
        above[-1].text += piece

    def stop(_: str) -> None:
        here = above.pop()
        if _tag_at(body, here.begin).endswith(b"/>"):
            here.inner, here.end = here.begin, here.begin + len(_tag_at(body, here.begin))
        else:
            here.inner, here.end = reader.CurrentByteIndex, reader.CurrentByteIndex + len(_tag_at(body, reader.CurrentByteIndex))

    reader.StartDoctypeDeclHandler = reader.EntityDeclHandler = refuse
    reader.XmlDeclHandler, reader.StartElementHandler, reader.EndElementHandler, reader.CharacterDataHandler = declared, start, stop, text
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Declined(f"{what} is written in UTF-16; XCAP has UTF-8 alone (RFC 4825, 7.11)")
    try:
        reader.Parse(body, True)
    except expat.ExpatError as why:
        raise Declined(f"{what} is no well-formed XML: {why}") from None
    return found


def _tag_at(body: bytes, begin: int) -> bytes:
    """Return the tag that expat has read there."""
    found = _TAG.match(body, begin)
    return found[0] if found else b""


def _parts(tag: str) -> tuple[str, str, str]:
    """Return namespace, name and prefix of a tag as expat gives it."""
    space, name, prefix = [*tag.split(" "), "", ""][:3] if " " in tag else ["", tag, ""]
    return space, name, prefix


def auids(body: bytes) -> tuple[str, ...]:
    """Return the applications that a server's xcap-caps name, in its order; raises Declined. Source: RFC 4825, 12."""
    found = _elements(body, "the server's xcap-caps")
    if not found[0].is_a("xcap-caps", CAPS):
        raise Declined(f"the server's xcap-caps are no such document: they begin with {found[0].name[:32]!r}; check the account's XCAP root")
    return tuple(dict.fromkeys(_shown(one.text) for one in found if one.is_a("auid", CAPS)))


def _shown(text: str) -> str:
    return ascii(" ".join(text.split()))[1:-1][:128]


@dataclass(frozen=True)
class Entry:
    """One entry of a list. name: its display name, empty where it has none; others: numbers beside the URI, which are read only."""

    uri: str
    name: str
    others: Numbers
    element: _Element
    display: _Element | None


class Document:
    """One document of an application. Its bytes are kept; an edit gives another document that differs in what was edited alone.

    auid: the application, as xcap-caps names it; what: its content in words; media_type: of a document.
    """

    auid = space = what = media_type = ""

    def __init__(self, body: bytes | None = None) -> None:
        """Read a document, or begin one; raises Declined for one that is broken, hostile, or something else."""
        new = f'<?xml version="1.0" encoding="UTF-8"?>\n<{self.auid} xmlns="{self.space}"></{self.auid}>\n'
        self.body = new.encode() if body is None else body
        self._all = _elements(self.body, f"the document of {self.what}")
        if not self._all[0].is_a(self.auid, self.space):
            raise Declined(f"the document of {self.what} is none: it begins with {self._all[0].name[:32]!r}; check the account's XCAP root")

    def _put_into(self, here: _Element, text: bytes) -> tuple[int, int, bytes]:
        """Return the edit that puts text at the end of an element, also of one that has no end tag yet: (begin, end, what stands there then), in bytes."""
        if here.inner != here.begin:
            return here.inner, here.inner, text
        return here.end - 2, here.end, b">%s</%s>" % (text, _called(here, here.name))

    def _edited(self, edits: list[tuple[int, int, bytes]]) -> Self:
        body = self.body
        for begin, end, text in sorted(edits, reverse=True):
            body = body[:begin] + text + body[end:]
        return type(self)(body)


class Lists(Document):
    """The contacts of an account, in lists."""

    auid, space, what, media_type = "resource-lists", LISTS, "contacts", "application/resource-lists+xml"

    def __init__(self, body: bytes | None = None) -> None:
        """See Document."""
        super().__init__(body)
        self.entries = tuple(self._entries())
        if len(self.entries) > _MOST:
            raise Declined(f"the document of contacts has {len(self.entries):,} entries; the most is {_MOST:,}")

    def _entries(self) -> Iterator[Entry]:
        for one in self._all:
            if one.is_a("entry") and one.parent and one.parent.is_a("list"):
                display = next((other for other in one.inside if other.is_a("display-name")), None)
                properties = [(other.attributes.get("name", "").partition("#")[0], other.attributes.get("value", "")) for other in one.inside if other.is_a("prop", _PROPERTIES)]
                others = tuple((_KINDS[name], value) for name, value in properties if name in _KINDS and value.strip())
                yield Entry(one.attributes.get("uri", ""), " ".join((display.text if display else "").split()), others, one, display)

    def people(self, domain: str) -> tuple[Person, ...]:
        """Return who can be called, by name: the numbers of entries of one name together, each once. domain: the account's, which its numbers leave out."""
        found: dict[str, dict[str, str]] = {}
        for one in self.entries:
            numbers = [("work", number) for number in [number_of(one.uri, domain)] if number]
            numbers += [(kind, number_of(value, domain) or value.strip()) for kind, value in one.others]
            for kind, number in numbers:
                found.setdefault(one.name or number, {}).setdefault(number, kind)
        return tuple((name, tuple((kind, number) for number, kind in numbers.items())) for name, numbers in sorted(found.items()))

    def with_person(self, name: str, numbers: Iterable[str], domain: str) -> Lists:
        """Return a document in which a person has these numbers and no others; entries that fit stay as they are, however they spell theirs.

        Raises Conflict where an entry has what is only read here, or another person has such a number.
        """
        wanted = {number_of(uri, domain): uri for uri in (uri_of(number, domain) for number in numbers)}
        mine = self._mine(name, domain)
        fitting = [one for one in self.entries if number_of(one.uri, domain) in wanted and one not in mine]
        taken = next((one for one in fitting if one.name), None)
        if taken:
            raise Conflict(f"{number_of(taken.uri, domain)} stands there for {_shown(taken.name)} already; remove that one first, or use its name")
        mine += fitting  # of nobody's name yet
        there = {number_of(one.uri, domain) for one in mine}
        new = [uri for number, uri in wanted.items() if number not in there]
        edits = []
        for one in mine:
            number = number_of(one.uri, domain)
            if number not in wanted and not new:
                edits.append(self._without(one))
                continue
            if number not in wanted:
                edits.append(self._with_uri(one, new.pop(0)))
            if not one.name and (number not in wanted or number != name):
                edits.append(self._with_name(one, name))
        return self._edited([*edits, *self._added(mine, name, new)])

    def without_person(self, name: str, domain: str) -> Lists:
        """Return the document without a person's entries; raises NotHere, Conflict."""
        mine = self._mine(name, domain)
        if not mine:
            raise NotHere(f"{name!r} is not among the contacts{nearest(name, [known for known, _ in self.people(domain)])}")
        return self._edited([self._without(one) for one in mine])

    def _mine(self, name: str, domain: str) -> list[Entry]:
        """Return the entries of a name; one without a name goes by its number, as `people` has it."""
        mine = [one for one in self.entries if (one.name or number_of(one.uri, domain)) == name]
        if any(one.others for one in mine):
            raise Conflict(f"the entry of {name} has numbers as some phones write them (counterpath:properties), which are only read here; change it on such a phone")
        return mine

    # Edits: (begin, end, what stands there then), in bytes.

    def _with_uri(self, one: Entry, uri: str) -> tuple[int, int, bytes]:
        begin = one.element.begin
        for found in _ATTRIBUTE.finditer(self.body, begin, begin + len(_tag_at(self.body, begin))):
            if found[1] == b"uri":
                return found.start(2), found.end(2), quoteattr(uri).encode()
        raise Conflict(f"the entry of {one.name} has no URI; change it where it was written")

    def _with_name(self, one: Entry, name: str) -> tuple[int, int, bytes]:
        if one.display:
            return one.display.begin, one.display.end, self._display(one.element, name)
        return self._put_into(one.element, self._display(one.element, name))

    def _without(self, one: Entry) -> tuple[int, int, bytes]:
        return one.element.begin, one.element.end, b""

    def _added(self, mine: list[Entry], name: str, uris: list[str]) -> Iterator[tuple[int, int, bytes]]:
        if not uris:
            return
        place = mine[-1].element.parent if mine else next((one for one in self._all if one.is_a("list")), None)
        root = place or self._all[0]
        text = b"".join(b"<%s uri=%s>%s</%s>\n" % (_called(root, "entry"), quoteattr(uri).encode(), self._display(root, name), _called(root, "entry")) for uri in uris)
        if place is None:
            text = b'<%s name="contacts">%s</%s>' % (_called(root, "list"), text, _called(root, "list"))
        yield self._put_into(root, text)

    @staticmethod
    def _display(near: _Element, name: str) -> bytes:
        tag = _called(near, "display-name")
        return b"<%s>%s</%s>" % (tag, escape(name).encode(), tag)


@dataclass(frozen=True)
class Service:
    """One list that can be subscribed to. uri: of the list; members: URIs; elsewhere: where they stand, if not here; packages: the events that it takes, all where none is named."""

    uri: str
    members: tuple[str, ...]
    elsewhere: str
    packages: tuple[str, ...]
    element: _Element

    @property
    def lamps(self) -> bool:
        """True where a busy lamp field can subscribe to it."""
        return not self.packages or _BLF in self.packages


class Services(Document):
    """The lists of an account that can be subscribed to (RFC 4826, 4.1)."""

    auid, space, what, media_type = "rls-services", SERVICES, "lists to subscribe to", "application/rls-services+xml"

    def __init__(self, body: bytes | None = None) -> None:
        """See Document."""
        super().__init__(body)
        self.services = tuple(_service(one) for one in self._all if one.is_a("service", SERVICES) and one.parent is self._all[0])

    def service(self, uri: str) -> Service | None:
        """Return the list of this URI, or None."""
        return next((one for one in self.services if one.uri == uri), None)

    def with_service(self, uri: str, members: Sequence[str]) -> Services:
        """Return a document in which a list has these members and no others, and takes subscriptions of lamps; raises Conflict where its members stand elsewhere."""
        here = self.service(uri)
        if here is None:
            return self._edited([self._put_into(self._all[0], self._written(uri, members, (_BLF,)))])
        if here.elsewhere:
            raise Conflict(f"the members of {_shown(uri)} stand in another document ({_shown(here.elsewhere)}); change them there")
        if here.lamps and here.members == tuple(members):
            return self
        strange = [one.name for one in here.element.inside if not any(one.is_a(name, SERVICES) for name in ("list", "packages"))]
        if strange:
            raise Conflict(f"the list {_shown(uri)} holds what is not known here ({_shown(', '.join(strange))}); change it where it was written")
        packages = (*here.packages, *(() if here.lamps else (_BLF,)))
        return self._edited([(here.element.begin, here.element.end, self._written(uri, members, packages))])

    def without_service(self, uri: str) -> Services:
        """Return the document without a list; raises NotHere."""
        here = self.service(uri)
        if here is None:
            raise NotHere(f"the server has no list {uri}{nearest(uri, [one.uri for one in self.services])}")
        return self._edited([(here.element.begin, here.element.end, b"")])

    def _written(self, uri: str, members: Sequence[str], packages: Sequence[str]) -> bytes:
        """Return the element of a list, in the prefix that the document has for its own."""
        root = self._all[0]
        tag = {name: _called(root, name).decode() for name in ("service", "list", "packages", "package")}
        entries = "".join(f'<entry xmlns="{LISTS}" uri={quoteattr(member)}/>' for member in members)
        named = "".join(f"<{tag['package']}>{escape(one)}</{tag['package']}>" for one in packages)
        some = f"<{tag['packages']}>{named}</{tag['packages']}>" if packages else ""
        return f"<{tag['service']} uri={quoteattr(uri)}><{tag['list']}>{entries}</{tag['list']}>{some}</{tag['service']}>".encode()


def _service(element: _Element) -> Service:
    inside = {name: next((one for one in element.inside if one.is_a(name, SERVICES)), None) for name in ("list", "resource-list", "packages")}
    lists, packages, elsewhere = inside["list"], inside["packages"], inside["resource-list"]
    return Service(
        element.attributes.get("uri", ""), tuple(_members(lists)) if lists else (), elsewhere.text.strip() if elsewhere else "",
        tuple(one.text.strip() for one in packages.inside if one.is_a("package", SERVICES)) if packages else (), element,
    )  # fmt: skip


def _members(here: _Element) -> Iterator[str]:
    """Yield the URIs of a list, with those of the lists in it."""
    for one in here.inside:
        if one.is_a("entry"):
            yield one.attributes.get("uri", "")
        elif one.is_a("list"):
            yield from _members(one)


def _called(near: _Element, name: str) -> bytes:
    """Return an element's name with the prefix that its namespace has here."""
    return (f"{near.prefix}:{name}" if near.prefix else name).encode()


def number_of(uri: str, domain: str) -> str:
    """Return what a phone dials for a URI, empty for one of another kind than sip, sips and tel.

    >>> number_of("sip:213@example.com;user=phone", "example.com"), number_of("sip:bob@example.org", "example.com"), number_of("tel:+351-21-234", "example.com")
    ('213', 'bob@example.org', '+35121234')
    """
    scheme, colon, rest = uri.strip().partition(":")
    rest = re.split("[;?]", rest)[0]
    if colon and scheme.lower() == "tel":
        return re.sub(r"[-.() ]", "", rest)
    if not colon or scheme.lower() not in ("sip", "sips") or not rest:
        return ""
    user, at, host = rest.rpartition("@")
    user = unquote(user)
    return user if at and host.lower() == domain.lower() and re.fullmatch(r"\+?[0-9*#]+", user) else rest


def uri_of(number: str, domain: str) -> str:
    """Return the URI of a number, or of a SIP address, as `number_of` gives it back.

    >>> uri_of("+351 21 234", "example.com"), uri_of("bob@example.org", "example.com")
    ('sip:+35121234@example.com', 'sip:bob@example.org')
    """
    if "@" in number:
        return number if re.match("sips?:", number) else f"sip:{number}"
    return f"sip:{re.sub(r'[-.() ]', '', number).replace('#', '%23')}@{domain}"
