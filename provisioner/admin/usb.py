"""What a technician carries to phones that no network reaches: for each phone one file that its own web page imports, and a page that says how.

Few phones read a stick; for those the files lie there under the names of the network. Nothing here encrypts in a vendor's own way:
with a passphrase everything that holds a secret travels in a ZIP-AES.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from provisioner import bundle, fat, guide, paper, passphrase, zips
from provisioner.admin import Admin, Done, Phones, bundles, carried, words
from provisioner.bundle import Signer
from provisioner.errors import BadValue, NotHere, ProvisionerError
from provisioner.families import Family, FileRule, Model
from provisioner.language import Language
from provisioner.mac import pretty
from provisioner.paper import Sheet, Table
from provisioner.rights import REVEAL
from provisioner.things import Device

KIND = "usb"
START, PACKED = "START.html", "phones.zip"
MOST_DAYS = 3650
_MOST_NAMED = 10
CLEAR = (
    "the files hold passwords of accounts and phones, and whoever has them can make calls at your cost; "
    "encrypt them with --passphrase-file FILE, or say --clear to carry them as they are"
)


@dataclass(frozen=True)
class Wish:
    """What is asked for. to: a folder, FILE.img or FILE.zip; days: after which the bundle expires, None for never; clear: secrets may go out unencrypted."""

    to: Path
    language: Language = Language()
    passphrase: str = ""
    days: int | None = 30
    made_for: str = ""
    clear: bool = False


def chosen(admin: Admin, macs: Sequence[str], site: str, every: bool) -> Phones:
    """Return the phones that are meant: those named, those of a site, or all; raises NotHere, BadValue where that is not one choice."""
    if sum((bool(macs), bool(site), every)) != 1:
        raise BadValue("say in one way which phones: their MACs, or --site SITE, or --all")
    if macs:
        return list(dict.fromkeys(admin.device(mac) for mac in macs))
    if site and admin.store.site(site) is None:
        raise NotHere(f"there is no site {site!r}; `provisioner site list` lists them")
    found = admin.store.devices(site=site)
    if not found:
        raise NotHere(f"there is no phone{f' at site {site}' if site else ''} yet; add one with `provisioner device add MAC --model FAMILY/MODEL`")
    return found


def export(admin: Admin, phones: Phones, wish: Wish) -> Done:
    """Write a bundle for these phones, signed and read back; return what was written, with notes.

    Raises BadValue where secrets would go out in the clear unasked, where a phone's file cannot be made, where there is too little
    space or something else is in the way; StoreTrouble. Then what was there before is there still.
    """
    if wish.days is not None and not 1 <= wish.days <= MOST_DAYS:
        raise BadValue(f"--expires {wish.days}: write 1 to {MOST_DAYS} days")
    if wish.passphrase and wish.clear:
        raise BadValue("a passphrase encrypts what --clear would carry as it is; say one of the two")
    if not wish.passphrase and not wish.clear:
        raise BadValue(CLEAR)
    meant, left_out = bundles.meant(phones)
    sites = sorted({device.site for device in meant})
    for site in sites:
        admin.rights.need(REVEAL, site)
    now = admin.store.now()
    kind = _form(wish.to)
    if kind != "folder":
        bundles.must_be_ours(wish.to, wish.passphrase)
    files, notes = _files(admin, meant, wish, now)
    macs = sorted(device.mac for device in meant)
    facts = {"language": wish.language.tag, "phones": f"{len(macs):,}", "secrets": "zip-aes" if wish.passphrase else "clear"}
    about = bundle.described(KIND, now, wish.days, admin.who, wish.made_for, facts)
    name = bundles.record(admin, about, {"to": str(wish.to), "secrets": facts["secrets"], "sites": sites, "phones": macs})
    where = wish.to if kind != "folder" else bundles.place(wish.to)
    try:
        _write(where, kind, files, about, Signer.at(admin.config.state), wish.passphrase, now)
    except ProvisionerError as why:
        bundles.failed(admin, name, sites, str(why))
        raise
    notes += left_out
    if wish.passphrase:
        notes += passphrase.doubts(wish.passphrase)
    until = f", until {about.expires_at[:10]}" if about.expires_at else ""
    return Done(f"exported {words.count(len(macs), 'phone')} to {where}{f' for {wish.made_for}' if wish.made_for else ''}{until}", notes=tuple(notes))


def _form(to: Path) -> str:
    """Return folder, img or zip."""
    end = to.suffix.lower().removeprefix(".")
    return end if end in ("img", "zip") and not to.is_dir() else "folder"


def _write(where: Path, form: str, files: Mapping[str, bytes], about: bundle.About, signer: Signer, phrase: str, now: datetime) -> None:
    if form == "folder":
        bundle.write_folder(where, files, about, signer)
        return
    whole = {name: body for name, body in bundle.sealed(files, about, signer).items() if isinstance(body, bytes)}
    bundle.write_file(where, fat.image(whole, now) if form == "img" else zips.packed(whole, now, phrase))


def _files(admin: Admin, phones: Sequence[Device], wish: Wish, now: datetime) -> tuple[dict[str, bytes], list[str]]:
    """Return all files of a bundle by name, and what to look at. With a passphrase a ZIP is encrypted as a whole; elsewhere the phones' files are in one."""
    made: dict[str, bytes] = {}
    rows: list[tuple[str, str]] = []
    notes: list[str] = []
    general: Counter[str] = Counter()
    for device in phones:
        title, own, model = _of_phone(admin, device, wish, now)
        made.update(own)
        rows.append((title, device.mac))
        general.update([model] if model else [])
    if general:
        some = ", ".join(sorted(general)[:_MOST_NAMED]) + (f" and {len(general) - _MOST_NAMED} more" if len(general) > _MOST_NAMED else "")
        notes.append(f"no source tells how the web page of these takes a file, so that their pages ({words.count(general.total(), 'phone')}) say it in general: {some}")
    files: dict[str, bytes] = made
    if wish.passphrase and _form(wish.to) != "zip":
        files = {PACKED: zips.packed(made, now, wish.passphrase)}
    if wish.passphrase:
        files[carried.NAME] = carried.packed(admin, phones, wish.passphrase)
    else:
        notes.append("another server cannot import this bundle: what it would need is written with a passphrase alone")
    files[START] = _start(rows, wish, now, PACKED if PACKED in files else "")
    return files, notes


