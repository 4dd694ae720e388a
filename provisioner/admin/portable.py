"""A portable server: a bundle that `serve --bundle` serves from any laptop, where no link reaches the phones, and its events when it comes home.

It holds an excerpt of the store, sealed with a passphrase (passphrase.py), and in there once more who made it and until when, so that nobody without the
passphrase can change that. What is opened lies in memory (/dev/shm), for its user alone, and is gone when the server ends.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

from provisioner import __version__, bundle, credentials, eventfile, families, providers, tokens
from provisioner.admin import Admin, Done, Phones, bundles, did, words
from provisioner.bundle import About, Body, Signer
from provisioner.config import Config, Listen
from provisioner.context import GENERATED
from provisioner.errors import BadConfig, BadValue, NotHere, ProvisionerError, StoreTrouble
from provisioner.excerpt import open_to
from provisioner.passphrase import doubts, sealed, unsealed
from provisioner.rights import REVEAL, RULE
from provisioner.store import Store
from provisioner.things import Device

KIND = "portable"
SEALED, PROMISE = "store.sealed", "promise.json"
MOST_DAYS = 366
_MEMORY = Path("/dev/shm")  # a file system that no disk holds
_LARGEST = 500_000_000  # bytes of what is sealed
_SLACK = timedelta(minutes=5)  # that clocks may differ
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True)
class Wish:
    """What is asked for. to: the folder of the bundle; days: after which it serves no more."""

    to: Path
    passphrase: str
    days: int
    made_for: str = ""


# Making one.


def export(admin: Admin, phones: Phones, wish: Wish) -> Done:
    """Write a portable server for these phones, in place of an older one there; return what was written, with notes.

    Raises BadValue where it cannot be as asked, or something else is in the way; StoreTrouble. Then what was there before is there still.
    """
    if not 1 <= wish.days <= MOST_DAYS:
        raise BadValue(f"--expires {wish.days}: write 1 to {MOST_DAYS} days")
    if not wish.passphrase:
        raise BadValue("a portable server holds the passwords of its phones; give a passphrase with --passphrase-file FILE")
    if not _NAME.fullmatch(wish.to.name):
        raise BadValue(f"{wish.to.name!r} cannot be the name of a bundle, by which its events are marked; name a folder of letters, digits, - and .")
    devices, left_out = bundles.meant(phones)
    sites = sorted({device.site for device in devices})
    for site in sites:
        admin.rights.need(REVEAL, site)
    _must_be_free(wish.to)
    signer, now, macs = Signer.at(admin.config.state), admin.store.now(), sorted(device.mac for device in devices)
    facts = {"name": wish.to.name, "id": token_hex(8), "phones": f"{len(macs):,}", "release": __version__}
    about = bundle.described(KIND, now, wish.days, admin.who, wish.made_for, facts)
    name = bundles.record(admin, about, {"to": str(wish.to), "secrets": "sealed", "sites": sites, "phones": macs})
    try:
        files: dict[str, Body] = {SEALED: sealed(_packed(admin, macs, about, signer.public), wish.passphrase), **_assets(admin, devices)}
        bundle.write_folder(wish.to, files, about, signer)
    except ProvisionerError as why:
        bundles.failed(admin, name, sites, str(why))
        raise
    return Done(
        f"exported {words.count(len(macs), 'phone')} to {wish.to}{f' for {wish.made_for}' if wish.made_for else ''}, until {about.expires_at[:10]};"
        f" `provisioner serve --bundle {wish.to}` serves them",
        notes=(*left_out, *doubts(wish.passphrase)),
    )


def _must_be_free(folder: Path) -> None:
    """Raise BadValue where another bundle is there, or events that nobody has brought home."""
    try:
        about = bundle.manifest_of(bundle.opened(folder)).about
    except NotHere:
        return
    if about.kind != KIND:
        raise BadValue(f"{folder} is a bundle of another kind ({about.kind}); name a folder of its own")
    if (folder / eventfile.FILE).exists():
        raise BadValue(f"{folder / eventfile.FILE} has events of phones; bring them home with `provisioner import events {folder}`, then move it away")


def _packed(admin: Admin, macs: Sequence[str], about: About, key: str) -> bytes:
    """Return what is sealed, as a tar: the excerpt of the store, all families and providers, and once more what the manifest says."""
    raw = io.BytesIO()
    with _room(f"provisioner-export-{token_hex(8)}") as room, tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as tar:
        admin.whole.excerpt(room, macs, _secrets_of(admin, macs))
        (room / PROMISE).write_text(json.dumps(_promise(about, key)), "utf-8")
        for name in ("provisioner.db", "server.key"):
            tar.add(room / name, f"state/{name}")
        tar.add(room / PROMISE, PROMISE)
        roots = {"base/phones": families.shipped(), "base/providers": providers.shipped()}
        for kind, paths in (("phones", admin.config.phones_path), ("providers", admin.config.providers_path)):
            roots |= {f"{kind}/{number}": path for number, path in enumerate(paths)}
        for name, path in roots.items():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not file.name.startswith("."):
                    tar.add(file.resolve(), f"{name}/{file.relative_to(path)}")
    return raw.getvalue()


def _promise(about: About, key: str) -> dict[str, str]:
    return {"key": key, "made_at": about.made_at, "expires_at": about.expires_at, "id": about.facts.get("id", "")}


def _secrets_of(admin: Admin, macs: Iterable[str]) -> Mapping[str, bytes]:
    """Return what the server's key makes for these phones alone: tokens and generated passwords."""
    server_key = admin.whole.server_key
    if not isinstance(server_key, bytes):
        raise BadValue("this is a bundle itself; make another where it was made")
    heard = tokens.Heard(server_key)
    for mac in macs:
        family, _, facts = admin.booter.facts(mac)
        tokens.token(heard, mac, facts.device.generation)
        credentials.password_of(heard, mac, facts.device.generation)
        for purpose in GENERATED:
            tokens.generated_password(heard, mac, purpose, family.password_alphabet, family.password_length)
    return heard.digests


