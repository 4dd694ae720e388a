"""Hostile values in every free text: they come back intact where the harmless ones stood, or are refused without being repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import pytest

from provisioner.boot import Booter
from provisioner.changes import Transaction
from provisioner.errors import ProvisionerError, Unsayable
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Account, Contact, Device, Key, Line
from provisioner.vocabulary import setting
from tests import recorded
from tests.samples import HOSTILE, another
from tests.test_known import FAMILIES

HARMLESS = "harmless"
SETTINGS = ("admin_password", "user_password", "ldap_password", "phone_name", "phonebook_name", "ldap_base", "forward_busy", "pickup_code", "blf_list")
TURNS = 2  # sets of hostile texts for each model
Put = Callable[[Transaction, str, str], None]


def _account(**facts: str) -> Account:
    return Account(**{"sip_address": "1@sip.example.com", "password": "pw", **facts})


def _setting(name: str) -> Put:
    return lambda tx, mac, text: bool(tx.say(f"device:{mac}", {name: setting(name).read(text)})) and None


PLACES: Mapping[str, Put] = {
    "password": lambda tx, mac, text: bool(tx.put_account(_account(password=text))) and None,
    "username": lambda tx, mac, text: bool(tx.put_account(_account(username=text))) and None,
    "auth_username": lambda tx, mac, text: bool(tx.put_account(_account(auth_username=text))) and None,
    "display_name": lambda tx, mac, text: bool(tx.put_account(_account(display_name=text))) and None,
    "voicemail": lambda tx, mac, text: bool(tx.put_account(_account(voicemail=text))) and None,
    "contact": lambda tx, mac, text: bool(tx.put_contact(Contact("default", text, (("work", "213"),)))) and None,
    "key label": lambda tx, mac, text: bool(tx.put_key(Key(f"device:{mac}", 1, "speed-dial", "213", label=text, line=1))) and None,
    "key value": lambda tx, mac, text: bool(tx.put_key(Key(f"device:{mac}", 1, "speed-dial", text, label="label", line=1))) and None,
    **{name: _setting(name) for name in SETTINGS},
}


@pytest.fixture(params=sorted(FAMILIES))
def phone(request: pytest.FixtureRequest, store: Store, catalog: Catalog) -> tuple[Booter, str]:
    """Return a booter and the MAC of a phone of one family, the model with the most keys; a base of a thousand handsets says nothing that one of fifty does not."""
    family = catalog.families[request.param]
    model = max(family.models.values(), key=lambda model: ((model.lines or 0) <= 50, model.keys or 0, model.lines or 0))
    mac = f"{(family.ouis or ('0a1b2c',))[0]}123456"
    with store.change("test", "test") as tx:
        tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
        tx.put_device(Device(mac, family.slug, model.name))
        tx.put_account(_account())
        tx.put_line(Line(mac, 1, "1@sip.example.com"))
    return Booter(store, catalog, lambda event: None), mac


def files(booter: Booter, mac: str) -> dict[str, dict[str, str]]:
    """Return the parameters of every file of the phone, as its own parser reads them."""
    family = booter.facts(mac)[0].slug
    return {name: recorded.parse_as(family, booter.preview(mac, name, reveal=True)) for name, rule in booter.files_of(mac) if rule.scope == "phone"}


@pytest.mark.parametrize("place", PLACES)
def test_a_hostile_text_is_carried_or_refused(phone: tuple[Booter, str], place: str) -> None:
    booter, mac = phone

    def put(text: str) -> None:
        with booter.store.change("test", "test") as tx:
            PLACES[place](tx, mac, text)
            if place == "contact":
                for contact in booter.store.contacts("default"):
                    if contact.name != text.strip():
                        tx.remove_contact("default", contact.name)

    put(HARMLESS)
    try:
        harmless = files(booter, mac)
    except Unsayable as why:  # this phone takes digits alone there
        assert place in ("admin_password", "user_password") and "digits" in str(why)
        return
    carried = 0
    for text in HOSTILE:
        try:
            put(text)
        except ProvisionerError as why:  # refused before it is stored
            assert text not in str(why) or place not in ("password", "admin_password", "user_password", "ldap_password")
            continue
        try:
            hostile = files(booter, mac)
        except Unsayable as why:
            assert text not in str(why) or len(text) == 1 or text.lower() == "%null%", place
            continue
        carried += 1
        for name, said in hostile.items():
            if place == "contact" and set(said) < set(harmless[name]):  # left out whole: nothing else has changed, and what there was of it
                assert said.items() <= harmless[name].items() and HARMLESS not in said.values(), f"{text!r} in {name}"
                continue
            assert set(said) == set(harmless[name]), f"{text!r} changed which parameters there are in {name}"
            expected = {key: value.replace(HARMLESS, stored(place, text)) for key, value in harmless[name].items()}
            assert whole_names(said) == whole_names(expected), f"{text!r} in {place} of {name}"
    assert carried, f"no hostile text at all can be said in {place}"


def stored(place: str, text: str) -> str:
    """Return the text as it is stored: names and numbers of people are trimmed; secrets and settings never are."""
    trimmed = place in ("username", "auth_username", "display_name", "voicemail", "contact", "key label", "key value")
    return text.strip() if trimmed else text


def whole_names(said: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters with first and last names put together: a format that parts them parts them at the first blank."""
    joined = dict(said)
    for key in said:
        for first, last in (("FirstName", "LastName"), (".fn", ".ln"), ("NAME_FIRST", "NAME_LAST"), ("Name/First", "Name/Last")):
            if key.endswith(first):
                joined[key] = f"{joined[key]} {joined.pop(key.removesuffix(first) + last, '')}".strip()
    return joined