# One phone.


def _of_phone(admin: Admin, device: Device, wish: Wish, now: datetime) -> tuple[str, dict[str, bytes], str]:
    """Return a phone's title, its files by name, and its model where no source tells the menus of its web page, else nothing."""
    family, model, facts = admin.booter.facts(device.mac)
    rules = {rule.match: (name, rule) for name, rule in admin.booter.files_of(device.mac)}
    wanted = family.carried(model.name, device.firmware)
    own = {match: admin.booter.preview(device.mac, rules[match][0], reveal=True) for match in dict.fromkeys((*wanted.imports, *wanted.stick)) if match in rules}
    imports = [match for match in wanted.imports if match in own]
    if not imports:
        raise BadValue(f"phone {admin.named(device)} has no file of its own; correct the folder of {family.slug}")
    try:
        body = fold([own[match] for match in imports])
    except ValueError as why:
        raise BadValue(f"the files of phone {admin.named(device)} cannot be folded into one: {why}; correct [[usb]] of {family.slug}") from None
    account = facts.lines[0][1] if facts.lines else None
    user, called = (account.username, device.name or account.display_name) if account else ("", device.name)
    stem = "_".join([device.mac, *filter(None, (_plain(user), _plain(called)))])
    file = stem + _suffix(rules[imports[0]])
    stick = {rules[match][0]: own[match] for match in wanted.stick if match in own}
    title = " ".join(filter(None, (f"{model.brand} {model.name}", user, called)))
    page = _page(family, model, device, wish, (user, called, file, _until(now, wish)), tuple(stick))
    known = guide.way(family, model, "import", device.firmware)
    return title, {file: body, f"{stem}.html": page, **stick}, "" if known else f"{model.brand} {model.name}"


