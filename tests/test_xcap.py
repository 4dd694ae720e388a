"""Contacts that a provider keeps (XCAP), asked at Kamailio: shown, in every phone's own phone book, edited there, and nobody's edit overwritten."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner import coverage
from provisioner.admin import SAME, Admin, accounts, devices, lines, phonebook, sites, xcap
from provisioner.cli.root import cli
from provisioner.config import Config
from provisioner.errors import BadConfig, BadValue, Conflict, Declined, NotHere, Unreached
from provisioner.families import Catalog, Family, FileRule
from provisioner.outgoing import Allowed
from provisioner.sip.link import trusting
from provisioner.things import Account, Device, Line
from provisioner.wire import PhoneRequest
from provisioner.xcap.client import Client
from provisioner.xcap.link import LARGEST, Means
from provisioner.xcap.lists import LISTS, SERVICES, Lists, Services, auids
from tests import authority, xcap_server
from tests.acme import MAC
from tests.xcap_server import AUIDS, DOMAIN, PASSWORD, Server

ADDRESS = f"212@{DOMAIN}"
HERE = Allowed.of(["127.0.0.0/8"])
DOCUMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- of another client -->
<rl:resource-lists xmlns:rl="{LISTS}" xmlns:x="urn:x">
  <rl:list name="friends" x:colour="ré&#100;">
    <rl:entry uri='sip:213@{DOMAIN}'><rl:display-name xml:lang="pt">Anna Silva</rl:display-name><x:star/></rl:entry>
    <rl:external anchor="https://xcap.example.org/x"/>
    <rl:list name="work"><rl:entry note=" uri='no' " uri="tel:+351-21-234"><rl:display-name>Bert &amp; Söhne</rl:display-name></rl:entry></rl:list>
    <rl:entry-ref ref="resource-lists/users/x/index"/>
    <rl:entry uri="mailto:carl@example.org"><rl:display-name>Carl</rl:display-name></rl:entry>
  </rl:list>
</rl:resource-lists>
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with xcap_server.running(tmp_path_factory.mktemp("xcap")) as here:
        yield here


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return authority.put(tmp_path_factory.mktemp("trust") / "root.pem", authority.root().pem)


@pytest.fixture(scope="module")
def ways(root: Path) -> Means:
    """Return means that may ask loopback, and that believe the root of the tests."""
    return Means(HERE, 5.0, trusting(root))


@pytest.fixture
def kept(server: Server) -> Server:
    """Return the server with the document of another client in it."""
    server.other_client("PUT", "212", DOCUMENT.encode())
    return server


@pytest.fixture
def here(admin: Admin, server: Server) -> Admin:
    """Return the operators' verbs, with the account of the tests."""
    accounts.add(admin, ADDRESS, {"password": PASSWORD, "xcap_root": server.root() + "/"})
    return admin


def account(server: Server, door: str = "tls", **facts: object) -> Account:
    return replace(Account(ADDRESS, password=PASSWORD, xcap_root=server.root(door)), **facts)  # type: ignore[arg-type]


def book(*entries: str, inside: str = "") -> bytes:
    return f'<resource-lists xmlns="{LISTS}"><list name="a">{"".join(entries)}</list>{inside}</resource-lists>'.encode()


def entry(uri: str, name: str) -> str:
    return f'<entry uri="{uri}"><display-name>{name}</display-name></entry>'


# What the server has.


@pytest.mark.parametrize("door", ["tls", "plain", "basic"])
def test_what_a_server_offers_is_read_with_digest_and_with_basic_over_tls(kept: Server, ways: Means, door: str) -> None:
    client = Client(account(kept, door), ways)
    assert client.auids() == AUIDS
    assert client.read().lists.body == DOCUMENT.encode()


def test_sha_256_is_answered_where_the_server_asks_for_it(tmp_path: Path, ways: Means) -> None:
    with xcap_server.running(tmp_path, "SHA-256") as other:
        assert Client(account(other), ways).auids() == AUIDS
        with pytest.raises(Declined, match="refuses the password"):
            Client(account(other, password="wr0ng"), ways).auids()


