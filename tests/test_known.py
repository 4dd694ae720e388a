"""Every parameter that we write is one that the family's phones know, with a value that they know."""

from __future__ import annotations

from collections import Counter

import pytest

from provisioner import coverage, families, known
from provisioner.admin import Admin, checks
from provisioner.boot import Booter
from provisioner.encode import legible
from provisioner.errors import BadManifest, ProvisionerError
from provisioner.families import Catalog, Family
from provisioner.store import Store
from provisioner.things import Account, Contact, Device, Key, Line
from provisioner.vocabulary import SETTINGS
from tests import recorded
from tests.samples import another

FAMILIES = families.load().families


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_has_a_source_and_stands_once(family: str) -> None:
    names = Counter(row.name for row in known.of_family(FAMILIES[family]))

    assert [row.name for row in known.of_family(FAMILIES[family]) if not row.source] == []
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("case", [case for case in recorded.cases() if case.expected.exists()], ids=lambda case: case.name)
def test_a_recorded_boot_holds_known_parameters_alone(case: recorded.Case) -> None:
    said = recorded.parse(case, case.expected.read_bytes())
    assert known.unknown(FAMILIES[case.family], said) == []
    assert known.outside(FAMILIES[case.family], said.items()) == []


@pytest.mark.parametrize("firmware", ["", "1.0.0.1", "99.99.99.99"])
@pytest.mark.parametrize("slug", FAMILIES)
def test_every_model_with_everything_said_holds_known_parameters_alone(slug: str, firmware: str, store: Store, catalog: Catalog) -> None:
    family, booter = catalog.families[slug], Booter(store, catalog, lambda event: None)
    wrong: dict[str, object] = {}
    with store.change("test", "test") as tx:
        tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
        tx.put_contact(Contact("default", "Anna", (("work", "1"), ("mobile", "2"), ("home", "3"), ("other", "4"))))
        tx.say("defaults", coverage.everything(family))
        for n in (1, 2, 3):
            tx.put_account(Account(f"{n}@sip.example.com", password="pw", voicemail="*97", xcap_root="https://xcap.example.com/root", outbound_proxy="proxy.example.com"))
    for number, model in enumerate(family.models.values()):
        mac = f"{(family.ouis or ('0a1b2c',))[0]}{number:06x}"
        with store.change("test", "test") as tx:
            tx.put_device(Device(mac, slug, model.name, firmware=firmware, modules=model.modules))
            for n in range(1, min(model.lines or 1, 3) + 1):
                tx.put_line(Line(mac, n, f"{n}@sip.example.com"))
            for position, kind in enumerate([kind for kind in family.maps.get("key", {}) if kind != "none"][: model.keys or 0], 1):
                tx.put_key(Key(f"device:{mac}", position, kind, value=VALUES.get(kind, "213"), line=1))
        for name, rule in booter.files_of(mac):
            try:
                body = booter.preview(mac, name, reveal=True)
                said = recorded.parse_as(slug, body) if rule.scope == "phone" else {}
                if odd := [*known.unknown(family, said), *known.outside(family, said.items())]:
                    wrong[f"{model.name} {name}"] = odd
            except ProvisionerError as why:
                wrong[f"{model.name} {name}"] = str(why)

    assert wrong == {}


VALUES = {"url": "http://x.example/", "xml": "http://x.example/", "paging": "239.0.0.1:10000"}


def test_the_samples_say_every_setting() -> None:
    assert set(coverage.everything(next(iter(FAMILIES.values())))) >= {row.name for row in SETTINGS} - {"dns_mode", "registration", "polling", "firmware"}


# The readers of the product, which know no dialect: what `check --output` finds.


@pytest.mark.parametrize("case", [case for case in recorded.cases() if case.expected.exists()], ids=lambda case: case.name)
def test_the_readers_of_the_product_raise_no_false_alarm(case: recorded.Case) -> None:
    family = FAMILIES[case.family]
    found = family.file_for(case.table["request"]["path"], "", "")
    body = case.expected.read_bytes()
    assert not known.faults(family, legible(body, found[0].encode) if found else body, found[0].writer.charset if found else "utf-8")


@pytest.fixture
def acme(admin: Admin) -> Family:
    """Return the made-up family, whose phones know four parameters."""
    family = admin.catalog.families["acme"]
    (family.folders[-1] / "known.txt").write_text("# what they know\nuser\tguide\nline.N.dtmf\tguide\t0|1|2\nvolume\tguide\t-10..10\nbook.entry[N].name\tguide\n")
    return family


@pytest.mark.parametrize(("body", "faults"), [
    ("user = 212\nline.1.dtmf = 2\nvolume = -10\n", []),
    ("user: 212\nline.2.dtmf: 0\nvolume:\n", []),
    ('SET user "212"\nline.2.dtmf "0"\n', []),
    ("[line]\nuser = 1\nvolume = 3\n", []),
    ("<x><user>1</user><volume>3</volume><book><entry><name>A</name></entry></book></x>", []),
    ('<x><p id="user" value="1"/><p id="line.1.dtmf" value="1"/></x>', []),
    ('<x user="1" volume="7"/>', []),
    ("user = 212\nvolume = 3\nline.1.dtmf = 1\nusr = 4\n", ["usr is no parameter that known.txt names"]),
    ("<x><user>1</user><volume>3</volume><line.1.dtmf>1</line.1.dtmf><usr>4</usr></x>", ["x/usr is no parameter that known.txt names"]),
    ("user = 212\nline.1.dtmf = 3\n", ["line.1.dtmf is '3', not 0|1|2"]),
    ("user = 212\nvolume = 11\n", ["volume is '11', not -10..10"]),
    ("user = 212\nvolume = loud\n", ["volume is 'loud', not -10..10"]),
    ("first\nsecond\n", None), ("a = 1\nb = 2\nuser = 3\n", None), ("<x><broken></x>", None),
])  # fmt: skip
def test_a_file_is_compared_with_what_phones_know(acme: Family, body: str, faults: list[str] | None) -> None:
    assert known.faults(acme, body.encode(), "utf-8") == faults


def test_a_row_that_is_none_is_named_with_its_cure(acme: Family) -> None:
    file = acme.folders[-1] / "known.txt"
    file.write_text("user\tguide\tsome words\n")
    with pytest.raises(BadManifest, match=r"known.txt:1: 'some words' is no list of values; write 0\|1\|2 or 0..127"):
        known.rows(file)


def test_check_names_the_family_the_file_and_the_models(acme: Family, admin: Admin) -> None:
    (acme.folders[-1] / acme.files[0].template).write_text("user = {{ lines[0].user }}\nvolume = 3\nline.1.dtmf = 1\n{% if set.snmp %}\nsnpm = {{ set.snmp }}\n{% endif %}\n")
    [finding] = checks.files(admin.catalog, acme)
    assert (finding.kind, finding.what) == ("fault", "output")
    assert finding.sentence.startswith("acme, Two, Unsure, One: {mac}.acme: snpm is no parameter that known.txt names; correct ")


def test_a_family_without_a_list_is_told(admin: Admin) -> None:
    [finding] = checks.files(admin.catalog, admin.catalog.families["acme-door"])
    assert finding.kind == "warning" and "has no known.txt" in finding.sentence
