"""What a technician carries: one file and one page for each phone, in a folder, an image or a ZIP; and what another server takes of it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from provisioner import bundle, fat, zips
from provisioner.admin import Admin, accounts, bundles, carried, devices, groups, keys, lines, settings, sites, usb
from provisioner.bundle import MANIFEST, Signer
from provisioner.cli.root import cli
from provisioner.errors import BadInput, BadValue, NotAllowed, NotHere
from provisioner.families import Catalog
from provisioner.language import Language
from provisioner.rights import Rights
from tests import acme, recorded
from tests.acme import ADDRESS, MAC, OTHER

PHRASE = "correct horse battery staple"
CANARY = "S3cr3t-Canary-7"


@dataclass(frozen=True)
class Sent:
    """A bundle that another server may import: its file, its files, who may have made it, what it carries."""

    path: Path
    files: Mapping[str, bytes]
    trusted: list[str]
    said: Mapping[str, Any]


@pytest.fixture
def office(admin: Admin) -> Admin:
    """Return the verbs over a furnished office."""
    return furnished(admin)


def furnished(admin: Admin) -> Admin:
    """Return the verbs, with a site, a group, two phones, two accounts, keys and settings in every scope that is carried."""
    sites.add(admin, "hq", {"country": "PT", "name": "Head office", "public_url": "http://192.0.2.9"})
    groups.add(admin, "hq/desk")
    accounts.add(admin, ADDRESS, {"password": CANARY, "display_name": "João Silva", "outbound_proxy": "proxy.example.com:5080"})
    accounts.add(admin, "+351213@sip.example.com", {"password": "x; \"y\"", "transport": "tls"})
    devices.add(admin, MAC, "acme/Two", {"site": "hq", "group": "desk", "name": "Reception", "factory_password": "0000", "modules": 1})
    devices.add(admin, OTHER, "acme/One", {"lines": 2})
    lines.assign(admin, MAC, ADDRESS)
    lines.assign(admin, MAC, "+351213@sip.example.com")
    keys.put(admin, f"device:{MAC}", 2, "speed-dial", "+351210000000", "Home", line=1, module=1)
    keys.put(admin, "group:hq/desk", 1, "blf", "213")
    for scope, said in (("site:hq", {"timezone": "Europe/Lisbon"}), ("group:hq/desk", {"dtmf": "info"}), (f"device:{MAC}", {"admin_password": CANARY}), (f"line:{MAC}/1", {"dtmf": "inband"})):
        settings.say(admin, scope, said)
    return admin


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Admin]:
    """Return the verbs of another server, empty."""
    made = acme.admin(tmp_path / "elsewhere")
    (made.config.state / "server.key").write_bytes(bytes(reversed(range(32))))
    yield made
    made.close()


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """Return a bundle of the office with a passphrase, once for all that read it: scrypt takes its time."""
    root = tmp_path_factory.mktemp("sent")
    office = furnished(acme.admin(root))
    files = write(office, root / "a.zip", passphrase=PHRASE, days=3)
    yield Sent(root / "a.zip", files, known(office), carried.carried_by(files, PHRASE, known(office), office.store.now()))
    office.close()


def write(admin: Admin, to: Path, *macs: str, **wish: Any) -> Mapping[str, bytes]:
    """Export phones, and return the files of the bundle."""
    said = {"clear": not wish.get("passphrase"), **wish}
    usb.export(admin, usb.chosen(admin, macs, "", not macs), usb.Wish(to, **said))
    files = bundles.opened(to, wish.get("passphrase", ""))
    return {name: body if isinstance(body, bytes) else body.read_bytes() for name, body in files.items()}


def known(admin: Admin) -> list[str]:
    return bundles.known_keys(admin.config.state, ())


# One file for each phone


def fleet(admin: Admin, catalog: Catalog) -> dict[str, tuple[str, str]]:
    """Add a phone of the first model of each family, and of the Trio C60 and the IP150; return family and model by MAC."""
    phones = {}
    models = [(slug, next(iter(family.models))) for slug, family in sorted(catalog.families.items())]
    for number, (slug, model) in enumerate([*models, ("poly", "TrioC60"), ("cloudtc", "IP150")]):
        mac, address = f"02ff000000{number:02x}", f"u{number:02}@sip.example.com"
        devices.add(admin, mac, f"{slug}/{model}", {"name": f"Ana {number}"})
        accounts.add(admin, address, {"password": "s3cret99"})
        lines.assign(admin, mac, address)
        phones[mac] = (slug, model)
    return phones


def test_each_phone_of_each_family_has_one_file_that_its_parser_reads_and_that_holds_its_account(admin: Admin, catalog: Catalog, tmp_path: Path) -> None:
    phones = fleet(admin, catalog)

    files = write(admin, tmp_path / "fleet.zip")

    for number, (mac, (slug, model)) in enumerate(phones.items()):
        own = [name for name in files if name.startswith(f"{mac}_") and not name.endswith(".html")]
        assert len(own) == 1 and re.fullmatch(rf"{mac}_u{number:02}_Ana-{number}(\.[a-z]+)?", own[0]), (slug, model, own)
        read = recorded.parse_as(slug, files[own[0]])
        assert any(f"u{number:02}" in value for value in read.values()), (slug, model)
        assert b"s3cret99" in files[own[0]] or slug == "grandstream-old" and any("s3cret99" in value for value in read.values()), (slug, model)
        for element in re.findall(rb"<mac[^<>]*>([^<>]*)</mac>", files[own[0]], re.IGNORECASE):
            assert element.decode().lower().replace(":", "") == mac, (slug, model)
        assert own[0] in files[f"{own[0].partition('.')[0]}.html"].decode()
    assert len([name for name in files if name.endswith(".html")]) == len(phones) + 1


def test_a_boot_of_two_files_is_folded_into_one(admin: Admin, catalog: Catalog, tmp_path: Path) -> None:
    devices.add(admin, MAC, "cloudtc/Glass", {})
    settings.say(admin, f"device:{MAC}", {"ntp_server": "ntp.example.com"})

    read = recorded.parse_as("cloudtc", write(admin, tmp_path / "a.zip", MAC)[f"{MAC}.xml"])

    apart = {name: value for name, _ in admin.booter.files_of(MAC) for name, value in recorded.parse_as("cloudtc", admin.booter.preview(MAC, name, True)).items()}
    assert read == apart and "ntp.example.com" in read.values()


def test_a_phone_that_reads_a_stick_has_its_files_there_under_the_names_of_the_network(admin: Admin, tmp_path: Path) -> None:
    devices.add(admin, MAC, "poly/TrioC60", {})

    write(admin, tmp_path / "stick.img", MAC)

    listed = subprocess.run(["mdir", "-b", "-i", tmp_path / "stick.img", "::"], capture_output=True, text=True, check=True).stdout.split()
    assert {f"::/{MAC}.cfg", f"::/{MAC}-user.cfg", f"::/{MAC}.html"} <= set(listed)
    page = fat.files((tmp_path / "stick.img").read_bytes())[f"{MAC}.html"].decode()
    assert f"{MAC}.cfg, {MAC}-user.cfg" in page


@pytest.mark.parametrize("name", ["../../etc/passwd", "CON", "a:b*c?", "x" * 64, "<script>alert(1)</script>", "🙂", "a/b\\c", "-", "."])
def test_no_name_of_a_person_leaves_the_folder_or_the_page(admin: Admin, tmp_path: Path, name: str) -> None:
    devices.add(admin, MAC, "acme/One", {"name": name})

    files = write(admin, tmp_path / "b", MAC, made_for=name)

    assert sorted(os.listdir(tmp_path / "b")) == sorted(files)
    assert all(bundle.safe(file) for file in files)
    for page in ("START.html", next(file for file in files if file.startswith(MAC) and file.endswith(".html"))):
        assert "<script" not in files[page].decode() and _text(files[page]).count(name) >= 1


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _text(page: bytes) -> str:
    reader = _Words()
    reader.feed(page.decode())
    return "\n".join(reader.words)


def test_the_pages_are_in_the_technicians_language(office: Admin, tmp_path: Path) -> None:
    english, portuguese = (write(office, tmp_path / tag, MAC, language=Language(tag)) for tag in ("en", "pt"))

    page = next(name for name in english if name.startswith(MAC) and name.endswith(".html"))
    assert 'lang="en"' in english[page].decode() and "The file holds passwords" in english[page].decode()
    assert 'lang="pt"' in portuguese[page].decode() and "palavras-passe" in portuguese[page].decode()
    assert "Telefones a configurar" in portuguese["START.html"].decode()


# Secrets


def test_secrets_go_out_in_the_clear_only_where_that_was_said(office: Admin, tmp_path: Path) -> None:
    for to in ("stick", "a.img", "a.zip"):
        with pytest.raises(BadValue, match="--clear"):
            usb.export(office, usb.chosen(office, [MAC], "", False), usb.Wish(tmp_path / to))
        with pytest.raises(BadValue, match="say one of the two"):
            usb.export(office, usb.chosen(office, [MAC], "", False), usb.Wish(tmp_path / to, passphrase=PHRASE, clear=True))
    assert not [name for name in os.listdir(tmp_path) if name in ("stick", "a.img", "a.zip")]
    assert office.store.changes(noun="export") == []


@pytest.mark.parametrize("to", ["stick", "a.img", "a.zip"])
def test_with_a_passphrase_no_byte_tells_a_secret_and_the_passphrase_tells_all(office: Admin, tmp_path: Path, to: str) -> None:
    clear = write(office, tmp_path / "clear", MAC)
    files = write(office, tmp_path / to, MAC, passphrase=PHRASE)

    raw = b"".join(path.read_bytes() for path in [tmp_path / to, *(tmp_path / to).rglob("*")] if path.is_file())
    token = office.booter.expected_token(office.device(MAC))
    assert CANARY.encode() not in raw and token.encode() not in raw
    if usb.PACKED in files:
        (tmp_path / "packed.zip").write_bytes(files[usb.PACKED])
        files = dict(zips.Zip(tmp_path / "packed.zip", PHRASE))
    config = next(name for name in clear if name.endswith(".acme"))
    assert files[config] == clear[config] and CANARY.encode() in clear[config]


def test_a_blocked_phone_is_left_out_and_told(office: Admin, tmp_path: Path) -> None:
    devices.block(office, OTHER)

    done = usb.export(office, usb.chosen(office, [], "", True), usb.Wish(tmp_path / "b", clear=True))

    assert any(OTHER in note and "blocked" in note for note in done.notes)
    assert not [name for name in bundles.opened(tmp_path / "b") if name.startswith(OTHER)]
    with pytest.raises(BadValue, match="blocked"):
        usb.export(office, usb.chosen(office, [OTHER], "", False), usb.Wish(tmp_path / "c", clear=True))


def test_what_is_written_is_for_its_owner_alone(office: Admin, tmp_path: Path) -> None:
    write(office, tmp_path / "b", MAC)
    write(office, tmp_path / "b.zip", MAC)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "b", tmp_path / "b.zip", *(tmp_path / "b").iterdir()]}
    assert {mode & 0o077 for mode in modes.values()} == {0}


def test_who_exports_needs_the_right_to_see_secrets_of_each_phones_site(office: Admin, tmp_path: Path) -> None:
    for role, bound, macs, may in (("helpdesk", (), [MAC], False), ("admin", ("hq",), [MAC], True), ("admin", ("default",), [MAC], False), ("admin", ("hq",), [MAC, OTHER], False)):
        acting = office.acting("eve", "test", Rights(role, bound))
        wish = usb.Wish(tmp_path / "b", clear=True)
        if may:
            assert usb.export(acting, [office.device(mac) for mac in macs], wish).changed
        else:
            with pytest.raises(NotAllowed):
                usb.export(acting, [office.device(mac) for mac in macs], wish)
    assert [row["who"] for row in bundles.exports(office, 10)] == ["eve"]


# Where it is written


def test_an_image_is_sound_and_mtools_reads_back_what_was_written(office: Admin, tmp_path: Path) -> None:
    files = write(office, tmp_path / "a.img")

    subprocess.run(["fsck.vfat", "-n", tmp_path / "a.img"], check=True, capture_output=True)
    (tmp_path / "out").mkdir()
    subprocess.run(["mcopy", "-s", "-i", tmp_path / "a.img", "::*", tmp_path / "out"], check=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files
    assert bundles.verified(tmp_path / "out", "", known(office), office.store.now())[1] == []


def test_on_a_stick_with_other_files_the_bundle_has_a_folder_of_its_own(office: Admin, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "holiday.jpg").write_bytes(b"mine")

    write(office, stick, MAC)
    write(office, stick, MAC, OTHER)

    assert sorted(os.listdir(stick)) == ["holiday.jpg", "provisioner"]
    assert len(bundles.opened(stick)) == 6
    bundles.purge(stick, False)
    assert os.listdir(stick) == ["holiday.jpg"] and (stick / "holiday.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["a.img", "a.zip"])
def test_a_file_that_is_no_bundle_is_not_written_over(office: Admin, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(BadValue, match="is there already"):
        write(office, tmp_path / name, MAC)
    assert (tmp_path / name).read_bytes() == b"mine"
    (tmp_path / name).unlink()

    write(office, tmp_path / name, MAC)
    write(office, tmp_path / name, OTHER)

    assert [file for file in bundles.opened(tmp_path / name) if file.startswith(OTHER)]


def test_an_export_is_on_record_with_whom_it_is_for_and_one_that_failed_says_why(office: Admin, tmp_path: Path) -> None:
    write(office, tmp_path / "b", MAC, made_for="Rui Costa", days=7)
    (tmp_path / "b" / "notes.txt").write_text("mine")
    with pytest.raises(BadValue, match=r"notes\.txt"):
        write(office, tmp_path / "b", MAC)

    broken, row = bundles.exports(office, 10)
    assert (row["who"], row["made_for"], row["phones"], row["sites"], row["secrets"], row["failed"]) == ("anna", "Rui Costa", [MAC], ["hq"], "clear", None)
    assert row["expires_at"] == "2026-01-09T03:04:05+00:00"
    assert "notes.txt" in broken["failed"]
    assert CANARY not in json.dumps([row, broken])


KILLED = """
import os, signal, sys
from pathlib import Path
from provisioner.bundle import write_file
stop, count = int(sys.argv[2]), 0
def point(event, arguments):
    global count
    if event in ("open", "os.mkdir", "os.rename", "os.remove"):
        count += 1
        if count == stop:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(point)