@pytest.mark.parametrize("part", ["value", "label"])
def test_a_hostile_text_on_keys_of_every_type_is_carried_or_refused(phone: tuple[Booter, str], part: str) -> None:
    booter, mac = phone
    family, model, _ = booter.facts(mac)
    kinds = [kind for kind in family.maps["key"] if kind != "none"]

    def put(some: list[str], texts: Mapping[int, str]) -> None:
        with booter.store.change("test", "test") as tx:
            for position, kind in enumerate(some, 1):
                tx.put_key(Key(f"device:{mac}", position, kind, line=1, **{"value": "213", "label": "label", part: texts.get(position, f"harmless{position}x")}))

    for at in range(0, len(kinds), model.keys or 1):
        some = kinds[at : at + (model.keys or 1)]
        put(some, {})
        harmless = files(booter, mac)
        for text in HOSTILE:
            texts = dict.fromkeys(range(1, len(some) + 1), text)
            while texts:
                try:
                    put(some, texts)
                    said = files(booter, mac)
                except Unsayable as why:  # names the key; the others must still be carried
                    assert text not in str(why) or len(text) == 1 or text.lower() == "%null%", f"{text!r} as {part}"
                    texts.pop(int(why.setting.rpartition("key ")[2]))
                    continue
                except ProvisionerError:  # refused before it is stored
                    break
                assert_carried(said, harmless, {f"harmless{n}x": word.strip() for n, word in texts.items()}, f"{text!r} as {part} of {some}")
                break


def assert_carried(said: Mapping[str, dict[str, str]], harmless: Mapping[str, dict[str, str]], instead: Mapping[str, str], where: str) -> None:
    """Check that the same parameters are there, and hold the texts where the harmless ones stood."""
    for name, values in said.items():
        assert set(values) == set(harmless[name]), f"{where}: other parameters in {name}"
        expected = dict(harmless[name])
        for word, text in instead.items():
            expected = {key: value.replace(word, text) for key, value in expected.items()}
        assert values == expected, f"{where} in {name}"


# Every model: all texts hostile at once, so that no model's own part of a template writes one bare