def _assets(admin: Admin, phones: Iterable[Device]) -> dict[str, Body]:
    """Return the assets that phones of these families may ask for, as they lie in the server's folder."""
    folders = {rule.asset for slug in {device.family for device in phones} if slug in admin.catalog.families for rule in admin.catalog.families[slug].files if rule.asset}
    root = admin.config.assets_folder
    return {f"assets/{name}/{file.name}": file for name in sorted(folders) if (root / name).is_dir() for file in sorted((root / name).iterdir()) if file.is_file()}


# Serving one.


@dataclass(frozen=True)
class Served:
    """A bundle that is open. config: with which it is served; over: returns a sentence once it may be served no more, else empty."""

    about: About
    config: Config
    events: eventfile.EventFile
    over: Callable[[], str]


@contextmanager
def opened(folder: Path, passphrase: str, config: Config, networks: Sequence[str] = (), now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Served]:
    """Open a bundle for serving; at the end of the block nothing of it is open any more.

    config: of this machine, whose doors count. networks: in which phones need no token, and get their files over TFTP too; beside those of their sites.
    Raises BadValue, NotHere or StoreTrouble where it is no portable server, was changed, is over, or does not open.
    """
    if config.user:
        raise BadConfig("serve --bundle stays who starts it; leave the option `user` empty, and for port 69 say `sysctl net.ipv4.ip_unprivileged_port_start=69`")
    files = bundle.opened(folder)
    about = bundle.manifest_of(files).about
    if about.kind != KIND or not about.expires_at:
        raise BadValue(f"{folder} is no portable server, but a bundle for {about.kind}; make one with `provisioner export portable`")
    over = _ending(folder, about, now)
    if sentence := over():
        raise BadValue(sentence)
    verdict = bundle.verify(files, config.bundle_keys or None)
    if not verdict.whole:
        raise BadValue(f"{folder} is not as it was written: {', '.join(verdict.faults()[:5])}; make it again")
    raw = _unsealed(folder, files[SEALED], passphrase)
    with bundle.held(folder, BadValue(f"another server serves {folder}; stop that one first")), _room(f"provisioner-portable-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}") as room:
        _unpack(raw, room)
        if json.loads((room / PROMISE).read_text("utf-8")) != _promise(about, verdict.manifest.key):
            raise BadValue(f"the manifest of {folder} is another's than that of its sealed part; make the bundle again")
        store = Store.open(room / "state")
        try:
            open_to(store, networks)
        finally:
            store.close()
        yield Served(about, _config_of(config, folder, room), eventfile.EventFile(folder / eventfile.FILE), over)