write_file(Path(sys.argv[1]), b"new" * 100_000)
"""


def test_a_file_killed_at_any_step_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    file, found = tmp_path / "a.img", set()
    for stop in range(1, 30):
        bundle.write_file(file, b"old")
        ended = subprocess.run([sys.executable, "-c", KILLED, file, str(stop)], timeout=60, capture_output=True, check=False)
        assert file.read_bytes() in (b"old", b"new" * 100_000)
        found.add(file.read_bytes()[:3])
        if ended.returncode == 0:
            break
        assert ended.returncode == -9, ended.stderr
    assert found == {b"old", b"new"} and ended.returncode == 0


COMMAND = """
import os, signal, sys
stop = int(sys.argv[1])
count = 0
def point(event, arguments):
    global count
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir") and "stick" in str(arguments[0]):
        count += 1
        if count == stop:
            os.kill(os.getpid(), signal.SIGKILL)
from provisioner.cli.root import cli
sys.addaudithook(point)
try:
    cli(sys.argv[2:])
finally:
    print(count)
"""


def test_the_command_killed_while_it_writes_leaves_the_older_bundle_or_the_newer_one(run: Run, office: Admin, tmp_path: Path) -> None:
    stick = tmp_path / "stick"

    def export(stop: int, mac: str) -> subprocess.CompletedProcess[str]:
        words = ["--config", tmp_path / "config.toml", "export", "usb", mac, "--to", stick, "--clear"]
        return subprocess.run([sys.executable, "-c", COMMAND, *map(str, (stop, *words))], capture_output=True, text=True, timeout=120, check=False)

    assert export(0, MAC).returncode == 0
    whole = export(0, OTHER)
    steps = int(whole.stdout.split()[-1])
    found = []
    for stop in range(1, steps + 1, steps // 4):
        run("export", "usb", MAC, "--to", stick, "--clear")
        assert export(stop, OTHER).returncode == -9
        verdict = bundle.verify(bundles.opened(stick), known(office))
        phones = {name[:12] for name in verdict.manifest.files if name.endswith(".acme")}
        assert verdict.whole and not verdict.extra and phones in ({MAC}, {OTHER})
        found.append(phones == {OTHER})
    assert found == sorted(found) and steps > 12


# Reading a bundle: by the commands


Run = Callable[..., Result]


@pytest.fixture
def run(office: Admin, tmp_path: Path) -> Run:
    """Return a function that runs one command on the office's state."""
    file = tmp_path / "config.toml"
    file.write_text(f'state = "{office.config.state}"\nphones_path = ["{tmp_path}/phones"]\n')
    (tmp_path / "phrase").write_text(f"{PHRASE}\n")

    def command(*words: object) -> Result:
        return CliRunner().invoke(cli, ["--config", str(file), *map(str, words)])

    return command


