"""One boot, over no wire: recognised, admitted, rendered, and one event left, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner import families, tokens
from provisioner.boot import Booter, Limits
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Account, Device, Event, Line, Network, Site
from provisioner.wire import PhoneRequest, Reply
from tests import recorded

MANIFEST = """
name = "Acme desk phones"
vendor = "Acme"
[identify]
ouis = ["80aabb"]
user_agents = ["Acme {model} {firmware} {mac}"]
[[identify.strangers]]
path = "SEP{MAC}.cnf.acme"
sentence = "this Acme runs another maker's firmware; load ours first"
[provisioning]
bootstrap = "bootstrap.j2"
[[files]]
match = "acme-common.cfg"
template = "common.j2"
scope = "family"
[[files]]
match = "acme-new.cfg"
template = "common.j2"
scope = "family"
enrols = true
[[files]]
match = "{mac}.acme"
template = "phone.j2"
format = "keyvalue"
[[files]]
match = "{mac}-own.acme"
[[files]]
match = "acme-firmware-*.bin"
asks = false
asset = "firmware"
scope = "family"
media_type = "application/octet-stream"
[[uploads]]
match = "{mac}-own.acme"
kind = "override"
[[uploads]]
match = "{mac}-log.acme"
kind = "log"
[models.A100]
lines = 2
keys = 4
source = "made up for this test"
confidence = "doc"
"""
TEMPLATES = {
    "phone.j2": "{% for line in lines if line.used %}\nuser.{{ line.n }} = {{ line.user }}\npassword.{{ line.n }} = {{ line.password }}\n{% endfor %}\nzone = {{ set.timezone }}\n"
    "{% if set.provisioning %}\nserver = {{ url.provisioning }}\n{% endif %}\n",
    "common.j2": "maker = {{ phone.vendor }}\n",
    "bootstrap.j2": "server = {{ url.provisioning }}\n",
}
MAC = "80aabb000001"
HERE, THERE = "127.0.0.1", "198.51.100.7"


@pytest.fixture
def acme(tmp_path: Path) -> Catalog:
    """Return the catalog with a family of our own for these tests."""
    folder = tmp_path / "phones" / "acme"
    folder.mkdir(parents=True)
    (folder / "family.toml").write_text(MANIFEST)
    for name, text in TEMPLATES.items():
        (folder / name).write_text(text)
    return families.load([tmp_path / "phones"])


@pytest.fixture
def house(acme: Catalog, store: Store, events: list[Event], tmp_path: Path) -> Booter:
    """Return a booter whose store holds one phone with one account."""
    with store.change("test", "test") as tx:
        tx.put_site(replace(store.site("default"), public_url="http://192.0.2.1:8080"))
        tx.put_device(Device(MAC, "acme", "A100"))
        tx.put_account(Account("212@sip.example.com", password="s3cret"))
        tx.put_line(Line(MAC, 1, "212@sip.example.com"))
    return Booter(store, acme, events.append, assets=tmp_path / "assets", limits=Limits(100, 2))


def ask(path: str = f"{MAC}.acme", address: str = HERE, wire: str = "http", **more: object) -> PhoneRequest:
    """Return a request."""
    return PhoneRequest(path=path, address=address, wire=wire, **more)  # type: ignore[arg-type]


def token(house: Booter) -> str:
    """Return the phone's token."""
    return tokens.token(house.store.server_key, MAC, house.store.device(MAC).generation)  # type: ignore[union-attr]


def put_site(house: Booter, change: Callable[[Site], Site]) -> None:
    """Change the default site."""
    site = house.store.site("default")
    assert site
    with house.store.change("test", "test") as tx:
        tx.put_site(change(site))


def test_a_known_phone_gets_its_own_file(house: Booter, events: list[Event]) -> None:
    reply = house.answer(ask())

    assert reply.body.decode() == f"user.1 = 212\npassword.1 = s3cret\nzone = UTC\nserver = http://192.0.2.1:8080/p/{token(house)}/\n"
    assert [(event.outcome, event.mac, event.rule, event.status, event.bytes) for event in events] == [("served", MAC, "{mac}.acme", 200, len(reply.body))]


def test_the_same_question_has_the_same_answer_by_every_road(house: Booter) -> None:
    roads = [ask(), ask(wire="tftp"), ask(path=f"/x//y\\{MAC.upper()}.ACME?mac=1"), ask(address=THERE, token=token(house)), ask(user_agent=f"Acme A100 1.0 {MAC}")]

    assert len({house.answer(road).body for road in roads}) == 1