def _page(family: Family, model: Model, device: Device, wish: Wish, words: tuple[str, str, str, str], stick: Sequence[str]) -> bytes:
    """Return a phone's page. words: extension, person, name of the file, and until when; stick: the files that it reads from a stick, mostly none."""
    say, (user, called, file, until) = wish.language, words
    under = f"{model.brand} {model.name} · {pretty(device.mac)}"
    facts = ((say("Extension"), user), (say("Name"), device.name), (say("Place"), device.location), (say("File"), file), (say("Valid until"), until))
    ways = [(say("Import one file on the phone's own web page"), guide.steps(family, model, say, "import", file=file, firmware=device.firmware))]
    if stick:
        copy = say("The files for it: {files}", files=", ".join(stick))
        ways.insert(0, (say("With the USB stick"), [copy, *guide.steps(family, model, say, "stick", file=file, firmware=device.firmware)]))
    last = say("The file holds passwords. Give it to nobody, and delete it from the computer and the stick when the phone works.")
    whose = " ".join(filter(None, (user, called))) or f"{model.brand} {model.name}"
    return paper.html([Sheet(say.tag, whose, under, _said(facts), steps_title=head, steps=(*steps, last)) for head, steps in ways])


def _said(facts: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in facts if value)


def fold(bodies: Sequence[bytes]) -> bytes:
    """Return XML documents of one root element as one, what is in each following the other; one document as it is. Raises ValueError.

    >>> fold([b"<a>\\n<b/>\\n</a>\\n", b"<a><c/></a>"])
    b'<a>\\n<b/>\\n<c/></a>\\n'
    """
    first, *others = bodies
    for body in others:
        here, there = (re.search(rb"<([A-Za-z_][\w.-]*)[^<>]*>(.*)</\1>\s*\Z", one, re.DOTALL) for one in (first, body))
        if not here or not there or here[1] != there[1]:
            raise ValueError("they are not XML of one root element")
        first = first[: here.end(2)] + there[2] + first[here.end(2) :]
    return first


def _suffix(named: tuple[str, FileRule]) -> str:
    """Return the end of a file's name, from the name on the network; XML that phones ask for under another end says what it is."""
    end = Path(named[0]).suffix.lower()
    return ".xml" if end == ".htm" else end


def _plain(text: str) -> str:
    """Return what of a text every stick can have in a name.

    >>> _plain("João & Ana"), _plain("+351 21"), _plain("Ωmega/../x")
    ('Joao-Ana', '+351-21', 'mega-..-x')
    """
    letters = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return re.sub(r"[^A-Za-z0-9.+()@]+", "-", letters).strip("-. ")[:40]


def _until(now: datetime, wish: Wish) -> str:
    return bundle.described(KIND, now, wish.days, "").expires_at[:10]


def _start(rows: Sequence[tuple[str, str]], wish: Wish, now: datetime, packed: str) -> bytes:
    """Return the page to begin with: for whom, until when, and which phones."""
    say = wish.language
    facts = _said(((say("For"), wish.made_for), (say("Made"), now.date().isoformat()), (say("Valid until"), _until(now, wish))))
    first = [say("Each phone has a file and a page whose names begin with its MAC; the page says how the phone gets the file. Compare the MAC with the label on the phone.")]
    if packed:
        first.append(say("They are in {file}, which needs the passphrase; the computer's own program for ZIP may not open it, but 7-Zip, Keka and WinZip do.", file=packed))
    table = Table(say("Phones"), ("MAC", say("Phone")), tuple((pretty(mac), title) for title, mac in rows))
    return paper.html([Sheet(say.tag, say("Phones to set up by hand"), "", facts, steps_title=say("How to begin"), steps=tuple(first), tables=(table,))])
