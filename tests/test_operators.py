"""Who may do what: roles, sites, sessions, keys of programs, one-time links; and the history of all that."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from provisioner.admin import (
    Admin,
    accounts,
    apikeys,
    audit,
    devices,
    events,
    files,
    groups,
    keys,
    lines,
    operators,
    phonebook,
    sessions,
    settings,
    sites,
)
from provisioner.cli.root import cli
from provisioner.errors import BadInput, BadValue, Conflict, NotAllowed, NotHere, Outdated, SlowDown
from provisioner.patience import FREE_OF_NAME, Patience
from provisioner.people import ROLES
from provisioner.rights import CHANGE, LOOK, NOUNS, REVEAL, RIGHTS, RULE, Rights
from provisioner.things import Line
from tests.acme import ADDRESS, MAC, OTHER

PASSWORD = "correct horse 9"


@pytest.fixture
def office(admin: Admin) -> Admin:
    """Two sites with a phone and an account each, and an account that no phone has."""
    for slug in ("north", "south"):
        sites.add(admin, slug, {"public_url": "http://192.0.2.1:8080"})
    for mac, site, address in ((MAC, "north", ADDRESS), (OTHER, "south", "213@sip.example.com")):
        accounts.add(admin, address, {"password": f"s3cret-{site}"})
        devices.add(admin, mac, "acme/Two", {"site": site})
        lines.assign(admin, mac, address)
    accounts.add(admin, "214@sip.example.com", {"password": "s3cret-free"})
    return admin


def as_(admin: Admin, role: str, *at: str) -> Admin:
    return admin.acting("ben", "console", Rights(role, at, "ben"))


def settled(admin: Admin, name: str = "anna", role: str = "owner", **facts: Any) -> None:
    """Give an operator a password, the first owner by the first link."""
    if not admin.people.any():
        operators.settle(admin, operators.first_link(admin), "anna", PASSWORD)
    if name != "anna":
        _, secret = operators.add(admin, name, role, **facts)
        operators.settle(admin, secret, "", PASSWORD)


# Roles and sites


WRITES: dict[str, Callable[[Admin], Any]] = {
    "account": lambda admin: accounts.change(admin, ADDRESS, {"display_name": "Anna"}),
    "device": lambda admin: devices.change(admin, MAC, {"name": "Desk"}),
    "line": lambda admin: lines.unassign(admin, MAC),
    "setting": lambda admin: settings.say(admin, f"device:{MAC}", {"language": "pt"}),
    "group": lambda admin: groups.add(admin, "north/desk"),
    "key": lambda admin: keys.put(admin, f"device:{MAC}", 1, "blf", "213"),
    "contact": lambda admin: phonebook.add(admin, "north", "Eva", ["work:215"]),
    "site": lambda admin: sites.change(admin, "north", {"name": "North"}),
    "operator": lambda admin: operators.add(admin, "eva"),
}


@pytest.mark.parametrize("noun", WRITES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_what_the_table_says_and_nothing_else(office: Admin, role: str, noun: str) -> None:
    work = WRITES[noun]
    if NOUNS[noun] in RIGHTS[role]:
        work(as_(office, role))
        assert office.store.changes(1)[0].who == "ben"
    else:
        before = office.store.changes(1)
        with pytest.raises(NotAllowed, match=f"a {role} may not .*; ask an owner"):
            work(as_(office, role))
        assert office.store.changes(1) == before


@pytest.mark.parametrize("noun", [noun for noun in WRITES if noun not in ("site", "operator")])
def test_an_admin_of_another_site_finds_nothing_to_write(office: Admin, noun: str) -> None:
    before = office.store.changes(1)
    with pytest.raises((NotHere, NotAllowed)):
        WRITES[noun](as_(office, "admin", "south"))
    assert office.store.changes(1) == before
    WRITES[noun](as_(office, "admin", "north"))


def test_who_is_bound_to_a_site_says_nothing_for_all_and_takes_nobody_elses_account(office: Admin) -> None:
    south = as_(office, "admin", "south")
    with pytest.raises(NotAllowed):
        settings.say(south, "defaults", {"language": "pt"})
    with pytest.raises(NotAllowed):
        devices.add(south, MAC, "acme/Two", {"site": "south"})
    with pytest.raises(NotHere):
        devices.change(south, OTHER, {"site": "north"})
    with pytest.raises(NotHere):
        lines.assign(south, OTHER, ADDRESS, n=2)
    with pytest.raises(NotAllowed), south.writing() as tx:  # also by a verb that forgot to look
        tx.put_line(Line(OTHER, 2, ADDRESS))
    assert [line.sip_address for line in office.store.lines_of(OTHER)] == ["213@sip.example.com"]
    lines.assign(south, OTHER, "214@sip.example.com")


def test_another_sites_things_are_not_there(office: Admin) -> None:
    south = as_(office, "reader", "south")
    assert [row["mac"] for row in devices.listed(south)] == [OTHER]
    assert [site.slug for site in south.store.sites()] == ["south"]
    assert [account.sip_address for account in south.store.accounts()] == ["213@sip.example.com", "214@sip.example.com"]
    for ask in (lambda: south.device(MAC), lambda: accounts.one(south, ADDRESS), lambda: files.preview(south, MAC), lambda: files.explain_all(south, MAC)):
        with pytest.raises(NotHere):
            ask()
    assert south.store.known([MAC, OTHER]) == [OTHER]
    assert south.store.lines_with(ADDRESS) == [] == south.store.lines_of(MAC)
    assert {row["name"].partition("/")[0] for row in audit.listed(south) if row["noun"] in ("device", "line")} == {OTHER}
    assert events.waiting(south) == []


def test_who_may_not_see_secrets_sees_none(office: Admin, tmp_path: Path) -> None:
    help_desk = as_(office, "helpdesk")
    for ask in (lambda: devices.token(help_desk, MAC), lambda: devices.credentials(help_desk, MAC), lambda: files.render(help_desk, MAC, tmp_path / "out", reveal=True)):
        with pytest.raises(NotAllowed, match="may not see secrets"):
            ask()
    assert "s3cret-north" not in repr(devices.shown(help_desk, help_desk.device(MAC))) + files.preview(help_desk, MAC)[1] + repr(audit.listed(help_desk))


def test_every_noun_of_history_has_its_right() -> None:
    """A noun that is forgotten takes an owner; none is forgotten."""
    house = Path(__file__).parent.parent / "provisioner"
    calls = [
        node
        for name in ("changes.py", "people.py")
        for node in ast.walk(ast.parse((house / name).read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("._history", ".note")) and isinstance(node.args[0], ast.Constant)
    ]
    assert len(calls) > 20 and {ast.literal_eval(call.args[0]) for call in calls} <= set(NOUNS)


def test_verbs_write_by_the_one_way_that_is_judged() -> None:
    house = Path(__file__).parent.parent / "provisioner/admin"
    asked = [(file.name, ast.unparse(node)) for file in house.rglob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Attribute)]
    assert [(name, text) for name, text in asked if text.endswith(("store.change", "whole.change"))] == [("__init__.py", "self.whole.change")]
    assert {name for name, text in asked if text.endswith(".whole.store") or text.endswith("._store")} == set()


def test_a_key_of_less_has_less_and_never_more() -> None:
    assert Rights("admin", ("hq",), "ben").within("owner", ()) == Rights("admin", ("hq",), "ben")
    assert Rights("owner", (), "ben").within("reader", ("hq",)) == Rights("reader", ("hq",), "ben")
    nothing = Rights("admin", ("hq",), "ben").within("admin", ("north",))
    assert not any(nothing.may(right, site) for right in (LOOK, CHANGE, REVEAL) for site in ("hq", "north", None))
    assert not Rights("admin").may(RULE, None) and Rights("owner").may(RULE, None)


# Operators and links


def test_the_first_link_makes_an_owner_once(admin: Admin) -> None:
    secret = operators.first_link(admin)
    with pytest.raises(BadValue, match="10 to 512 characters"):
        operators.settle(admin, secret, "anna", "short")
    with pytest.raises(BadValue, match="guessed at once"):
        operators.settle(admin, secret, "anna", "anna-anna-1")
    assert operators.settle(admin, secret, "anna", PASSWORD, "pt", "Europe/Lisbon").role == "owner"
    with pytest.raises(NotHere, match="was used"):
        operators.settle(admin, secret, "eva", PASSWORD)
    assert operators.first_link(admin) == ""
    kept = admin.people.operator("anna")
    assert kept and kept.password.startswith("$argon2id$") and kept.language == "pt"


def test_a_newer_first_link_makes_the_older_one_worthless(admin: Admin) -> None:
    older, newer = operators.first_link(admin), operators.first_link(admin)
    with pytest.raises(NotHere):
        operators.linked(admin, older)
    assert operators.linked(admin, newer).operator == ""


def test_a_link_ends_after_a_day(admin: Admin) -> None:
    secret = operators.first_link(admin)
    with later(admin, hours=24):
        pytest.raises(NotHere, operators.linked, admin, secret)


class later:
    """A store whose clock has moved on."""

    def __init__(self, admin: Admin, **by: float) -> None:
        self._store, self._by = admin.whole, timedelta(**by)

    def __enter__(self) -> None:
        self._now = self._store._now
        self._store._now = lambda: self._now() + self._by

    def __exit__(self, *_: object) -> None:
        self._store._now = self._now


def test_the_last_owner_stays(admin: Admin) -> None:
    settled(admin)
    for verb in (lambda: operators.remove(admin, "anna"), lambda: operators.change(admin, "anna", {"role": "reader"})):
        with pytest.raises(Conflict, match="last owner"):
            verb()


@pytest.mark.parametrize(("facts", "why"), [({"role": "boss"}, "there is no role"), ({"sites": ["nowhere"], "role": "admin"}, "no site"), ({"language": "tlh"}, "no language"), ({"timezone": "Mars/Base"}, "timezone")])
def test_what_cannot_be_of_an_operator_is_refused(admin: Admin, facts: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        operators.add(admin, "eva", **facts)


def test_everybody_changes_his_own_password_language_and_zone_and_no_more(admin: Admin) -> None:
    settled(admin, "ben", "reader")
    ben = as_(admin, "reader")
    assert operators.prefer(ben, "pt", "Europe/Lisbon").changed
    assert operators.set_password(ben, "ben", PASSWORD, "another sentence 7").changed
    with pytest.raises(BadValue, match="until now"):
        operators.set_password(ben, "ben", PASSWORD, "a third sentence 7", "192.0.2.7")
    with pytest.raises(SlowDown):
        for _ in range(5):
            with contextlib.suppress(BadValue):
                operators.set_password(ben, "ben", "a guess", "a third sentence 7", "192.0.2.7")
    for verb in (lambda: operators.change(ben, "ben", {"role": "owner"}), lambda: operators.link(ben, "ben"), lambda: operators.remove(ben, "anna"), lambda: operators.link(ben, "anna")):
        with pytest.raises(NotAllowed):
            verb()
    assert [row["operator"] for row in operators.listed(ben)] == ["ben"]


# Sessions


def test_a_session_ends_when_idle_when_old_and_when_told(admin: Admin) -> None:
    settled(admin)

    def fresh() -> str:
        return sessions.sign_in(admin, "anna", PASSWORD, "192.0.2.7", "browser")

    secret = fresh()
    operator, session = sessions.signed_in(admin, secret) or pytest.fail("no session")
    assert operator.name == "anna" and secret not in repr(session)
    with later(admin, minutes=29):
        assert sessions.signed_in(admin, secret)
    with later(admin, minutes=58):  # it was seen at 29
        assert sessions.signed_in(admin, secret)
    with later(admin, minutes=90):
        assert sessions.signed_in(admin, secret) is None
    secret = fresh()
    sessions.sign_out(admin, (sessions.signed_in(admin, secret) or pytest.fail("no session"))[1])
    assert sessions.signed_in(admin, secret) is None
    secret = fresh()
    operators.set_password(admin, "anna", PASSWORD, "another sentence 7")
    assert sessions.signed_in(admin, secret) is None


def test_a_session_that_is_used_all_day_ends_at_night(admin: Admin) -> None:
    settled(admin)
    secret = sessions.sign_in(admin, "anna", PASSWORD, "192.0.2.7")
    for minutes in range(20, 720, 20):
        with later(admin, minutes=minutes):
            assert sessions.signed_in(admin, secret)
    with later(admin, minutes=721):
        assert sessions.signed_in(admin, secret) is None


def test_wrong_passwords_slow_down_their_own_address_and_nobody_elses(admin: Admin) -> None:
    settled(admin)
    for _ in range(FREE_OF_NAME):
        with pytest.raises(NotAllowed, match="^name or password is wrong$"):
            sessions.sign_in(admin, "anna", "wrong password", "198.51.100.9")
    with pytest.raises(SlowDown):
        sessions.sign_in(admin, "anna", PASSWORD, "198.51.100.9")
    assert sessions.sign_in(admin, "anna", PASSWORD, "192.0.2.7")
    with pytest.raises(NotAllowed, match="^name or password is wrong$"):
        sessions.sign_in(admin, "nobody", PASSWORD, "198.51.100.10")
    assert any(row["noun"] == "sign-in" and row["name"] == "anna" for row in audit.listed(admin))


def test_ten_tries_in_a_quarter_of_an_hour_and_a_thousand_names_are_no_way_around() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    tries = 0
    while now[0] < 900:
        if not patience.wait("2001:db8::1", "anna"):
            tries += 1
            patience.wrong(f"2001:db8::{tries:x}", "Anna")
        now[0] += 1
    assert tries <= 10
    assert not patience.wait("2001:db8:1::1", "anna")
    guessed = 0
    for number in range(1000):
        if not patience.wait("192.0.2.1", f"name{number}"):
            guessed += 1
            patience.wrong("192.0.2.1", f"name{number}")
    assert guessed <= 30


# Keys of programs


def test_an_api_key_opens_what_it_says_until_it_ends(admin: Admin) -> None:
    settled(admin)
    done, secret = apikeys.add(admin, "nightly report", role="reader", days=90)
    assert secret.startswith("pk_") and secret not in done.sentence
    assert apikeys.opened(admin, secret) == (f"anna by {secret[:11]}", Rights("reader", (), "anna"))
    assert apikeys.opened(admin, secret[:-1] + "x") is None and apikeys.opened(admin, "") is None and apikeys.opened(admin, "pk_00000000_x") is None
    with later(admin, days=91):
        assert apikeys.opened(admin, secret) is None
    [row] = apikeys.listed(admin)
    assert row["last_used_at"] and secret not in repr(row)
    apikeys.remove(admin, row["key"])
    assert apikeys.opened(admin, secret) is None


def test_a_key_never_outranks_whom_it_acts_for(admin: Admin) -> None:
    settled(admin, "ben", "helpdesk")
    ben = as_(admin, "helpdesk")
    _, secret = apikeys.add(ben, "mine", role="owner")
    found = apikeys.opened(admin, secret)
    assert found and found[1].role == "helpdesk"
    with pytest.raises(NotAllowed):
        apikeys.add(ben, "hers", operator="anna")
    operators.remove(admin, "ben")
    assert apikeys.opened(admin, secret) is None


def test_what_opens_a_door_is_nowhere_in_the_files(admin: Admin) -> None:
    settled(admin)
    secret = sessions.sign_in(admin, "anna", PASSWORD, "192.0.2.7")
    _, key = apikeys.add(admin, "report")
    _, link = operators.link(admin, "anna")
    kept = b"".join(file.read_bytes() for file in admin.config.state.iterdir() if file.is_file())
    assert not [word for word in (secret, key, link, PASSWORD) if word.encode() in kept]


# Audit and undo


def test_a_change_is_shown_before_and_after_and_a_secret_as_changed(office: Admin) -> None:
    accounts.change(office, ADDRESS, {"password": "n3w-s3cret", "display_name": "Anna"})
    [row] = audit.listed(office, limit=1)
    assert (row["who"], row["door"], row["verb"], row["noun"], row["name"]) == ("anna", "test", "changed", "account", ADDRESS)
    assert row["what"] == {"password": ["changed", "changed"], "display_name": ["", "Anna"]}
    accounts.change(office, ADDRESS, {"display_name": "Eva"})
    assert audit.listed(office, limit=1)[0]["what"] == {"display_name": ["Anna", "Eva"]}
    every = list(audit.exported(office))
    assert [row["id"] for row in every] == list(range(len(every), 0, -1)) and "s3cret" not in json.dumps(every)


def test_history_is_only_added_to(office: Admin) -> None:
    for statement in ("UPDATE changes SET who = 'nobody' WHERE id = 1", "DELETE FROM changes WHERE id = 1"):
        with pytest.raises(Exception, match="history is only added to"), office.whole.writing() as connection:
            connection.execute(statement)
    assert office.store.changes(1000)[-1].who == "anna"


UNDONE: dict[str, Callable[[Admin], Any]] = {
    **{noun: work for noun, work in WRITES.items() if noun != "operator"},
    "settings taken back": lambda admin: settings.unsay(admin, "site:north", ["language"]),
    "settings changed": lambda admin: settings.say(admin, "site:north", {"language": "de", "admin_password": "n3w-s3cret"}),
    "device moved": lambda admin: devices.change(admin, MAC, {"site": "south"}),
    "device removed": lambda admin: devices.remove(admin, MAC),
    "account added": lambda admin: accounts.add(admin, "299@sip.example.com", {"password": "x"}),
    "account removed": lambda admin: accounts.remove(admin, "214@sip.example.com"),
    "password": lambda admin: accounts.change(admin, ADDRESS, {"password": "n3w-s3cret"}),
}


def everything(admin: Admin) -> Iterable[Any]:
    """Yield all that verbs may say, without numbers of changes."""
    for device in admin.store.devices():
        yield replace(device, revision=0, revised_at="", cleared=frozenset()), admin.store.lines_of(device.mac), admin.store.keys_of(device.scope), admin.store.layer(device.scope)
    yield from (admin.store.accounts(), admin.store.sites(), admin.store.groups(), admin.store.contacts("north"), admin.store.layer("site:north"))


@pytest.mark.parametrize("what", UNDONE)
def test_an_undone_change_leaves_all_as_it_was(office: Admin, what: str) -> None:
    settings.say(office, "site:north", {"language": "pt"})
    before = list(everything(office))
    UNDONE[what](office)
    number = office.store.changes(1)[0].id
    assert list(everything(office)) != before
    assert "took back change" in audit.undo(office, number).sentence
    assert list(everything(office)) == before
    assert office.store.changes(1)[0].id > number


def test_what_was_changed_again_is_not_taken_back(office: Admin) -> None:
    devices.change(office, MAC, {"name": "One"})
    number = office.store.changes(1)[0].id
    devices.change(office, MAC, {"location": "Hall"})
    devices.change(office, MAC, {"name": "Two"})
    with pytest.raises(Conflict, match=f"name of device {MAC} was changed again since change {number}"):
        audit.undo(office, number)
    audit.undo(office, office.store.changes(1)[0].id)
    audit.undo(office, number)
    device = office.device(MAC)
    assert (device.name, device.location) == ("", "Hall")


def test_undo_is_judged_like_any_other_change(office: Admin) -> None:
    devices.change(office, MAC, {"name": "One"})
    number = office.store.changes(1)[0].id
    with pytest.raises(NotHere):
        audit.undo(as_(office, "admin", "south"), number)
    with pytest.raises(NotAllowed):
        audit.undo(as_(office, "helpdesk"), number)
    assert audit.undo(as_(office, "admin", "north"), number).changed


def test_what_cannot_be_taken_back_says_so(office: Admin) -> None:
    operators.add(office, "eva")
    with pytest.raises(Conflict, match="cannot be taken back"):
        audit.undo(office, office.store.changes(1)[0].id)
    devices.token(office, MAC, rotate=True)
    with pytest.raises(Conflict, match="old one never counts again"):
        audit.undo(office, office.store.changes(1)[0].id)


def test_a_write_that_comes_too_late_is_told(office: Admin) -> None:
    def unless() -> None:
        if office.device(MAC).name:
            raise Outdated("somebody else was first")

    late = replace(office, unless=unless)
    devices.change(late, MAC, {"location": "Hall"})
    devices.change(office, MAC, {"name": "One"})
    with pytest.raises(Outdated):
        devices.change(late, MAC, {"location": "Attic"})
    assert office.device(MAC).location == "Hall"


# The commands


def test_the_commands_say_links_and_keys_once_and_lists_hold_neither(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{tmp_path}/state"\n')

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli, ["--config", str(file), *words])

    added = run("operator", "add", "anna", "--role", "owner", "--language", "pt").stdout.splitlines()
    assert added[0] == "added operator anna, owner of all sites" and added[1].startswith("http://127.0.0.1:8090/setup/")
    key = run("apikey", "add", "nightly report", "--role", "reader").stdout.splitlines()[1]
    assert json.loads(run("operator", "list", "--json").stdout)[0]["can_sign_in"] is False
    [row] = json.loads(run("apikey", "list", "--json").stdout)
    assert key.startswith(row["key"]) and row["role"] == "reader"
    run("site", "add", "hq")
    said = run("audit", "list", "--noun", "site").stdout + run("audit", "export").stdout
    assert "hq" in said and key not in said and added[1].rpartition("/")[2] not in said
    number = str(json.loads(run("audit", "list", "--noun", "site", "--json").stdout)[0]["id"])
    assert run("audit", "undo", number).stdout.startswith(f"took back change {number} of site hq by ")
    assert run("audit", "undo", number).exit_code == 1
    assert run("apikey", "remove", row["key"]).exit_code == run("operator", "sign-out", "anna").exit_code == run("operator", "link", "anna").exit_code == 0
    assert "no operator" in run("operator", "change", "ana", "--role", "reader").stderr
