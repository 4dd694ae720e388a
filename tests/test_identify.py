"""Each clue narrows, none is enough alone, and nobody guesses between two families."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner import families
from provisioner.families import Catalog
from provisioner.identify import identify, mac_in
from provisioner.things import Device
from provisioner.wire import PhoneRequest

FAMILY = """
name = "{name}"
vendor = "{vendor}"
[identify]
ouis = ["{oui}"]
user_agents = ["{vendor} {{model}} {{firmware}} {{mac}}", "{vendor} {{model}} {{firmware}}"]
[[files]]
match = "{{mac}}.cfg"
[[files]]
match = "{common}"
scope = "family"
[models.{model}]
code = "x1"
source = "made up for this test"
"""


@pytest.fixture
def town(tmp_path: Path) -> Catalog:
    """Return three families: two of one vendor with one OUI, one of another vendor."""
    for slug, name, vendor, oui, common, model in [
        ("acme-desk", "Desk", "Acme", "80aabb", "desk.cfg", "D1"), ("acme-dect", "DECT", "Acme", "80aabb", "dect-{code}.cfg", "M1"),
        ("bell", "Bell", "Bell", "80cccc", "bell.cfg", "B1"),
    ]:  # fmt: skip
        (tmp_path / slug).mkdir()
        (tmp_path / slug / "family.toml").write_text(FAMILY.format(name=name, vendor=vendor, oui=oui, common=common, model=model))
    loaded = families.load([tmp_path])
    return families.Catalog({slug: family for slug, family in loaded.families.items() if slug in ("acme-desk", "acme-dect", "bell")})


def ask(path: str = "", user_agent: str = "") -> PhoneRequest:
    """Return a request from loopback."""
    return PhoneRequest(path, "127.0.0.1", "http", user_agent)


def test_a_user_agent_tells_model_and_firmware_and_the_model_settles_the_family(town: Catalog) -> None:
    seen = identify(town, ask("80aabb000001.cfg", "Acme M1 5.20"))

    assert (seen.family, seen.model, seen.firmware, seen.mac, seen.vendor) == ("acme-dect", "M1", "5.20", "80aabb000001", "Acme")


def test_a_shared_file_name_is_narrowed_by_the_oui(town: Catalog) -> None:
    assert identify(town, ask("80cccc000001.cfg")).family == "bell"


def test_two_families_of_one_oui_are_both_named_and_nobody_guesses(town: Catalog) -> None:
    seen = identify(town, ask("80aabb000001.cfg"))

    assert (seen.family, set(seen.candidates), seen.vendor) == ("", {"acme-desk", "acme-dect"}, "Acme")


def test_the_inventory_settles_what_the_clues_leave_open(town: Catalog) -> None:
    seen = identify(town, ask("80aabb000001.cfg"), Device("80aabb000001", "acme-desk", "D1"))

    assert (seen.family, seen.model) == ("acme-desk", "D1")


def test_a_code_in_a_file_name_tells_the_model(town: Catalog) -> None:
    seen = identify(town, ask("dect-x1.cfg"))

    assert (seen.family, seen.model, seen.mac) == ("acme-dect", "M1", "")


def test_an_unknown_model_of_a_known_maker_keeps_the_name_it_says(town: Catalog) -> None:
    assert identify(town, ask(user_agent="Bell B9 1.0 80cccc000001")).model == "B9"


def test_nothing_is_known_of_a_stranger(town: Catalog) -> None:
    seen = identify(town, ask("favicon.ico", "Mozilla/5.0"))

    assert (seen.candidates, seen.family, seen.vendor, seen.mac) == ((), "", "", "")


@pytest.mark.parametrize(
    ("path", "user_agent", "mac"),
    [
        ("/p/q/80AABB000001.cfg", "", "80aabb000001"), ("80-aa-bb-00-00-01.cfg", "", "80aabb000001"), ("cfg80aabb000001.xml", "", "80aabb000001"),
        ("SEP80AABB000001.cnf.xml", "", "80aabb000001"), ("ATA80AABB000001.cnf.xml", "", "80aabb000001"), ("x.cfg", "Bell 80:aa:bb:00:00:01", "80aabb000001"),
        ("000000000000.cfg", "", ""), ("y000000000108.cfg", "", ""), ("01005e000001.cfg", "", ""),
    ],
)  # fmt: skip
def test_a_mac_is_found_where_phones_put_it(path: str, user_agent: str, mac: str) -> None:
    assert mac_in(ask(path, user_agent)) == mac


def test_what_a_phone_says_of_itself_is_kept_no_longer_than_the_inventory_takes_it(town: Catalog) -> None:
    seen = identify(town, ask(user_agent=f"Bell {'B' * 200} {'1.' * 200}1 80cccc000001"))

    assert (seen.family, len(seen.model), len(seen.firmware)) == ("bell", 64, 64)


def test_a_file_that_is_named_after_its_model_alone_tells_of_nobody_unless_there_is_such_a_model(catalog: Catalog) -> None:
    assert [identify(catalog, ask(name)).candidates for name in ("autorun.inf", "backup.img", "logo.st", "x.inf", "notes-1.2.bin")] == [()] * 5
    for slug, family in catalog.families.items():
        for rule in family.files:
            for model in family.models.values():
                if rule.match.startswith("{code}.") and model.code and rule.guard.fits(model.name, ""):
                    assert slug in identify(catalog, ask(f"{model.code}{rule.match.removeprefix('{code}')}")).candidates


@pytest.mark.parametrize(("said", "family", "model"), [
    ("Grandstream GXP2170", "grandstream", "GXP2170"), ("Fanvil X4U", "fanvil", "X4U"), ("CP-7841-3PCC", "cisco-mpp", "7841"), ("Cisco Systems, Inc. IP Phone CP-7941G\0", "cisco-enterprise", "7941G"),
    ("LINKSYS SPA-942", "cisco-spa", "SPA942"), ("Cisco SPA525g", "cisco-spa", "SPA525G"), ("digium_D40_1_1_0_0_48178", "digium", "D40"), ("Vtech Vesa VCS754", "vtech", "VCS754"), ("MSFT 5.0", "", ""),
])  # fmt: skip
def test_what_a_phone_says_to_dhcp_tells_its_model(catalog: Catalog, said: str, family: str, model: str) -> None:
    seen = identify(catalog, PhoneRequest("", "", "http"), dhcp_class=said)
    assert (seen.family, seen.model) == (family, model)
