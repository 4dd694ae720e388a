"""What a model really takes, found by rendering; and the page that says it is not stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner import coverage, families
from provisioner.admin import Admin, devices, files, settings
from provisioner.cli import pages
from provisioner.families import Catalog
from provisioner.render import Renderer
from tests.acme import MAC

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/phones.md").read_text("utf-8")


@pytest.mark.parametrize("slug", sorted(families.load().families))
def test_a_familys_section_of_the_page_is_as_it_would_be_written_now(slug: str, catalog: Catalog) -> None:
    here = PAGE.partition(f"\n## {slug}\n")[2].partition("\n## ")[0]
    assert f"## {slug}\n{here}".rstrip("\n") == pages.phones_of(catalog, slug).rstrip("\n"), "docs/phones.md is stale; `make docs` writes it anew"


def test_a_familys_section_stands_in_the_page_once_and_no_others() -> None:
    assert [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")] == sorted(families.load().families)


def _acme(admin: Admin, model: str = "Two") -> coverage.Covered:
    family = admin.catalog.families["acme"]
    return coverage.of_model(admin.booter.renderer, family, family.models[model])


def _template(admin: Admin, text: str) -> None:
    (admin.catalog.roots[-1] / "acme" / "phone.acme.j2").write_text(text)


def test_what_stands_in_a_file_is_covered_and_nothing_else(admin: Admin) -> None:
    _template(admin, "user = {{ lines[0].user }}\n{% if lines[0].transport == \"tls\" %}\ntls = 1\n{% endif %}\n{% if set.vlan_id is not none %}\nvlan = {{ set.vlan_id }}\n{% endif %}\n"
                     "{% if set.ldap_server %}\nfilter = {{ set.ldap_name_filter }}\n{% endif %}\n{# syslog_server #}\n")  # fmt: skip
    found = _acme(admin)
    assert found.settings == ("vlan_id", "ldap_server", "ldap_name_filter")
    assert found.facts == ("username", "transport")
    assert (found.transports, found.srtp, found.keys, found.xcap) == (("udp", "tls"), (), (), False)


def test_a_zone_a_dial_plan_and_a_key_are_found_by_what_they_become(admin: Admin) -> None:
    _template(admin, "zone = {{ time.hours }}\n{% for one in set.dial_plan_all %}\nrule = {{ one }}\n{% endfor %}\n{% for key in keys if key.used %}\nkey.{{ key.n }} = {{ key.code }}\n{% endfor %}\n")
    found = _acme(admin)
    assert found.settings == ("dial_plan", "emergency_numbers", "timezone")
    assert set(found.keys) == set(admin.catalog.families["acme"].maps["key"]) - {"none"}


def test_models_that_differ_in_what_they_take_are_apart(admin: Admin) -> None:
    family = admin.catalog.families["acme"]
    first, *rest = family.models
    _template(admin, f"{{% if phone.model == \"{first}\" and set.vlan_id is not none %}}\nvlan = {{{{ set.vlan_id }}}}\n{{% endif %}}\nname = {{{{ phone.model }}}}\n")
    groups = [([model.name for model in models], covered.settings) for models, covered in coverage.of_family(admin.booter.renderer, family)]
    assert groups == [([first], ("vlan_id",)), (rest, ())]


def test_a_value_that_no_file_says_is_told_when_it_is_set_and_when_it_is_asked_for(admin: Admin) -> None:
    _template(admin, "{% if set.vlan_id is not none %}\nvlan = {{ set.vlan_id }}\n{% endif %}\n")
    devices.add(admin, MAC, "acme/Two", {})
    assert any("no file of these Acme desk phones says snmp (1 phone)" in note for note in settings.say(admin, f"device:{MAC}", {"snmp": "on", "vlan_id": "7"}).notes)
    assert files.explain(admin, MAC, "snmp").cannot == "none of the files of a Two says it, whatever its value"
    assert files.explain(admin, MAC, "vlan_id").cannot == ""
    rows = {row["setting"]: row["cannot"] for row in files.explain_all(admin, MAC)}
    assert rows["snmp"] and rows["vlan_id"] is None
    assert rows["cdp"] is None, "nobody said it"


def test_what_a_manifest_says_that_phones_cannot_is_in_no_file(catalog: Catalog) -> None:
    family, renderer = catalog.families["cloudtc"], Renderer(catalog)
    lacking = {row.name for row in family.cannot if not row.guard.models}
    for model in family.models.values():
        covered = coverage.of_model(renderer, family, model)
        assert not lacking & {*covered.settings, *covered.facts}