def _unsealed(folder: Path, body: Body, passphrase: str) -> bytes:
    if not passphrase:
        raise BadValue(f"{folder} is sealed; give the passphrase of the export with --passphrase-file")
    try:
        raw = body if isinstance(body, bytes) else body.read_bytes() if body.stat().st_size <= _LARGEST else b""
    except OSError as fault:
        raise StoreTrouble(f"{folder / SEALED} cannot be read ({fault.strerror}); check the disk, and make the bundle again") from None
    return unsealed(raw, passphrase, str(folder))


def _unpack(raw: bytes, room: Path) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as tar:
            tar.extractall(room, filter="data")
        (room / "state" / "server.key").chmod(0o600)
    except (tarfile.TarError, OSError, EOFError) as why:
        raise StoreTrouble(f"the bundle opens, but cannot be unpacked into {room} ({why}); make room in memory, or make the bundle again") from None


def _config_of(config: Config, folder: Path, room: Path) -> Config:
    """Return the config of the machine that serves: its doors, and nothing of its own phones; what would write, ask or add is off."""
    overlays = {kind: tuple(sorted((room / kind).iterdir(), key=lambda path: int(path.name))) if (room / kind).is_dir() else () for kind in ("phones", "providers")}
    return replace(
        config, state=room / "state", assets=folder.resolve() / "assets", base=room / "base", phones_path=overlays["phones"], providers_path=overlays["providers"],
        admin_address=Listen("", 0), account_check_hours=0, contacts_hours=0, unknown_phones="hold", uploads_per_phone=0,
    )  # fmt: skip


def _ending(folder: Path, about: About, now: Callable[[], datetime]) -> Callable[[], str]:
    """Return what says why a bundle may be served no more: its time is over, or the clock was set back.

    The clock cannot be earlier than the bundle, nor than the last event that was left in it.
    """
    earliest = max(filter(None, (datetime.fromisoformat(about.made_at), eventfile.latest(folder / eventfile.FILE))))

    def over() -> str:
        at = now()
        if about.expired(at):
            return f"{folder} expired at {about.expires_at}, and serves no more; make a new one with `provisioner export portable`"
        if at < earliest - _SLACK:
            return f"this machine's clock says {at:%Y-%m-%d %H:%M} UTC, and {folder} was in use at {earliest:%Y-%m-%d %H:%M} UTC already; set the clock"
        return ""

    return over


@contextmanager
def _room(name: str) -> Iterator[Path]:
    """Make a folder in memory that is this user's alone, also where a server that was killed has left it, and remove it at the end."""
    room = _MEMORY / name
    try:
        if room.exists() and not room.is_symlink() and room.lstat().st_uid == os.geteuid():
            shutil.rmtree(room)
        room.mkdir(mode=0o700)
    except OSError as fault:
        raise StoreTrouble(f"{room} cannot be made ({fault.strerror}); what is opened lies in memory alone, so this machine needs a {_MEMORY} that takes it") from None
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


# Coming home.


def take_events(admin: Admin, folder: Path) -> Done:
    """Keep the events of a bundle that this server made, each once however often they are brought, marked by the bundle's name.

    Nothing in the file is believed: what is not as a server writes it, or of another time, is left out and counted, and a phone is known where it
    is in the inventory here. Raises NotHere, BadValue.
    """
    admin.rights.need(RULE, None)
    manifest = bundle.manifest_of(bundle.opened(folder))
    about = manifest.about
    if about.kind != KIND or not _NAME.fullmatch(about.facts.get("name", "")):
        raise BadValue(f"{folder} is no portable server; name the folder that `provisioner export portable` wrote")
    if manifest.key not in bundles.known_keys(admin.config.state, ()):
        raise BadValue(f"{folder} was made by another server ({manifest.key}); bring its events home there")
    found, bad = eventfile.read(folder / eventfile.FILE, datetime.fromisoformat(about.made_at), admin.store.now())
    known = set(admin.whole.known({event.mac for event in found}))
    name = about.facts["name"]
    marked = [replace(event, known=event.mac in known, sentence=f"bundle {name}: {event.sentence}".removesuffix(": ")) for event in found]
    new = admin.eventstore.take(marked, f"bundle {about.facts.get('id', '')}")
    notes = (f"{words.count(bad, 'line')} could not be read, or are of another time, and were left out",) if bad else ()
    return did(bool(new), f"took {words.count(new, 'event')} of the bundle {name}; {words.count(len(found) - new, 'event')} were here already", notes)


__all__ = ["KIND", "MOST_DAYS", "Served", "Wish", "export", "opened", "take_events"]
