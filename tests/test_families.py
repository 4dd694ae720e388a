"""A broken folder is named with file, line, key and cure; the others keep working."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from provisioner import families
from provisioner.errors import BadManifest, UnknownName
from provisioner.families import Catalog, Guard, LanguageMap, within

GOOD = """
name = "Acme desk phones"
vendor = "Acme"
[identify]
ouis = ["80aabb"]
user_agents = ["Acme {model} {firmware} {mac}"]
[[files]]
match = "{mac}.cfg"
template = "phone.cfg.j2"
[maps.key]
line = 1
[models.A100]
lines = 2
source = "made up for this test"
confidence = "doc"
"""


def folder(tmp_path: Path, manifest: str, template: str = "line = {{ phone.mac }}\n") -> Path:
    """Return a folder of families that holds one, acme."""
    acme = tmp_path / "acme"
    acme.mkdir(parents=True)
    (acme / "family.toml").write_text(manifest)
    (acme / "phone.cfg.j2").write_text(template)
    return tmp_path


def test_a_good_folder_is_read(tmp_path: Path) -> None:
    family = families.read_family([folder(tmp_path, GOOD) / "acme"])

    assert (family.slug, family.vendor, family.models["A100"].lines, family.files[0].match) == ("acme", "Acme", 2, "{mac}.cfg")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('vendor = "Acme"', "", "vendor is missing"),
        ('vendor = "Acme"', 'vender = "Acme"', r"family.toml:3: vender is not a key that manifests have; did you mean vendor\?"),
        ('"phone.cfg.j2"', '"fone.cfg.j2"', "names fone.cfg.j2, which is not in the folder"),
        ('"{mac}.cfg"', '"{mad}.cfg"', r"family.toml:8: files\[1\].match .*unknown placeholder \{mad\}"),
        ('"{mac}.cfg"', '"*.cfg"', "asks = false"),
        ('"80aabb"', '"80AABB"', "six lower-case hex digits"),
        ("line = 1", "lime = 1", "maps.key.lime is not a key type; did you mean line"),
        ("lines = 2", 'lines = "two"', "family.toml:13: models.A100.lines must be a whole number"),
        ('confidence = "doc"', 'confidence = "sure"', "must be one of doc"),
        ('source = "made up for this test"', "", "models.A100.source is missing"),
        ("[maps.key]", "[maps.key", "is not TOML"),
        ("[maps.key]", "[settings]\ntimezome = 1\n[maps.key]", "did you mean timezone"),
        ("[maps.key]", "[settings]\nvlan_id = 5000\n[maps.key]", "0 to 4094"),
        ('match = "{mac}.cfg"', 'match = "{mac}.cfg"\nencode = "rot13"', "must be one of plain"),
        ('match = "{mac}.cfg"', 'match = "{mac}.cfg"\nfirmware = "new"', "no bound of firmware"),
        ("[maps.key]", "[provisioning]\nparts = ['server: host']\n[maps.key]", "must hold one of {scheme} {host}"),
        ('match = "{mac}.cfg"', 'match = "{mac}.cfg"\nenrols = true', "goes with scope"),
        ("[maps.key]", "[notify]\nresync = 'check sync'\nsource = 'x'\n[maps.key]", "notify.resync 'check sync' is no event; write it as the NOTIFY says it"),
        ("[maps.key]", "[notify]\nresync = 'check-sync'\n[maps.key]", "notify.source is missing"),
        ("[maps.key]", "[restarts]\nsettings = ['vlan_it']\nsource = 'x'\n[maps.key]", "restarts.settings names vlan_it, which is no setting; did you mean vlan_id"),
        ("[maps.key]", "[restarts]\nsettings = ['vlan_id']\n[maps.key]", "restarts.source is missing"),
    ],
)
def test_a_fault_names_file_key_and_cure(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(BadManifest, match=sentence) as fault:
        families.read_family([folder(tmp_path, GOOD.replace(old, new)) / "acme"])

    assert "acme/family.toml" in str(fault.value)


def test_a_broken_family_leaves_the_others_working(tmp_path: Path) -> None:
    catalog = families.load([folder(tmp_path, GOOD.replace("lines = 2", "lines = -2"))])

    assert [fault for fault in catalog.faults if "acme/family.toml" in str(fault)]
    with pytest.raises(UnknownName, match="acme/family.toml"):
        catalog.family("acme")


def test_an_overlay_adds_a_model_to_a_shipped_family(tmp_path: Path, catalog: Catalog) -> None:
    slug = next(iter(catalog.families))
    (tmp_path / slug).mkdir()
    (tmp_path / slug / "family.local.toml").write_text('[models.Z99]\nlines = 3\nsource = "our own desk"\n')

    overlaid = families.load([tmp_path]).families[slug]

    assert overlaid.models["Z99"].lines == 3
    assert overlaid.fingerprint != catalog.families[slug].fingerprint


def test_an_unknown_model_names_the_nearest(tmp_path: Path) -> None:
    catalog = families.load([folder(tmp_path, GOOD)])

    with pytest.raises(UnknownName, match="did you mean A100"):
        catalog.model("acme/A200")
    with pytest.raises(UnknownName, match="did you mean acme"):
        catalog.model("acne/A100")


@pytest.mark.parametrize(
    ("firmware", "bounds", "fits"),
    [
        ("2.2.10", ">=2.2.10", True), ("2.2.9", ">=2.2.10", False), ("28.80.0.1", ">=*.80", True), ("28.73.0.50", ">=*.80", False),
        ("10.1.119.10", "<10.1.119.10", False), ("10.1.73.9", "<10.1.119.10", True), ("7.5.2b", ">=7.5.2", True), ("3.0", ">=2 <3", False),
    ],
)  # fmt: skip
def test_bounds_of_firmware(firmware: str, bounds: str, fits: bool) -> None:
    assert within(firmware, bounds) is fits


def test_an_unknown_firmware_fits_no_bound_and_an_empty_guard_fits_all() -> None:
    assert not Guard(firmware=">=1").fits("A1", "")
    assert Guard().fits("A1", "")
    assert Guard(models=("X4*",)).fits("X4U", "") and not Guard(models=("X4*",)).fits("X5", "")


def test_a_language_falls_back_to_its_own_root_only() -> None:
    words = LanguageMap({"pt": "Portuguese", "en": "English"})

    assert "pt-BR" in words and words["pt-BR"] == "Portuguese"
    assert "de-AT" not in words


def test_every_count_that_refuses_has_a_source(catalog: Catalog) -> None:
    bare = [f"{family.slug}/{model.name}" for family in catalog.families.values() for model in family.models.values() if not model.source or (model.lines and not model.confidence)]
    assert bare == []


def test_families_that_share_an_oui_are_told_apart_by_user_agents(catalog: Catalog) -> None:
    for family in catalog.families.values():
        for other in catalog.families.values():
            if family.slug < other.slug and set(family.ouis) & set(other.ouis):
                assert family.user_agents and other.user_agents, f"{family.slug} and {other.slug} share an OUI"


def test_a_manifest_that_is_not_read_is_told(tmp_path: Path) -> None:
    for root in ("mine", "yours"):
        folder(tmp_path / root, GOOD)
        (tmp_path / root / "yealink").mkdir()
    (tmp_path / "mine/yealink/family.toml").write_text("thin = true\n")
    (tmp_path / "yours/yealink/family.local.toml").write_text("thin = true\n")

    catalog = families.load([tmp_path / "mine", tmp_path / "yours"])

    assert sorted(str(fault) for fault in catalog.faults) == [
        f"{tmp_path}/mine/yealink/family.toml is not read, since yealink ships with this server; name your changes family.local.toml",
        f"{tmp_path}/yours/acme/family.toml is not read, since acme is in {tmp_path}/mine already; name your changes family.local.toml",
    ]
    assert catalog.families["yealink"].thin and "acme" in catalog.families


def test_no_two_templates_are_the_same_file() -> None:
    files = [file for file in families.shipped().rglob("*.j2") if file.is_file()]
    assert len({file.read_bytes() for file in files}) == len(files)


def test_no_two_templates_share_more_than_four_fifths_of_their_lines() -> None:
    files = [file for file in families.shipped().rglob("*.j2") if "_shared" not in file.parts]
    lines = {file: Counter(line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()) for file in files}
    alike = [
        f"{one.parent.name}/{one.name} and {other.parent.name}/{other.name}"
        for one, other in combinations(sorted(files), 2)
        if 2 * (lines[one] & lines[other]).total() > 0.8 * (lines[one].total() + lines[other].total())
    ]
    assert alike == []


def test_so_many_vendors_models_and_families_ship(catalog: Catalog) -> None:
    hardware = [family for family in catalog.families.values() if family.kind == "hardware"]
    assert len({model.brand for family in hardware for model in family.models.values()}) >= 30
    assert len({family.vendor for family in hardware}) >= 30
    assert sum(len(family.models) for family in catalog.families.values()) >= 450
    assert len(catalog.families) <= 60


@pytest.mark.parametrize(("name", "there"), [("_shared/here.j2", True), ("here.j2", False), ("_shared/gone.j2", False)])
def test_a_template_that_families_share_is_named_with_its_folder(tmp_path: Path, name: str, there: bool) -> None:
    shared = tmp_path / "_shared"
    shared.mkdir()
    (shared / "here.j2").write_text("x")

    assert families._is_there(name, [tmp_path / "acme"], [shared]) is there