@pytest.mark.parametrize(("door", "facts", "sentence"), [
    ("tls", {"password": "wr0ng"}, r"refuses the password of '212' \(401 Unauthorized\); correct the account's password, or its auth username"),
    ("basic", {"auth_username": "nobody"}, "refuses the password of 'nobody'"),
    ("tls", {"password": ""}, "asks for a password, and the account has none"),
    ("open", {}, "asks for the password by Basic over http, where anybody on the way can read it; it was not sent"),
    ("plain", {"auth_username": "stranger"}, r"does not take the question for contacts \(403 Forbidden\)"),
])  # fmt: skip
def test_what_is_wrong_is_said(server: Server, ways: Means, door: str, facts: dict[str, str], sentence: str) -> None:
    with pytest.raises(Declined, match=sentence) as said:
        Client(account(server, door, **facts), ways).read()
    assert PASSWORD not in str(said.value) and "wr0ng" not in str(said.value)


def test_an_account_that_names_no_server_asks_none(server: Server, ways: Means) -> None:
    with pytest.raises(Conflict, match="has no XCAP root; `provisioner account change 212@sip.example.com --xcap-root URL`"):
        Client(account(server, xcap_root=""), ways).read()


def test_a_wrong_root_is_told_from_a_wrong_password(server: Server, ways: Means) -> None:
    with pytest.raises(Declined, match=r"has no xcap-caps under the account's XCAP root .*; correct the root"):
        Client(account(server, xcap_root=server.root().replace("xcap-root", "elsewhere")), ways).auids()


def test_a_server_that_sends_us_elsewhere_is_not_followed(server: Server, ways: Means) -> None:
    with pytest.raises(Declined, match=r"sends us elsewhere \(302 Found: https://elsewhere.example.com/xcap-root\), where no password goes by itself"):
        Client(account(server, xcap_root=server.root().replace("xcap-root", "moved")), ways).auids()


def test_a_certificate_that_nobody_vouches_for_is_not_believed(server: Server) -> None:
    with pytest.raises(Unreached, match="is not believed: unable to get local issuer certificate; .*--trust"):
        Client(account(server), Means(HERE)).auids()


def test_a_server_that_names_its_users_otherwise_is_understood(server: Server, ways: Means) -> None:
    server.other_client("PUT", "bare", book(entry("sip:213@sip.example.com", "Anna")), "bare")
    found = Client(Account(f"bare@{DOMAIN}", password=PASSWORD, xcap_root=server.root()), ways).read()
    assert found.path == "resource-lists/users/bare/index" and found.lists.people(DOMAIN) == (("Anna", (("work", "213"),)),)


# Where nobody may be asked (S24).


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "169.254.169.254", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.1.75", "10.1.2.3", "[fd00::1]", "0.0.0.0", "[64:ff9b:1::a01:203]", "[fe80::1]", "192.0.2.1"])  # fmt: skip
def test_without_leave_nothing_private_is_asked(host: str) -> None:
    with pytest.raises(Unreached, match="no request goes to .*(private address|no address of one server)"):
        Client(Account(ADDRESS, password=PASSWORD, xcap_root=f"https://{host}/xcap-root"), Means())


def test_what_may_be_asked_is_named_by_host_or_network() -> None:
    with pytest.raises(Unreached, match="over http, where anybody on the way reads along"):
        Allowed().addresses("93.184.216.34", 80, secure=False)
    assert Allowed().addresses("93.184.216.34", 443, secure=True) == ["93.184.216.34"]
    assert Allowed.of(["localhost"]).addresses("localhost", 80, secure=False)
    assert Allowed.of(["10.0.0.0/8"]).addresses("10.1.2.3", 80, secure=False) == ["10.1.2.3"]
    assert Allowed.of(["10.0.0.0/8"]).addresses("64:ff9b::a01:203", 443, secure=True) == ["64:ff9b::a01:203"]
    with pytest.raises(Unreached, match="no address of one server elsewhere"):
        Allowed.of(["0.0.0.0/0"]).addresses("224.0.1.75", 443, secure=True)
    with pytest.raises(Unreached, match="knows no address of xcap.invalid"):
        Allowed().addresses("xcap.invalid", 443, secure=True)


# Hostile servers and documents.


def _answering(*pieces: bytes) -> tuple[int, threading.Thread]:
    """Return the port of a server that says this to the first who asks, and then nothing, without ending; and the thread that does it."""
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with door, door.accept()[0] as wire:
            wire.recv(4096)
            try:
                for piece in pieces:
                    wire.sendall(piece)
                wire.recv(4096)  # until the other side has had enough
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return door.getsockname()[1], thread