FACTS = ("password", "username", "auth_username", "display_name", "voicemail")
NAMED = {  # what a refusal calls them, where it is not by their own names
    "the password of line 1": "password", "the user of line 1": "username", "the auth_user of line 1": "auth_username", "the voicemail of line 1": "voicemail",
    "the display_name of line 1": "display_name", "the label of line 1": "display_name",
    "a name in the phone book": "contact", "the label of key 1": "key label", "the value of key 1": "key value",
}  # fmt: skip


def put_all(store: Store, mac: str, texts: Mapping[str, str]) -> None:
    """Say all texts at once, each where its place is."""
    with store.change("test", "test") as tx:
        for contact in store.contacts("default"):
            tx.remove_contact("default", contact.name)
        tx.put_account(_account(**{fact: texts[fact] for fact in FACTS if fact in texts}))
        tx.put_key(Key(f"device:{mac}", 1, "speed-dial", texts.get("key value", "213"), label=texts.get("key label", "label"), line=1))
        if "contact" in texts:
            PLACES["contact"](tx, mac, texts["contact"])
        tx.unsay(f"device:{mac}", SETTINGS)
        tx.say(f"device:{mac}", {name: setting(name).read(texts[name]) for name in SETTINGS if name in texts})


@lru_cache
def is_stored(place: str, text: str) -> bool:
    """Return False where the text is refused before it is stored."""
    try:
        if place in FACTS:
            _account(**{place: text})
        elif place == "contact":
            Contact("default", text, (("work", "213"),))
        elif place in SETTINGS:
            setting(place).read(text)
        else:
            Key("device:0a1b2c000000", 1, "speed-dial", **{"value": "213", "label": "label", place.removeprefix("key "): text})
    except ProvisionerError:
        return False
    return True


@pytest.mark.parametrize("slug", sorted(FAMILIES))
def test_every_model_carries_hostile_texts_everywhere_at_once_or_refuses_them(slug: str, store: Store, catalog: Catalog) -> None:
    family, booter = catalog.families[slug], Booter(store, catalog, lambda event: None)
    marks = {place: f"harmless{number}x" for number, place in enumerate(PLACES)}
    carried: set[str] = set()
    for number, model in enumerate(family.models.values()):
        mac = f"{(family.ouis or ('0a1b2c',))[0]}{number:06x}"
        with store.change("test", "test") as tx:
            tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
            tx.put_device(Device(mac, family.slug, model.name))
            tx.put_account(_account())
            tx.put_line(Line(mac, 1, "1@sip.example.com"))
        mine = {place: marks[place] for place in marks if is_stored(place, marks[place]) and (model.keys or not place.startswith("key"))}
        harmless = settled(booter, mac, mine, {})
        for turn in range(TURNS):
            chosen = {place: HOSTILE[(number + at * (turn + 1)) % len(HOSTILE)] for at, place in enumerate(mine)}
            texts = {place: text if is_stored(place, text) else mine[place] for place, text in chosen.items()}
            said = settled(booter, mac, texts, mine)
            carried |= {place for place in texts if texts[place] != mine[place]}
            for name, values in said.items():
                usual = harmless[name]
                if set(values) < set(usual):  # a contact that is left out whole
                    usual = settled(booter, mac, {place: mine[place] for place in mine if place != "contact"}, {})[name]
                assert set(values) == set(usual), f"{model.name}: other parameters in {name}"
                expected = dict(usual)
                for place, text in texts.items():
                    expected = {key: value.replace(marks[place], stored(place, text)) for key, value in expected.items()}
                assert whole_names(values) == whole_names(expected), f"{model.name} {name}"
    assert len(carried) > len(PLACES) // 2


def settled(booter: Booter, mac: str, texts: dict[str, str], instead: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the phone's files with the texts; those that are refused give way to `instead`, or are left out, in `texts` as well."""
    while True:
        put_all(booter.store, mac, texts)
        try:
            return files(booter, mac)
        except Unsayable as why:
            place = NAMED.get(why.setting, why.setting)
            assert len(texts[place]) == 1 or texts[place].lower() == "%null%" or texts[place] not in str(why)
            texts.pop(place)
            texts.update({place: instead[place]} if place in instead else {})