def test_from_the_command_line_a_bundle_goes_out_is_verified_listed_and_purged(run: Run, tmp_path: Path) -> None:
    stick = tmp_path / "stick"

    done = run("export", "usb", MAC, "--to", stick, "--passphrase-file", tmp_path / "phrase", "--for", "Rui", "--expires", 7)
    assert (done.exit_code, done.stdout.startswith(f"exported 1 phone to {stick} for Rui, until ")) == (0, True), done.output
    key = run("export", "key").stdout.strip()
    verified = run("export", "verify", stick)
    assert (verified.exit_code, key in verified.stdout) == (0, True), verified.output
    assert json.loads(run("export", "verify", stick, "--json").stdout)["made_for"] == "Rui"
    assert json.loads(run("export", "list", "--json").stdout)[0]["phones"] == [MAC]
    assert "Rui" in run("export", "list").stdout
    body = bytearray((stick / usb.PACKED).read_bytes())
    body[100] ^= 1
    (stick / usb.PACKED).write_bytes(body)
    (stick / "more.txt").write_text("")
    broken = run("export", "verify", stick)
    assert (broken.exit_code, f"{usb.PACKED} was changed" in broken.stderr) == (1, True)
    kept = run("export", "purge", stick)
    assert (kept.exit_code, "phones.zip was changed since" in kept.stderr) == (0, True)
    assert sorted(os.listdir(stick)) == [MANIFEST, "more.txt", usb.PACKED]
    assert run("export", "purge", stick, "--force").exit_code == 0
    assert os.listdir(stick) == ["more.txt"]