def test_what_another_makers_phone_says_of_itself_is_not_kept(house: Booter) -> None:
    before = house.store.device(MAC)
    house.answer(ask(user_agent="Yealink SIP-T46U 108.86.0.20"))
    assert house.store.device(MAC) == before
    house.answer(ask(user_agent=f"Acme A100 1.0 {MAC}"))
    assert house.store.device(MAC).firmware == "1.0"  # type: ignore[union-attr]


def test_a_layer_said_later_is_in_the_next_answer(house: Booter) -> None:
    before = house.answer(ask())
    with house.store.change("test", "test") as tx:
        tx.say("site:default", {"timezone": "Europe/Lisbon"})
    after = house.answer(ask(etags=(before.etag,)))

    assert "zone = Europe/Lisbon" in after.body.decode()
    assert house.answer(ask(etags=(after.etag,))).outcome == "not-modified"


UNKNOWN = "80aabb000002"


@pytest.mark.parametrize(
    ("request_", "outcome", "word"),
    [
        (ask(f"{UNKNOWN}.acme"), "unknown", "not in the inventory"),
        (ask(address=THERE), "refused", "without its token"),
        (ask(address=THERE, token="a" * 26), "refused", "token that is not its own"),
        (ask(token="a" * 26), "refused", "token that is not its own"),
        (ask(address="", forwarded=True), "refused", "untrusted proxy"),
        (ask("nothing.at.all"), "missing", "no family knows"),
        (ask(f"{MAC}.other"), "missing", "has no file"),
        (ask(f"{MAC}-own.acme"), "missing", "as it should be"),
        (ask("acme-new.cfg"), "refused", "enrols none now"),
        (ask("acme-firmware-../../etc/passwd.bin"), "missing", "no family knows"),
        (ask("acme-firmware-1.bin"), "missing", "copy it there"),
        (ask("SEP80AABB000002.cnf.acme"), "unknown", "another maker's firmware"),
        (ask(""), "missing", "no family knows"),
    ],
    ids=lambda value: value.path if isinstance(value, PhoneRequest) else str(value),
)  # fmt: skip
def test_every_no_is_the_same_to_the_phone_and_a_sentence_to_us(house: Booter, events: list[Event], request_: PhoneRequest, outcome: str, word: str) -> None:
    reply = house.answer(request_)

    assert (reply.status, reply.body, reply.file, reply.media_type, reply.etag, reply.revised_at) == (404, b"", None, "", "", None)
    assert [(event.outcome, event.status) for event in events] == [(outcome, 404)]
    assert word in events[0].sentence