@pytest.mark.parametrize(("pieces", "sentence"), [
    ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow",), "does not answer within 0.3 seconds"),
    ((), "does not answer within 0.3 seconds"),
    ((b"HTTP/1.1 200 OK\r\n\r\n", b"x" * (LARGEST + 1)), "answers with more than 1,000,000 bytes"),
    ((b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n",), "does not speak HTTP"),
    ((b"SIP/2.0 200 OK\r\n\r\n",), "does not speak HTTP"),
    ((b"HTTP/1.1 200 OK\r\nContent-Length: two\r\nConnection: close\r\n\r\n",), "does not answer within"),
])  # fmt: skip
def test_a_server_that_never_ends_is_left(pieces: tuple[bytes, ...], sentence: str) -> None:
    port, thread = _answering(*pieces)
    with pytest.raises((Unreached, Declined), match=sentence):
        Client(Account(ADDRESS, xcap_root=f"http://127.0.0.1:{port}"), Means(HERE, 0.3)).auids()
    thread.join(5)
    assert not thread.is_alive()


LAUGHS = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(("body", "sentence"), [
    (LAUGHS.encode() + book(entry("sip:&b;@x", "A")), "defines a document type or entities"),
    (b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + book(), "defines a document type or entities"),
    (book(entry("sip:1@x", "&xxe;")), "no well-formed XML"),
    (book()[:-4], "no well-formed XML"),
    (b"", "no well-formed XML"),
    (b"<html/>", "it begins with 'html'"),
    (b"<resource-lists/>", "it begins with 'resource-lists'"),
    ('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), "UTF-16"),
    (b'<?xml version="1.0" encoding="iso-8859-1"?>' + book(), "written in 'iso-8859-1'"),
    (book("<list>" * 20 + "</list>" * 20), "more than 16 elements in each other"),
    (book(*[f'<entry uri="sip:{n}@x"/>' for n in range(5001)]), "has 5,001 entries"),
])  # fmt: skip
def test_a_hostile_document_is_not_read(body: bytes, sentence: str) -> None:
    with pytest.raises(Declined, match=sentence):
        Lists(body)


def test_hostile_xcap_caps_are_not_read() -> None:
    with pytest.raises(Declined, match="defines a document type"):
        auids(LAUGHS.encode() + b"<x/>")
    with pytest.raises(Declined, match="begins? with 'html'"):
        auids(b"<html/>")


def test_a_document_that_the_server_keeps_and_is_none_of_contacts_changes_nothing_here(here: Admin, kept: Server, ways: Means) -> None:
    xcap.fetch(here, ADDRESS, ways)
    before = here.store.book(ADDRESS)
    kept.other_client("PUT", "212", LAUGHS.encode() + book(entry("sip:1@x", "&b;")))
    with pytest.raises(Declined, match="defines a document type"):
        xcap.fetch(here, ADDRESS, ways)
    assert here.store.book(ADDRESS) == before


# Documents.


def test_people_are_read_as_phones_dial_them() -> None:
    assert Lists(DOCUMENT.encode()).people(DOMAIN) == (("Anna Silva", (("work", "213"),)), ("Bert & Söhne", (("work", "+35121234"),)))
    prop = '<cp:prop xmlns:cp="counterpath:properties" name="{}" value="{}"/>'
    by_phone = f"<entry><display-name>Dora</display-name>{prop.format('business_number', '215')}{prop.format('mobile_number#1', '+351912')}{prop.format('comment', '9')}</entry>"
    assert Lists(book(by_phone, entry("sip:214@sip.example.com;user=phone", "Dora"), '<entry uri="sips:eve@example.org"/>')).people(DOMAIN) == (
        ("Dora", (("work", "215"), ("mobile", "+351912"), ("work", "214"))), ("eve@example.org", (("work", "eve@example.org"),)),
    )  # fmt: skip
    with pytest.raises(Conflict, match="only read here"):
        Lists(book(by_phone)).without_person("Dora", DOMAIN)


def test_an_edit_changes_its_entries_and_not_one_byte_beside_them() -> None:
    before = Lists(DOCUMENT.encode())
    uri, other = f"sip:213@{DOMAIN}", f"sip:214@{DOMAIN}"
    assert before.with_person("Anna Silva", ["213"], DOMAIN).body == before.body == before.with_person("Bert & Söhne", ["+351 21 234"], DOMAIN).body
    assert before.with_person("Anna Silva", ["214"], DOMAIN).body == DOCUMENT.replace(f"'{uri}'", f'"{other}"').encode()
    assert before.with_person("Bert & Söhne", ["9@x"], DOMAIN).body == DOCUMENT.replace("tel:+351-21-234", "sip:9@x").encode()
    new = '<rl:entry uri="sip:1@x"><rl:display-name>A &lt; "B"</rl:display-name></rl:entry>\n'
    assert before.with_person('A < "B"', ["1@x"], DOMAIN).body == DOCUMENT.replace("  </rl:list>\n</rl:res", f"  {new}</rl:list>\n</rl:res").encode()
    assert before.without_person("Carl", DOMAIN).body == re.sub(r"<rl:entry uri=\"mailto.*?</rl:entry>", "", DOCUMENT).encode()
    with pytest.raises(NotHere, match="did you mean Anna Silva"):
        before.without_person("Ana Silva", DOMAIN)
    with pytest.raises(Conflict, match="stands there for Anna Silva already"):
        before.with_person("Zoe", ["213"], DOMAIN)


def test_an_entry_without_a_name_goes_by_its_number() -> None:
    before = Lists(book('<entry uri="sip:213@x"/>'))
    assert before.people("x") == (("213", (("work", "213"),)),)
    assert before.with_person("213", ["213"], "x").body == before.body
    assert before.with_person("213", ["214"], "x").people("x") == (("213", (("work", "214"),)),)
    assert before.with_person("Anna", ["213"], "x").body == book('<entry uri="sip:213@x"><display-name>Anna</display-name></entry>')
    assert before.without_person("213", "x").body == book()


@pytest.mark.parametrize("body", [
    f'<resource-lists xmlns="{LISTS}"/>', f'<resource-lists xmlns="{LISTS}"><list/></resource-lists>', f'<resource-lists xmlns="{LISTS}"><list name="/>" ></list></resource-lists>',
    f'<a:resource-lists xmlns:a="{LISTS}"><a:list><a:entry uri="sip:7@x"/></a:list></a:resource-lists>',
])  # fmt: skip
def test_somebody_can_be_added_to_a_document_of_any_shape(body: str) -> None:
    made = Lists(body.encode()).with_person("Zoe", ["7", "8"], "x")
    assert made.people("x") == (("Zoe", (("work", "7"), ("work", "8"))),)
    assert made.with_person("Zoe", ["8"], "x").without_person("Zoe", "x").people("x") == ()


# Phone books.


def _shows_contacts(family: Family, rule: FileRule) -> bool:
    """Return True where a rule's template, or one that it takes in, goes through the phone book."""
    seen, names = set(), [rule.template]
    while names:
        name = names.pop()
        file = next((place for folder in (*family.folders, family.folders[0].parent) if (place := folder / name).is_file()), None)
        if name and file and file not in seen:
            seen.add(file)
            text = file.read_text("utf-8")
            if "book.entries" in text:
                return True
            names += re.findall(r'{% (?:include|from|import|extends) "([^"]+)"', text)
    return False


def _phones_with_books(catalog: Catalog) -> Iterator[tuple[Family, str, str]]:
    """Yield (family, model, firmware) of one phone of each family that has a phone book's file."""
    from bench.fleet import firmware_of

    for family in catalog.families.values():
        for model, firmware in ((model, firmware) for firmware in (firmware_of(family), "") for model in family.models):
            if any(_shows_contacts(family, rule) and rule.answers for rule in family.rules(model, firmware)):
                yield family, model, firmware
                break


def _files(here: Admin, mac: str, agent: str) -> str:
    """Return all that a phone gets when it boots, as it asks for it."""
    replies = [here.booter.answer(PhoneRequest(name, "127.0.0.1", "http", agent)) for name, _ in here.booter.files_of(mac)]
    return "\n".join(reply.body.decode("utf-8", "replace") for reply in replies if reply.outcome == "served")


def test_what_another_client_puts_is_in_the_phone_book_of_every_family_that_has_one(here: Admin, kept: Server, ways: Means, catalog: Catalog) -> None:
    sites.change(here, "default", {"public_url": "http://192.0.2.1:8080"})
    phonebook.add(here, "default", "Zita", ["99"])
    chosen = list(_phones_with_books(catalog))
    assert len(chosen) > 15
    phones = {}
    for number, (family, model, firmware) in enumerate(chosen):
        mac = f"{family.ouis[0] if family.ouis else '0a1b2c'}{number:06x}"
        with here.store.change("test", "test") as tx:
            tx.put_device(Device(mac, family.slug, model, firmware=firmware, serial=f"SN{number}"))
            tx.put_line(Line(mac, 1, ADDRESS))
        values = {"mac": mac, "model": model, "firmware": firmware or "1.0", "serial": f"SN{number}", "code": family.models[model].code or model.lower()}
        phones[mac] = (family.slug, next((pattern.fill(values) for pattern in family.user_agents if pattern.generates), ""))
    revisions = {mac: here.store.revision(mac) for mac in phones}

    done = xcap.fetch(here, ADDRESS, ways)

    assert done.sentence == f"took 2 contacts of {ADDRESS} from its server; {len(phones)} phones will show them"
    assert all(here.store.revision(mac) > revisions[mac] for mac in phones)  # type: ignore[operator]
    wanted = ("Anna", "213", "35121234", "Zita")
    got = {slug: _files(here, mac, agent) for mac, (slug, agent) in phones.items()}
    by_itself = [slug for slug, text in got.items() if "xcap_server_name" in text]  # reads the provider's contacts by XCAP, and would show them twice
    lacking = {slug: [word for word in (wanted if slug not in by_itself else wanted[-1:]) if word not in text] for slug, text in got.items()}
    assert {slug: words for slug, words in lacking.items() if words} == {} and by_itself == ["snom"] and '"Anna' not in got["snom"]

    kept.other_client("PUT", "212", book(entry("sip:217@sip.example.com", "Gil")))
    assert xcap.fetch(here, ADDRESS, ways).changed
    now = {slug: _files(here, mac, agent) for mac, (slug, agent) in phones.items()}
    assert [slug for slug, text in now.items() if not (("Gil" in text or slug in by_itself) and "Anna" not in text and "Zita" in text)] == []
    history = here.store.changes(1)[0]
    assert (history.noun, history.name) == ("account book", ADDRESS) and history.after == {"contacts": [["Gil", [["work", "217"]]]]}

    xcap.put(here, ADDRESS, "Hugo", ["219"], ways)
    assert b"Hugo" in kept.other_client("GET", "212")
    now = {slug: _files(here, mac, agent) for mac, (slug, agent) in phones.items() if slug not in by_itself}
    assert [slug for slug, text in now.items() if "Hugo" not in text] == []
    kept.other_client("PUT", "212", book(entry("sip:220@sip.example.com", "Iva")))
    with pytest.raises(Conflict, match="Iva is new"):
        xcap.put(here, ADDRESS, "Jana", ["221"], ways)
    assert {slug: _files(here, mac, agent) for mac, (slug, agent) in phones.items() if slug not in by_itself} == now


def test_contacts_that_are_the_same_touch_no_phone(here: Admin, kept: Server, ways: Means) -> None:
    devices.add(here, "805ec0d57d72", "yealink/T46U", {})
    lines.assign(here, "805ec0d57d72", ADDRESS)
    sites.change(here, "default", {"public_url": "http://192.0.2.1:8080"})
    assert xcap.fetch(here, ADDRESS, ways).changed
    standing = here.store.revision("805ec0d57d72"), here.store.changes()
    assert xcap.fetch(here, ADDRESS, ways).sentence == SAME  # 304
    kept.other_client("PUT", "212", DOCUMENT.replace("<!-- of", "<!-- again of").encode())
    assert xcap.fetch(here, ADDRESS, ways).sentence == SAME  # another ETag, the same people
    assert (here.store.revision("805ec0d57d72"), here.store.changes()) == standing
    accounts.change(here, ADDRESS, {"xcap_root": ""})
    assert here.store.book(ADDRESS) is None and not here.store.facts_for("805ec0d57d72").contacts  # type: ignore[union-attr]


def test_the_same_person_in_two_books_stands_there_once(here: Admin, kept: Server, ways: Means) -> None:
    devices.add(here, "805ec0d57d72", "yealink/T46U", {})
    lines.assign(here, "805ec0d57d72", ADDRESS)
    sites.change(here, "default", {"public_url": "http://192.0.2.1:8080"})
    phonebook.add(here, "default", "Anna Silva", ["mobile=213", "home=5"])
    xcap.fetch(here, ADDRESS, ways)
    found = {one.name: one.numbers for one in here.store.facts_for("805ec0d57d72").contacts}  # type: ignore[union-attr]
    assert found == {"Anna Silva": (("mobile", "213"), ("home", "5")), "Bert & Söhne": (("work", "+35121234"),)}


def test_who_cannot_stand_in_a_phone_book_is_told(here: Admin, server: Server, ways: Means) -> None:
    server.other_client("PUT", "212", book(entry("sip:1@sip.example.com", "N" * 65), entry("sip:2@sip.example.com", "\u202eevil"), entry("sip:a%22b@x", "Q"), entry("sip:3@sip.example.com", "Fine")))
    done = xcap.fetch(here, ADDRESS, ways)
    assert [one.name for one in here.store.book(ADDRESS).contacts] == ["Fine"]  # type: ignore[union-attr]
    assert done.notes[0].startswith("3 contacts cannot stand in a phone book here: ") and "\u202e" not in done.notes[0]


# Edits.


def test_an_edit_here_is_seen_by_the_other_client(here: Admin, kept: Server, ways: Means) -> None:
    xcap.fetch(here, ADDRESS, ways)
    assert xcap.put(here, ADDRESS, "Gil", ["217", "gil@example.org"], ways).sentence == f"put Gil among the contacts of {ADDRESS} at its server"
    seen = kept.other_client("GET", "212")
    assert Lists(seen).people(DOMAIN)[-1] == ("Gil", (("work", "217"), ("work", "gil@example.org"))) and b"<!-- of another client -->" in seen
    assert [one.name for one in here.store.book(ADDRESS).contacts] == ["Anna Silva", "Bert & Söhne", "Gil"]  # type: ignore[union-attr]
    assert xcap.put(here, ADDRESS, "Gil", ["217", "gil@example.org"], ways).sentence == SAME
    xcap.remove(here, ADDRESS, "Anna Silva", ways)
    assert b"Anna" not in kept.other_client("GET", "212")
    assert xcap.fetch(here, ADDRESS, ways).sentence == SAME


def test_what_a_phone_cannot_carry_is_not_put(here: Admin, kept: Server, ways: Means) -> None:
    (here.catalog.families["acme"].folders[0] / "phone.acme.j2").write_text("{% for entry in book.entries %}\ncontact = {{ entry.name }}\n{% endfor %}\n")
    devices.add(here, MAC, "acme/Two", {})
    lines.assign(here, MAC, ADDRESS)
    history = here.store.changes()
    with pytest.raises(BadValue, match="could not get its file: a name in the phone book .* Nothing was changed"):
        xcap.put(here, ADDRESS, "%EMPTY%", ["217"], ways)
    assert kept.other_client("GET", "212") == DOCUMENT.encode() and here.store.changes() == history and here.store.book(ADDRESS) is None


def test_the_first_contact_makes_the_document(here: Admin, kept: Server, ways: Means) -> None:
    kept.other_client("DELETE", "212")
    assert xcap.shown(here, ADDRESS, ways)["contacts"] == []
    xcap.put(here, ADDRESS, "Gil", ["217"], ways)
    assert Lists(kept.other_client("GET", "212")).people(DOMAIN) == (("Gil", (("work", "217"),)),)


def test_what_nobody_here_has_seen_is_not_overwritten(here: Admin, kept: Server, ways: Means) -> None:
    xcap.fetch(here, ADDRESS, ways)
    others = book(entry("sip:218@sip.example.com", "Anna Silva"), entry("sip:219@sip.example.com", "Hugo"))
    kept.other_client("PUT", "212", others)
    with pytest.raises(Conflict) as told:
        xcap.put(here, ADDRESS, "Gil", ["217"], ways)
    assert "Hugo is new (219); Bert & Söhne is gone; Anna Silva has 218 instead of 213. Nothing was written; `provisioner account xcap fetch 212@sip.example.com`" in str(told.value)
    assert kept.other_client("GET", "212") == others
    xcap.fetch(here, ADDRESS, ways)
    xcap.put(here, ADDRESS, "Gil", ["217"], ways)
    assert [name for name, _ in Lists(kept.other_client("GET", "212")).people(DOMAIN)] == ["Anna Silva", "Gil", "Hugo"]


def test_a_race_that_is_lost_at_the_last_moment_is_lost(here: Admin, kept: Server, ways: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    xcap.fetch(here, ADDRESS, ways)
    others, write = book(entry("sip:219@sip.example.com", "Hugo")), Client.write

    def second(client: Client, *what: object) -> str | None:
        kept.other_client("PUT", "212", others)  # between our reading and our writing
        return write(client, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "write", second)
    with pytest.raises(Conflict, match="Hugo is new"):
        xcap.put(here, ADDRESS, "Gil", ["217"], ways)
    assert kept.other_client("GET", "212") == others


# Lists that lamps subscribe to.

OF_ANOTHER = f"""<r:rls-services xmlns:r="{SERVICES}" xmlns:rl="{LISTS}"><!-- of another client -->
  <r:service uri="sip:buddies@{DOMAIN}"><r:list><rl:entry uri="sip:213@{DOMAIN}"/><rl:list name="more"><rl:entry uri="sip:x@y"/></rl:list></r:list><r:packages><r:package>presence</r:package></r:packages></r:service>
  <r:service uri="sip:all@{DOMAIN}"><r:resource-list>https://xcap.example.com/x</r:resource-list></r:service>
</r:rls-services>
"""


def test_lists_for_lamps_are_shown_put_and_taken_away_and_the_other_client_sees_it(here: Admin, server: Server, ways: Means) -> None:
    assert xcap.lists(here, ADDRESS, ways) == []
    assert xcap.put_list(here, ADDRESS, "team", ["213", "214"], ways).sentence == f"put 2 members into the list team@{DOMAIN} of {ADDRESS} at its server"
    seen = Services(server.other_client("GET", "212", auid="rls-services")).service(f"sip:team@{DOMAIN}")
    assert seen and seen.members == (f"sip:213@{DOMAIN}", f"sip:214@{DOMAIN}") and seen.packages == ("dialog",)
    assert xcap.put_list(here, ADDRESS, "team", ["213", "214"], ways).sentence == SAME

    server.other_client("PUT", "212", OF_ANOTHER.encode(), auid="rls-services")
    assert [(row["list"], row["members"], row["elsewhere"], row["lamps"]) for row in xcap.lists(here, ADDRESS, ways)] == [
        (f"buddies@{DOMAIN}", ["213", "x@y"], "", False), (f"all@{DOMAIN}", [], "https://xcap.example.com/x", True),
    ]  # fmt: skip
    xcap.put_list(here, ADDRESS, f"team@{DOMAIN}", ["215"], ways)
    after = server.other_client("GET", "212", auid="rls-services").decode()
    assert after == OF_ANOTHER.replace("</r:rls-services>", f'<r:service uri="sip:team@{DOMAIN}"><r:list><entry xmlns="{LISTS}" uri="sip:215@{DOMAIN}"/></r:list><r:packages><r:package>dialog</r:package></r:packages></r:service></r:rls-services>')
    xcap.put_list(here, ADDRESS, "buddies", ["216"], ways)
    buddies = Services(server.other_client("GET", "212", auid="rls-services")).service(f"sip:buddies@{DOMAIN}")
    assert buddies and buddies.members == (f"sip:216@{DOMAIN}",) and buddies.packages == ("presence", "dialog")
    with pytest.raises(Conflict, match="the members of sip:all@sip.example.com stand in another document"):
        xcap.put_list(here, ADDRESS, "all", ["1"], ways)
    xcap.remove_list(here, ADDRESS, "team", ways)
    assert "team" not in server.other_client("GET", "212", auid="rls-services").decode()
    with pytest.raises(NotHere, match="the server has no list sip:tea@"):
        xcap.remove_list(here, ADDRESS, "tea", ways)


def test_a_list_that_was_put_is_what_phones_that_can_are_told(here: Admin, server: Server, ways: Means, catalog: Catalog) -> None:
    sites.change(here, "default", {"public_url": "http://192.0.2.1:8080"})
    able = [(slug, next(iter(family.models))) for slug, family in catalog.families.items() if "blf_list" in "".join(file.read_text("utf-8") for file in family.folders[0].glob("*.j2"))]
    assert len(able) > 8
    phones = {}
    for number, (slug, model) in enumerate(able):
        mac = f"{catalog.families[slug].ouis[0]}{number:06x}"
        with here.store.change("test", "test") as tx:
            tx.put_device(Device(mac, slug, model, serial=f"SN{number}"))
            tx.put_line(Line(mac, 1, ADDRESS))
        phones[mac] = slug
    xcap.put_list(here, ADDRESS, "team", ["213"], ways, on_phones=True)
    assert here.store.layer(f"account:{ADDRESS}") == {"blf_list": f"team@{DOMAIN}"}
    assert next(row["on_phones"] for row in xcap.lists(here, ADDRESS, ways) if row["list"] == f"team@{DOMAIN}")
    shown = {slug for mac, slug in phones.items() if f"team@{DOMAIN}" in _files(here, mac, "")}
    can = {slug for slug, model in able if (family := catalog.families[slug]).models and coverage.takes(here.booter.renderer, family, family.models[model], "blf_list")}
    assert shown == can and len(can) > 8
    with pytest.raises(Conflict, match="are told to show team@sip.example.com; `provisioner unset account:212@sip.example.com blf_list`"):
        xcap.remove_list(here, ADDRESS, "team", ways)


def test_a_list_that_somebody_else_changed_at_the_same_moment_is_not_overwritten(here: Admin, server: Server, ways: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    xcap.put_list(here, ADDRESS, "team", ["213"], ways)
    write = Client.write

    def second(client: Client, *what: object) -> str | None:
        server.other_client("PUT", "212", OF_ANOTHER.encode(), auid="rls-services")
        return write(client, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "write", second)
    with pytest.raises(Conflict, match="somebody else changed the lists of 212@sip.example.com at its server just now; nothing was written"):
        xcap.put_list(here, ADDRESS, "team", ["214"], ways)
    assert server.other_client("GET", "212", auid="rls-services").decode() == OF_ANOTHER


@pytest.mark.parametrize(("body", "sentence"), [
    (b"<rls-services/>", "the document of lists to subscribe to is none"), (book(), "is none: it begins with 'resource-lists'"), (b"<x", "no well-formed XML"),
])  # fmt: skip
def test_what_is_no_document_of_such_lists_is_said(body: bytes, sentence: str) -> None:
    with pytest.raises(Declined, match=sentence):
        Services(body)


# The command.


def test_the_command_shows_fetches_and_edits(here: Admin, kept: Server, root: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'state = "{tmp_path / "state"}"\noutgoing = ["127.0.0.1"]\n')
    run = partial(CliRunner().invoke, cli)
    before, trust = ("--config", str(tmp_path / "config.toml"), "account", "xcap"), ("--trust", str(root))

    shown = run((*before, ADDRESS, *trust))
    assert shown.exit_code == 0, shown.output
    assert re.search(r"auids +xcap-caps\n +resource-lists\n", shown.stdout) and "Bert & Söhne  work +35121234\n" in shown.stdout
    assert re.search(r'etag +"sr-', shown.stdout) and f"not yet; `provisioner account xcap fetch {ADDRESS}`" in shown.stdout
    assert run((*before, "fetch", "--all", *trust)).stdout == f"{ADDRESS}: took 2 contacts of {ADDRESS} from its server\n"
    assert run((*before, "put", ADDRESS, "Gil", "217", *trust)).exit_code == 0
    assert '"name": "Gil"' in run((*before, "show", ADDRESS, "--json", *trust)).stdout
    assert run((*before, "remove", ADDRESS, "Gil", *trust)).stdout == f"took Gil out of the contacts of {ADDRESS} at its server\n"

    assert run((*before, "put-list", ADDRESS, "crew", "213", "--on-phones", *trust)).stdout.startswith(f"put 1 member into the list crew@{DOMAIN} of {ADDRESS} at its server; set blf_list = crew@{DOMAIN} for account:{ADDRESS}")
    assert re.search(rf"crew@{re.escape(DOMAIN)} +213 +dialog +on +on", run((*before, "lists", ADDRESS, *trust)).stdout)
    assert run(("--config", str(tmp_path / "config.toml"), "unset", f"account:{ADDRESS}", "blf_list")).exit_code == run((*before, "remove-list", ADDRESS, "crew", *trust)).exit_code == 0

    accounts.add(here, f"213@{DOMAIN}", {"password": "wr0ng", "xcap_root": kept.root()})
    every = run((*before, "fetch", "--all", *trust))
    assert every.exit_code == 1 and every.stdout.splitlines()[0] == f"{ADDRESS}: {SAME}" and "refuses the password of '213'" in every.stdout
    assert "wr0ng" not in every.output and PASSWORD not in every.output
    assert "it is a private address" in run(("--state", str(tmp_path / "state"), "account", "xcap", ADDRESS)).stderr


def test_what_may_be_asked_is_an_option(tmp_path: Path) -> None:
    from provisioner import config

    file = tmp_path / "config.toml"
    file.write_text('outgoing = ["XCAP.example.com", "10.0.0.0/8", "192.0.2.7"]\n')
    assert config.load(file, {}).outgoing == ("xcap.example.com", "10.0.0.0/8", "192.0.2.7/32")
    assert Config().outgoing == ()
    file.write_text('outgoing = ["10.0.0.1/8"]\n')
    with pytest.raises(BadConfig, match="is not a network"):
        config.load(file, {})
