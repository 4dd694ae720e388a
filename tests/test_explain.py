"""Why has this phone this value: every layer's say, the winner, the line that it became."""

from __future__ import annotations

import pytest

from provisioner.boot import Booter
from provisioner.errors import UnknownName
from provisioner.explain import Explanation, explain, facts_not_taken
from provisioner.things import Account, Line
from tests.test_boot import MAC, acme, house

__all__ = ["acme", "house"]  # fixtures


def why(house: Booter, name: str, line: int = 0) -> Explanation:
    """Return the explanation of one setting of the phone, or of one of its lines."""
    family, model, facts = house.facts(MAC)
    return explain(house.renderer, family, model, facts, house.secrets, name, line)


def test_every_layer_is_heard_and_the_line_is_shown(house: Booter) -> None:
    with house.store.change("test", "test") as tx:
        tx.say("defaults", {"timezone": "Europe/Rome"})
        tx.say("site:default", {"timezone": "Europe/Lisbon"})

    told = why(house, "timezone")

    assert (told.said.value, told.said.by) == ("Europe/Lisbon", "site:default")
    assert told.said.others == (("vocabulary", "UTC"), ("defaults", "Europe/Rome"))
    assert told.lines == ((f"{MAC}.acme", 3, "zone = Europe/Lisbon"),)


def test_a_truth_is_found_in_the_lines_that_it_switches(house: Booter) -> None:
    [(file, number, text)] = why(house, "provisioning").lines

    assert (file, number) == (f"{MAC}.acme", 4)
    assert text.startswith("server = ") and "*" in text


def test_a_setting_that_no_template_asks_for_has_no_line(house: Booter) -> None:
    assert why(house, "vlan_id").lines == ()


def test_a_secret_is_not_told(house: Booter) -> None:
    with house.store.change("test", "test") as tx:
        tx.say("site:default", {"admin_password": "hunter22"})
        tx.say(f"device:{MAC}", {"admin_password": "hunter23"})

    assert "hunter2" not in repr(why(house, "admin_password"))


@pytest.fixture
def two_lines(house: Booter) -> Booter:
    """Return the house with accounts on both lines of the phone, whose file says the srtp of each line and three passwords."""
    template = house.catalog.roots[-1] / "acme" / "phone.j2"
    template.write_text(
        "{% for line in lines if line.used %}\nsrtp.{{ line.n }} = {{ line.set.srtp }}\n{% endfor %}\nuser_password = admin:{{ set.admin_password }}\n"
        "{% if set.ldap_password is not none %}\nldap = {{ set.ldap_password }}\n{% endif %}\nzone = {{ set.timezone }}\n"
    )
    with house.store.change("test", "test") as tx:
        tx.say("defaults", {"srtp": "optional"})
        tx.put_account(Account("213@sip.example.com"))
        tx.put_line(Line(MAC, 2, "213@sip.example.com"))
    return house


@pytest.mark.parametrize("own", ["required", None])
def test_a_line_is_explained_by_its_own_lines_alone(two_lines: Booter, own: str | None) -> None:
    if own:
        with two_lines.store.change("test", "test") as tx:
            tx.say(f"line:{MAC}/2", {"srtp": own})

    assert why(two_lines, "srtp", 2).lines == ((f"{MAC}.acme", 2, f"srtp.2 = {own or 'optional'}"),)
    assert why(two_lines, "srtp", 1).lines == ((f"{MAC}.acme", 1, "srtp.1 = optional"),)
    assert [number for _, number, _ in why(two_lines, "srtp").lines] == ([1] if own else [1, 2])
    assert why(two_lines, "timezone", 2).lines == ((f"{MAC}.acme", 4, "zone = UTC"),)


def test_a_password_is_found_in_its_line_masked(two_lines: Booter) -> None:
    assert why(two_lines, "ldap_password").lines == ()
    with two_lines.store.change("test", "test") as tx:
        tx.say("defaults", {"admin_password": "hunter22", "ldap_password": "hunter23"})

    told = why(two_lines, "admin_password")

    assert (told.said.value, told.said.by) == ("********", "defaults")
    assert told.lines == ((f"{MAC}.acme", 3, "user_password = admin:********"),)
    assert why(two_lines, "ldap_password").lines == ((f"{MAC}.acme", 4, "ldap = ********"),)


def test_a_password_that_nobody_said_is_generated(two_lines: Booter) -> None:
    told = why(two_lines, "admin_password")

    assert (told.said.value, told.said.by, told.said.others) == ("generated", "this server", ())
    assert told.lines == ((f"{MAC}.acme", 3, "user_password = admin:********"),)


def test_an_unknown_setting_is_named_with_the_nearest(house: Booter) -> None:
    with pytest.raises(UnknownName, match="did you mean timezone"):
        why(house, "timezome")


def test_account_facts_that_a_model_cannot_take_are_told(house: Booter) -> None:
    manifest = house.catalog.roots[-1] / "acme" / "family.toml"
    manifest.write_text(manifest.read_text() + '[cannot.xcap_root]\nwhy = "these phones have no XCAP"\nsource = "made up for this test"\n')
    from provisioner import families

    house.catalog = families.load([house.catalog.roots[-1]])
    with house.store.change("test", "test") as tx:
        tx.put_account(Account("213@sip.example.com", xcap_root="https://xcap.example.com/root"))
        tx.put_line(Line(MAC, 2, "213@sip.example.com"))
    family, model, facts = house.facts(MAC)

    assert [row.why for row in facts_not_taken(family, model, facts)] == ["these phones have no XCAP"]
