"""Many phones at once: told what changes and at what cost, then done in one change; a phone with its account in one step; keys laid together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.admin import Admin, audit, copies, devices, enrol, files, keys, lines, many, proofs, reveals, settings
from provisioner.errors import BadValue, Conflict, NotAllowed, NotHere, Outdated, UnknownName
from provisioner.rights import Rights
from provisioner.things import Account, Network, Site
from tests.console import admin_of

MACS = ("805ec0d57d72", "805ec0d57d73", "0004f2aabbcc")
WAYS = proofs.means(0.2, None)


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Admin]:
    with admin_of(tmp_path / "state") as admin:
        with admin.writing() as tx:
            tx.put_site(Site("default", networks=(Network("127.0.0.0/8"),), public_url="http://192.0.2.1:8080"))
            tx.put_site(Site("north", public_url="http://192.0.2.2:8080"))
            for n in (212, 213, 214):
                tx.put_account(Account(f"{n}@sip.example.com", password="s3cret"))
        for mac, model in zip(MACS, ("yealink/T46U", "yealink/T46U", "poly/VVX450"), strict=True):
            devices.add(admin, mac, model, {})
        yield admin


def test_a_preview_counts_and_writes_nothing(admin: Admin) -> None:
    settings.say(admin, f"device:{MACS[0]}", {"language": "it"})
    phones, order = many.chosen(admin, MACS), many.Order("say", "language", "it")

    cost = many.preview(admin, phones, order)

    assert {device.mac for device in cost.changed} == set(MACS[1:])
    assert cost.phones == 3 and cost.strand == 0 and "language = it for 3 phones" in cost.sentence
    assert admin.store.layer(f"device:{MACS[1]}") == {}
    done = many.carry_out(admin, phones, order, WAYS)
    assert done.changed and all(admin.store.layer(f"device:{mac}") == {"language": "it"} for mac in MACS)
    assert len({change.batch for change in admin.store.changes(2)}) == 1
    audit.undo(admin, admin.store.changes(1)[0].id)
    assert [admin.store.layer(f"device:{mac}") for mac in MACS] == [{"language": "it"}, {}, {}]


def test_what_can_cut_phones_off_is_counted(admin: Admin) -> None:
    assert many.preview(admin, many.chosen(admin, MACS), many.Order("say", "vlan_id", "20")).strand == 3
    moved = many.preview(admin, many.chosen(admin, MACS[:2]), many.Order("move", site="north"))
    assert (len(moved.changed), moved.strand) == (2, 2) and "another URL" in moved.notes[0]
    assert admin.device(MACS[0]).site == "default"


def test_a_phone_that_was_changed_since_stops_it_all(admin: Admin) -> None:
    phones = many.chosen(admin, MACS)
    seen = many.version(admin, phones)
    settings.say(admin, f"device:{MACS[2]}", {"language": "de"})
    with pytest.raises(Outdated):
        many.carry_out(admin, phones, many.Order("remove"), WAYS, seen)
    assert len(admin.store.devices()) == 3
    assert many.carry_out(admin, phones, many.Order("remove"), WAYS, many.version(admin, phones)).changed
    assert len(admin.store.devices()) == 0


def test_what_is_no_choice_is_told(admin: Admin) -> None:
    with pytest.raises(BadValue, match="no phone is chosen"):
        many.chosen(admin, [])
    with pytest.raises(UnknownName, match="did you mean move"):
        many.Order("mov")
    with pytest.raises(BadValue, match="another parameter in each"):
        many.preview(admin, many.chosen(admin, MACS), many.Order("say", "raw.x.y", "1"))
    assert len(many.chosen(admin, family="yealink")) == 2


def test_who_may_not_change_changes_none(admin: Admin) -> None:
    desk = admin.acting("ben", "console", Rights("helpdesk", (), "ben"))
    with pytest.raises(NotAllowed):
        many.preview(desk, many.chosen(desk, MACS), many.Order("say", "language", "it"))
    with pytest.raises(NotHere):
        many.chosen(admin.acting("nora", "console", Rights("admin", ("north",), "nora")), MACS)


def test_asking_many_tells_who_did_not_take_it(admin: Admin) -> None:
    done = many.carry_out(admin, many.chosen(admin, MACS), many.Order("resync"), WAYS)
    assert done.sentence.startswith("0 phones of 3") and len(done.notes) == 3 and not done.changed


def test_a_phone_and_its_extension_in_one_step(admin: Admin) -> None:
    fresh = "80:5E:C0:D5:7D:99"
    with pytest.raises(NotHere, match="neither waiting"):
        enrol.enrol(admin, fresh, "212")
    with pytest.raises(NotHere, match="no account '299'"):
        enrol.enrol(admin, fresh, "299", "yealink/T46U")
    assert admin.store.device("805ec0d57d99") is None
    done = enrol.enrol(admin, fresh, "212", "yealink/T46U")
    assert "212@sip.example.com on line 1" in done.sentence and admin.device(fresh).state == "approved"
    assert not enrol.enrol(admin, fresh, "212", "yealink/T46U").changed
    twice = enrol.enrol(admin, MACS[0], "212")
    assert "80:5e:c0:d5:7d:99 as well" in twice.notes[0]


def test_an_extension_of_two_accounts_is_asked_back(admin: Admin) -> None:
    with admin.writing() as tx:
        tx.put_account(Account("212@other.example.com", password="s3cret"))
    with pytest.raises(BadValue, match="write the whole SIP address"):
        enrol.enrol(admin, MACS[0], "212")


def test_keys_change_places_and_are_taken_back_together(admin: Admin) -> None:
    scope = f"device:{MACS[0]}"
    keys.lay(admin, scope, [keys.Row(1, 1, "blf", "213", "Anna"), keys.Row(2, 2, "blf", "214", "Berta")])
    keys.lay(admin, scope, [keys.Row(1, 2, "blf", "213", "Anna"), keys.Row(2, 2, "blf", "214", "Berta"), keys.Row(5, 5, "")])
    assert [(key.position, key.label) for key in admin.store.keys_of(scope)] == [(1, "Berta"), (2, "Anna")]
    keys.lay(admin, scope, [keys.Row(1, 9, "blf", "214", "Berta"), keys.Row(9, 9, "")])
    assert [(key.position, key.label) for key in admin.store.keys_of(scope)] == [(2, "Anna"), (9, "Berta")]
    audit.undo(admin, audit.of_phone(admin, MACS[0])[0]["id"])
    assert [(key.position, key.label) for key in admin.store.keys_of(scope)] == [(1, "Berta"), (2, "Anna")]
    with pytest.raises(BadValue, match="position 4 would have two keys"):
        keys.lay(admin, scope, [keys.Row(1, 4, "blf", "213"), keys.Row(2, 4, "blf", "214")])
    with pytest.raises(Conflict, match="there is no key 90"):
        keys.lay(admin, scope, [keys.Row(1, 90, "blf", "213")])


def test_a_copy_leaves_out_what_the_other_cannot_have(admin: Admin) -> None:
    settings.say(admin, f"device:{MACS[0]}", {"language": "it", "raw.yealink.features.dnd.enable": "1"})
    keys.put(admin, f"device:{MACS[0]}", 2, "blf", "213")
    keys.put(admin, f"device:{MACS[0]}", 1, "blf", "214", module=0)
    done = copies.copy(admin, MACS[2], MACS[0])
    assert admin.store.layer(f"device:{MACS[2]}") == {"language": "it"} and any("raw.yealink" in note for note in done.notes)
    assert len(admin.store.keys_of(f"device:{MACS[2]}")) == 2


def test_a_secret_that_is_shown_is_on_record_and_not_for_everybody(admin: Admin) -> None:
    lines.assign(admin, MACS[0], "212@sip.example.com")
    name = files.names(admin, MACS[0])[0]
    assert "s3cret" not in files.preview(admin, MACS[0], name)[1]
    with pytest.raises(NotAllowed):
        reveals.file(admin.acting("ben", "console", Rights("helpdesk", (), "ben")), MACS[0], name)
    assert not admin.store.changes(1, noun="reveal")
    assert "s3cret" in reveals.file(admin, MACS[0], name)
    assert admin.store.changes(1, noun="reveal")[0].after == {"site": "default", "what": name}
    assert reveals.packed(admin, MACS[0]).startswith(b"PK")


def test_a_file_is_compared_with_what_it_was_before_a_change(admin: Admin) -> None:
    settings.say(admin, f"device:{MACS[0]}", {"language": "it"})
    number = audit.of_phone(admin, MACS[0])[0]["id"]
    changed = [line for name in files.names(admin, MACS[0]) for line in files.difference(admin, MACS[0], name, number) if line.startswith(("+", "-"))]
    assert any("Italian" in line for line in changed if line.startswith("+"))
    assert admin.store.layer(f"device:{MACS[0]}") == {"language": "it"} and len(admin.store.changes(50, noun="setting")) == 1