def test_verify_names_what_is_missing_what_is_not_of_it_and_whose_it_is(run: Run, office: Admin, elsewhere: Admin, tmp_path: Path) -> None:
    write(office, tmp_path / "b", MAC)
    (tmp_path / "b" / "more.txt").write_text("")
    assert "more.txt is not of this bundle" in run("export", "verify", tmp_path / "b").stderr
    (tmp_path / "b" / "START.html").unlink()
    assert "START.html is missing" in run("export", "verify", tmp_path / "b").stderr

    devices.add(elsewhere, MAC, "acme/One", {})
    write(elsewhere, tmp_path / "theirs.zip", MAC)
    other = run("export", "verify", tmp_path / "theirs.zip")
    assert (other.exit_code, "is not a key that is trusted here" in other.stderr) == (1, True)
    assert run("export", "verify", tmp_path / "theirs.zip", "--key", known(elsewhere)[0]).exit_code == 0
    assert run("export", "verify", tmp_path / "theirs.zip", "--key", "ed25519:nonsense").exit_code == 1


def test_where_no_key_is_known_verify_says_which_key_is_to_be_compared(office: Admin, tmp_path: Path) -> None:
    write(office, tmp_path / "b.zip", MAC)

    _, notes = bundles.verified(tmp_path / "b.zip", "", [], office.store.now())

    assert any(known(office)[0] in note for note in notes)