def test_known_and_unknown_cost_one_look_up_and_render_nothing(house: Booter, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("device", "facts_for", "account", "layer", "keys_of"):
        real = getattr(house.store, name)
        monkeypatch.setattr(house.store, name, lambda *a, _name=name, _real=real, **k: calls.append(_name) or _real(*a, **k))
    monkeypatch.setattr(house.renderer, "render", lambda *a: pytest.fail("a refused phone had a file rendered"))

    for request in (ask(address=THERE), ask(f"{UNKNOWN}.acme", address=THERE), ask(f"{MAC}.other"), ask("nothing.at.all")):
        calls.clear()
        assert house.answer(request).status == 404
        assert calls == ["device"]


def test_a_file_for_everyone_tells_nothing_of_the_inventory(house: Booter) -> None:
    with house.store.change("test", "test") as tx:
        tx.put_device(Device("805ec0000001", "yealink", "T46U"))

    known, unknown = (house.answer(ask("acme-common.cfg", address=THERE, user_agent=mac)) for mac in ("805ec0000001", "805ec0000002"))
    assert (known.status, known.body) == (unknown.status, unknown.body) == (200, b"maker = Acme\n")


def test_a_phone_that_is_not_admitted_never_meets_our_own_fault(house: Booter) -> None:
    with house.store.change("test", "test") as tx:
        tx.put_device(Device("80aabb000003", "broken", "B1", factory_password="x"))
        tx._db.execute("UPDATE devices SET factory_password = 'does not open' WHERE mac = '80aabb000003'")

    assert house.answer(ask("80aabb000003.acme", address=THERE)).status == 404
    assert house.answer(ask("80aabb000003.acme")).status == 503


def test_a_name_that_no_phone_asks_for_costs_nothing_and_fills_no_event(house: Booter, events: list[Event]) -> None:
    assert house.answer(ask("1-" * 14000 + "!")).status == 404
    assert house.answer(ask(f"{MAC}!" + "Z" * 200, address=THERE)).status == 404

    assert all(len(event.sentence) <= 500 and len(event.path) <= 255 for event in events)


def test_a_token_typed_almost_right_is_not_kept(house: Booter, events: list[Event]) -> None:
    wrong = token(house)[:-1]
    for path in (f"/p/{wrong}/{MAC}.acme", f"/{wrong}0/{MAC}.acme", f"/p /{wrong}/{MAC}.acme"):
        house.answer(ask(path, address=THERE))

    assert wrong not in repr(events)


def test_an_unknown_phone_is_added_only_from_a_network_of_the_site_and_whatever_it_says(house: Booter) -> None:
    put_site(house, lambda site: replace(site, unknown_phones="add"))
    agent = f"Acme A100 {'1.' * 400}1 {UNKNOWN}"

    assert house.answer(ask(f"{UNKNOWN}.acme", address=THERE, user_agent=agent)).status == 404
    assert house.store.device(UNKNOWN) is None
    assert house.answer(ask(f"{UNKNOWN}.acme", user_agent=agent)).status == 404
    assert house.store.device(UNKNOWN) is not None


def test_blocked_is_refused_with_token_and_without(house: Booter, events: list[Event]) -> None:
    with house.store.change("test", "test") as tx:
        tx.put_device(Device(MAC, "acme", "A100", state="blocked"))

    assert {house.answer(ask()).outcome, house.answer(ask(token=token(house))).outcome} == {"refused"}
    assert "is blocked" in events[0].sentence


def test_a_rotated_token_shuts_the_old_one_out(house: Booter) -> None:
    old = token(house)
    with house.store.change("test", "test") as tx:
        tx.rotate_token(MAC)

    assert house.answer(ask(address=THERE, token=old)).outcome == "refused"
    assert house.answer(ask(address=THERE, token=token(house))).outcome == "served"


def test_a_network_says_whether_a_mac_is_enough_and_tftp_serves_secrets(house: Booter) -> None:
    put_site(house, lambda site: replace(site, networks=(*site.networks, Network("198.51.100.0/24", mac_is_enough=True))))

    assert house.answer(ask(address=THERE)).outcome == "served"
    assert house.answer(ask(address="198.51.101.1")).outcome == "refused"


def test_over_an_open_wire_a_phone_gets_the_url_alone_and_no_token(house: Booter, events: list[Event]) -> None:
    put_site(house, lambda site: replace(site, networks=(*site.networks, Network("198.51.100.0/24", mac_is_enough=True))))

    assert house.answer(ask(address=THERE, wire="tftp")).body.decode() == "server = http://192.0.2.1:8080/\n"
    assert house.answer(ask(address="203.0.113.1", wire="tftp")).outcome == "refused"
    assert "bootstrap" in events[0].sentence


def test_a_family_file_goes_to_anyone_and_holds_no_phone(house: Booter) -> None:
    assert house.answer(ask("acme-common.cfg", address=THERE)).body == b"maker = Acme\n"


def test_the_generic_file_is_there_while_the_site_enrols(house: Booter) -> None:
    put_site(house, lambda site: replace(site, enrols=True))

    assert house.answer(ask("acme-new.cfg")).outcome == "served"


def test_a_template_fault_is_503_for_that_phone_and_says_the_line(house: Booter, events: list[Event], acme: Catalog) -> None:
    (acme.roots[-1] / "acme" / "phone.j2").write_text("ok\n{{ nothing }}\n")

    reply = house.answer(ask())

    assert (reply.outcome, reply.status, reply.body) == ("failed", 503, b"")
    assert "acme/phone.j2:2" in events[0].sentence
    assert house.answer(ask(f"{UNKNOWN}.acme")).status == 404
    assert house.answer(ask("acme-common.cfg")).status == 200


def test_a_value_that_the_file_cannot_carry_refuses_the_whole_file(house: Booter, events: list[Event]) -> None:
    with house.store.change("test", "test") as tx:
        tx._db.execute("UPDATE accounts SET username = 'a' || char(10) || 'b'")

    assert house.answer(ask()).outcome == "failed"
    assert "the user of line 1" in events[0].sentence


def test_a_site_without_a_public_url_is_told_with_the_cure(house: Booter, events: list[Event]) -> None:
    put_site(house, lambda site: replace(site, public_url=""))

    assert house.answer(ask()).outcome == "failed"
    assert "provisioner site change default --public-url" in events[0].sentence


def test_an_asset_is_streamed_from_its_folder_alone(house: Booter, tmp_path: Path) -> None:
    folder = tmp_path / "assets" / "firmware"
    folder.mkdir(parents=True)
    (folder / "acme-firmware-1.bin").write_bytes(b"x" * 1000)
    (tmp_path / "assets" / "acme-firmware-2.bin").write_bytes(b"y")

    reply = house.answer(ask("ACME-firmware-1.bin", address=THERE))

    assert (reply.file, reply.outcome) == (folder / "acme-firmware-1.bin", "served")
    assert house.answer(ask("acme-firmware-2.bin")).outcome == "missing"


def test_what_a_phone_sends_is_given_back_to_it_alone(house: Booter, events: list[Event]) -> None:
    assert house.receive(ask(f"{MAC}-own.acme"), b"volume = 7\xff").outcome == "uploaded"

    assert house.answer(ask(f"{MAC}-own.acme")).body == b"volume = 7\xff"
    assert house.answer(ask(f"{MAC}-own.acme", address=THERE)).outcome == "refused"
    assert [event.outcome for event in events] == ["uploaded", "served", "refused"]


def test_logs_are_never_given_back(house: Booter) -> None:
    assert house.receive(ask(f"{MAC}-log.acme"), b"log").outcome == "uploaded"

    assert house.answer(ask(f"{MAC}-log.acme")).status == 404


@pytest.mark.parametrize(
    ("request_", "body", "outcome"),
    [
        (ask(f"{UNKNOWN}-own.acme"), b"x", "unknown"), (ask(f"{MAC}-own.acme", address=THERE), b"x", "refused"), (ask(f"{MAC}.acme"), b"x", "missing"),
        (ask(f"{MAC}-own.acme"), b"x" * 101, "refused"),
    ],
    ids=lambda value: value.path if isinstance(value, PhoneRequest) else None,
)  # fmt: skip
def test_an_upload_is_refused_like_a_download(house: Booter, request_: PhoneRequest, body: bytes, outcome: str) -> None:
    reply = house.receive(request_, body)

    assert (reply.outcome, reply.status, reply.body) == (outcome, 404, b"")


@pytest.mark.parametrize(("policy", "word"), [("hold", "add or approve it"), ("refuse", "unknown phones are refused"), ("add", "has been added")])
def test_what_becomes_of_an_unknown_phone_is_the_sites_word(house: Booter, events: list[Event], policy: str, word: str) -> None:
    put_site(house, lambda site: replace(site, unknown_phones=policy))

    house.answer(ask(f"{UNKNOWN}.acme", user_agent=f"Acme A100 1.0 {UNKNOWN}"))

    assert word in events[0].sentence
    assert (house.store.device(UNKNOWN) is not None) == (policy == "add")
    assert (events[0].known, events[0].firmware, events[0].held) == (False, "1.0", None if policy == "refuse" else ("acme",))


def test_a_preview_masks_secrets_and_token_until_asked(house: Booter) -> None:
    masked, whole = house.preview(MAC, f"{MAC}.acme").decode(), house.preview(MAC, f"{MAC}.acme", reveal=True)

    assert "s3cret" not in masked and token(house) not in masked and "user.1 = 212" in masked
    assert whole == house.answer(ask()).body


def test_no_event_holds_a_secret_or_a_token(house: Booter, events: list[Event]) -> None:
    for request in (ask(), ask(address=THERE, token=token(house)), ask(address=THERE, token="a" * 26)):
        house.answer(request)

    assert "s3cret" not in repr(events) and token(house) not in repr(events) and "a" * 26 not in repr(events)
    assert "s3cret" not in repr(house.answer(ask())) and token(house) not in repr(ask(token=token(house)))


def test_the_answer_does_not_depend_on_the_process(acme: Catalog, house: Booter, tmp_path: Path) -> None:
    other = Booter(recorded.open_store(tmp_path / "state"), acme, lambda event: None)

    first: Reply = house.answer(ask())
    assert (first.body, first.etag, first.revised_at) == ((again := other.answer(ask())).body, again.etag, again.revised_at)