def test_an_expired_bundle_says_so_and_is_not_imported(sent: Sent) -> None:
    late = recorded.AT + timedelta(days=3)

    assert any("has expired" in note for note in bundles.verified(sent.path, PHRASE, sent.trusted, late)[1])
    assert bundles.verified(sent.path, PHRASE, sent.trusted, late - timedelta(seconds=1))[1] == []
    with pytest.raises(BadValue, match="expired on 2026-01-05"):
        carried.carried_by(sent.files, PHRASE, sent.trusted, late)


def test_a_folder_without_a_bundle_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(NotHere, match="there is no bundle in .*, neither a MANIFEST.provisioner nor a folder provisioner"):
        bundles.opened(tmp_path)
    with pytest.raises(NotHere, match="check its name, and that the stick is mounted"):
        bundles.opened(tmp_path / "nowhere")


def test_what_to_export_is_one_choice(office: Admin) -> None:
    for macs, site, every in (([], "", False), ([MAC], "hq", False), ([MAC], "", True)):
        with pytest.raises(BadValue, match="say in one way which phones"):
            usb.chosen(office, macs, site, every)
    with pytest.raises(NotHere):
        usb.chosen(office, [], "nowhere", False)
    assert [device.mac for device in usb.chosen(office, [], "hq", False)] == [MAC]
    assert [device.mac for device in usb.chosen(office, [MAC, MAC], "", False)] == [MAC]


# Another server


def bring(admin: Admin, said: Mapping[str, Any], dry: bool = False) -> tuple[list[str], list[str]]:
    """Import what a bundle carries; return the steps and the notes."""
    plan = carried.plan(admin, said)
    done = carried.carry_out(admin, said, plan, dry)
    return plan.steps, list(done.notes)


def test_another_server_gets_phones_accounts_lines_keys_and_settings_as_they_were(elsewhere: Admin, sent: Sent) -> None:
    before = elsewhere.store.changes()
    steps, _ = bring(elsewhere, sent.said, dry=True)
    assert elsewhere.store.changes() == before and CANARY not in "".join(steps)
    assert bring(elsewhere, sent.said)[0] == steps

    assert carried._said(elsewhere, list(elsewhere.store.devices())) == sent.said
    assert len({change.batch for change in elsewhere.store.changes() if change not in before}) == 1, "all in one change"
    assert bring(elsewhere, sent.said)[0] == []
    secret = elsewhere.store.account(ADDRESS)
    assert secret and secret.password == CANARY
    site = elsewhere.store.site("hq")
    assert site and (site.networks, site.public_url, site.country) == ((), "", "PT")


def test_an_import_that_would_cost_a_phone_its_file_is_refused(elsewhere: Admin, sent: Sent) -> None:
    devices.add(elsewhere, MAC, "acme/Two", {})
    said = {**sent.said, "accounts": [{**row, "display_name": "%EMPTY%"} for row in sent.said["accounts"]]}
    before = elsewhere.store.changes()

    with pytest.raises(BadInput, match="could not get its file"):
        bring(elsewhere, said)

    assert elsewhere.store.changes() == before


def test_a_site_that_is_here_keeps_its_own_settings_and_keys(elsewhere: Admin, sent: Sent) -> None:
    sites.add(elsewhere, "hq", {})
    groups.add(elsewhere, "hq/desk")
    settings.say(elsewhere, "site:hq", {"timezone": "Europe/Rome"})

    _, notes = bring(elsewhere, sent.said)

    assert elsewhere.store.layer("site:hq") == {"timezone": "Europe/Rome"} and elsewhere.store.layer("group:hq/desk") == {} and elsewhere.store.keys_of("group:hq/desk") == []
    assert any("02:ac:0e:00:00:01 gets no file yet: site hq has no public URL" in note for note in notes)
    assert any("site hq" in note and "group hq/desk" in note and "there already" in note for note in notes)


def test_a_bundle_without_a_passphrase_says_that_no_server_can_import_it(office: Admin, tmp_path: Path) -> None:
    done = usb.export(office, usb.chosen(office, [MAC], "", False), usb.Wish(tmp_path / "b", clear=True))

    assert any("cannot import" in note for note in done.notes)
    with pytest.raises(NotHere, match="carries nothing for another server"):
        carried.carried_by(bundles.opened(tmp_path / "b"), PHRASE, known(office), office.store.now())


@pytest.mark.parametrize("phrase", ["", "wrong"])
def test_the_wrong_passphrase_opens_nothing(sent: Sent, phrase: str) -> None:
    with pytest.raises(BadValue, match="passphrase"):
        carried.carried_by(sent.files, phrase, sent.trusted, recorded.AT)
    with pytest.raises(BadValue, match="passphrase"):
        bundles.verified(sent.path, phrase, sent.trusted, recorded.AT)


def test_an_import_by_command_wants_a_trusted_key_and_tells_its_diff(run: Run, office: Admin, elsewhere: Admin, tmp_path: Path) -> None:
    devices.add(elsewhere, "02ac0e000077", "acme/One", {"name": "Far"})
    write(elsewhere, tmp_path / "theirs.zip", passphrase=PHRASE, days=3650)
    words = ("import", "usb", tmp_path / "theirs.zip", "--passphrase-file", tmp_path / "phrase")

    assert "is trusted here" in run(*words).stderr
    done = run(*words, "--key", known(elsewhere)[0])
    assert (done.exit_code, "add 02ac0e000077 (Acme One)" in done.stdout) == (0, True), done.output
    assert office.store.device("02ac0e000077")


def _device(**changes: str) -> dict[str, str]:
    empty = dict.fromkeys(("mac", "model", "site", "group", "state", "name", "location", "serial", "asset_tag", "firmware", "lines", "keys", "modules", "factory_password", "notes"), "")
    return {**empty, "mac": MAC, "model": "acme/One", **changes}


EMPTY: dict[str, Any] = {"format": "provisioner import", "version": 1, **{name: [] for name in ("sites", "groups", "accounts", "devices", "assignments", "keys", "settings")}}
HOSTILE: list[Any] = [
    None, [], 1, "x", {}, {**EMPTY, "format": "other"}, {**EMPTY, "version": 2}, {**EMPTY, "version": True}, {**EMPTY, "version": "1"}, {**EMPTY, "more": []},
    {name: value for name, value in EMPTY.items() if name != "keys"}, {**EMPTY, "devices": {}}, {**EMPTY, "devices": [[]]}, {**EMPTY, "devices": [{"mac": MAC}]},
    {**EMPTY, "devices": [{**_device(), "generation": "7"}]}, {**EMPTY, "devices": [{**_device(), "modules": 1}]}, {**EMPTY, "devices": [{**_device(), "notes": "x" * 5000}]},
    {**EMPTY, "devices": [_device()] * 20_001}, {**EMPTY, "groups": [1]}, {**EMPTY, "groups": ["x" * 5000]}, {**EMPTY, "sites": [{"slug": "x", "name": "", "country": "", "networks": "0.0.0.0/0"}]},
    {**EMPTY, "settings": [{"scope": 1, "name": "dtmf", "value": "info"}]}, {**EMPTY, "settings": [{"scope": "defaults", "name": "dtmf"}]},
]  # fmt: skip
WRONG: list[dict[str, Any]] = [
    {"devices": [_device(mac="nonsense")]}, {"devices": [_device(model="acme/None")]}, {"devices": [_device(site="nowhere")]}, {"devices": [_device(group="../x")]}, {"devices": [_device(name="a\nb")]},
    {"devices": [_device(state="owner")]}, {"sites": [{"slug": "../x", "name": "", "country": ""}]}, {"sites": [{"slug": "x", "name": "", "country": "Atlantis"}]}, {"groups": ["nowhere/x"]}, {"groups": ["x"]},
    {"assignments": [{"mac": MAC, "line": "1", "account": "nobody@example.com"}]}, {"keys": [{**dict.fromkeys(("module", "value", "label", "line"), ""), "scope": "defaults", "position": "1", "type": "line"}]},
    {"settings": [{"scope": "defaults", "name": "dtmf", "value": "info"}]}, {"settings": [{"scope": f"device:{MAC}", "name": "dtmf", "value": "info"}]},
    {"devices": [_device()], "settings": [{"scope": f"device:{MAC}", "name": "no_such", "value": 1}]}, {"devices": [_device()], "settings": [{"scope": f"device:{MAC}", "name": "dtmf", "value": {"a": 1}}]},
    {"devices": [_device()], "settings": [{"scope": f"device:{MAC}", "name": "vlan_id", "value": [1]}]}, {"devices": [_device()], "settings": [{"scope": f"device:{MAC}", "name": "codecs", "value": 7}]},
]  # fmt: skip


@pytest.mark.parametrize("said", [*HOSTILE, *({**EMPTY, **one} for one in WRONG)], ids=str)
def test_a_hostile_import_is_refused_with_a_sentence_and_writes_nothing(elsewhere: Admin, said: Any) -> None:
    before = elsewhere.store.changes()
    good = _device(mac="02ac0e000055")
    if isinstance(said, dict) and isinstance(said.get("devices"), list) and said.get("version") == 1:
        said = {**said, "devices": [good, *said["devices"]][:20_001]}

    with pytest.raises(BadInput) as fault:
        bring(elsewhere, carried.checked(json.dumps(said).encode()))

    assert elsewhere.store.changes() == before and elsewhere.store.device("02ac0e000055") is None
    assert "Traceback" not in str(fault.value) and len(str(fault.value)) < 2000


@pytest.mark.parametrize("text", [b"", b"\xff", b"[" * 100_000, b"{", b"NaN", b'{"format": "provisioner import", "version": 1e999}'])
def test_what_is_no_json_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(BadValue, match=r"import\.sealed"):
        carried.checked(text)


@pytest.mark.parametrize("body", [b"", b"provisioner sealed 1\n", b"provisioner sealed 1\n" + b"x" * 1000, b"provisioner sealed 2\n", b"x" * 100_000])
def test_a_sealed_part_that_is_none_is_refused(elsewhere: Admin, body: bytes) -> None:
    signer = Signer.at(elsewhere.config.state)
    files = bundle.sealed({carried.NAME: body}, bundle.described("usb", recorded.AT, 30, "mallory"), signer)
    with pytest.raises(BadValue, match=r"import\.sealed"):
        carried.carried_by(files, PHRASE, [signer.public], elsewhere.store.now())


def test_a_link_in_a_folder_is_not_followed(elsewhere: Admin, sent: Sent, tmp_path: Path) -> None:
    for name, body in sent.files.items():
        (tmp_path / name).write_bytes(body)
    (tmp_path / carried.NAME).rename(tmp_path / "real.age")
    (tmp_path / carried.NAME).symlink_to(tmp_path / "real.age")

    with pytest.raises(BadValue, match=r"import\.sealed is missing"):
        carried.carried_by(bundle.Folder(tmp_path), PHRASE, sent.trusted, recorded.AT)


# ZIP files of strangers (S20)


def _zip(*entries: tuple[str, bytes], **facts: Any) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", compression=facts.get("compression", zipfile.ZIP_DEFLATED)) as made:
        for name, text in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = facts.get("compression", zipfile.ZIP_DEFLATED)
            info.external_attr = facts.get("mode", 0o100600) << 16
            made.writestr(info, text)
    return body.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        _zip(("../a", b"")), _zip(("/etc/passwd", b"")), _zip(("a\\..\\b", b"")), _zip(("a/../../b", b"")), _zip(("C:x", b"")), _zip(("a1", b"x"), ("a2", b"y")).replace(b"a2", b"a1"), _zip(("a", b""), ("A", b"")),
        _zip(("a", b"/etc/passwd"), mode=0o120777), _zip(("a", b""), mode=0o020666), _zip(("a/", b"")), _zip(("bomb", bytes(5_000_000))), _zip(("large", os.urandom(1000) * 51_000), compression=zipfile.ZIP_STORED),
        _zip(("a", b"x"), compression=zipfile.ZIP_LZMA), _zip(("a", b"x"), compression=zipfile.ZIP_BZIP2), b"PK\3\4" + b"\0" * 100, b"PK\3\4", _zip(("nul", b"")).replace(b"nul", b"n\0l"),
    ],
    ids=["up", "absolute", "backslash", "inner-up", "drive", "twice", "case", "link", "device", "folder", "bomb", "large", "lzma", "bzip2", "broken", "cut", "nul"],
)  # fmt: skip
def test_a_zip_that_could_harm_is_not_unpacked(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "z.zip").write_bytes(body)
    with pytest.raises(BadValue):
        dict(bundles.opened(tmp_path / "z.zip"))
    assert os.listdir(tmp_path) == ["z.zip"]


def test_a_zip_whose_entry_lies_about_its_size_is_not_unpacked(tmp_path: Path) -> None:
    body = _zip(("a", b"x" * 3000))
    (tmp_path / "z.zip").write_bytes(body.replace((3000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(BadValue):
        dict(bundles.opened(tmp_path / "z.zip"))


def test_every_byte_of_a_zip_may_be_changed_without_harm(sent: Sent, tmp_path: Path) -> None:
    body = sent.path.read_bytes()
    told = 0
    for place in range(0, len(body), 97):
        (tmp_path / "b.zip").write_bytes(body[:place] + bytes([body[place] ^ 0x41]) + body[place + 1 :])
        try:
            assert bundles.verified(tmp_path / "b.zip", PHRASE, sent.trusted, recorded.AT)[0].whole
        except (BadInput, NotHere):
            told += 1
    assert told > len(body) // 97 * 0.5, "most places hold content; what is left is times and attributes"


def test_the_same_files_without_a_passphrase_are_the_same_zip() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    first, second = (hashlib.sha256(zips.packed(files, at)).digest() for files in ({"a": b"1", "b": b"2"}, {"b": b"2", "a": b"1"}))
    assert first == second
