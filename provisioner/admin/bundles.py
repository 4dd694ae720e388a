"""Bundles as people name them: a folder, a FAT32 image or a ZIP; what is true of one, and what went out for whom."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

from provisioner import bundle, fat
from provisioner.admin import Admin, Done, words
from provisioner.bundle import MANIFEST, About, Body, Manifest, Signer, Verdict
from provisioner.errors import BadValue, NotHere, StoreTrouble
from provisioner.things import Device
from provisioner.zips import Zip

FOLDER = "provisioner"  # beside other files of a stick
NOUN = "export"
_MOST_LISTED = 20


def place(to: Path) -> Path:
    """Return where a bundle lies that was written to a folder: there, or in a folder `provisioner` beside what else is there."""
    inner = to / FOLDER
    if (inner / MANIFEST).is_file() or not to.is_dir() or (to / MANIFEST).is_file():
        return inner if (inner / MANIFEST).is_file() else to
    return inner if os.path.ismount(to) or any(to.iterdir()) else to


def opened(path: Path, passphrase: str = "") -> Mapping[str, Body]:
    """Return the files of a bundle, whatever holds it; raises NotHere, BadValue, StoreTrouble."""
    if not path.is_file():
        try:
            return bundle.opened(place(path))
        except NotHere:
            if not path.is_dir():
                raise
            raise NotHere(f"there is no bundle in {path}, neither a {MANIFEST} nor a folder {FOLDER}; name what `provisioner export` wrote") from None
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start != b"PK\3\4" and start:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
                    return fat.files(cast(bytes, raw))
    except (OSError, ValueError) as fault:
        raise StoreTrouble(f"{path} cannot be read ({fault}); check its mode and the disk") from None
    return Zip(path, passphrase)


def known_keys(state: Path, more: Iterable[str]) -> list[str]:
    """Return the public keys of servers whose bundles are trusted: this server's own, where it has one already, and those that were named."""
    own = [Signer.at(state).public] if (state / bundle.KEY_FILE).is_file() else []
    return [*own, *map(bundle.public_key, more)]


def verified(path: Path, passphrase: str, trusted: list[str], now: datetime) -> tuple[Verdict, list[str]]:
    """Return what is true of a bundle, and what to look at, each a sentence.

    trusted: as `known_keys` gives; where nobody's key is known, whose it is, is one of the sentences. Raises BadValue where anything was changed.
    """
    verdict = bundle.verify(opened(path, passphrase), trusted or None)
    if not verdict.whole:
        faults = verdict.faults()
        more = f", and {len(faults) - _MOST_LISTED} more" if len(faults) > _MOST_LISTED else ""
        raise BadValue(f"{path} is not as it was written: {', '.join(faults[:_MOST_LISTED])}{more}; make it again")
    notes = [f"{name} is not of this bundle, and may be anybody's" for name in verdict.extra[:_MOST_LISTED]]
    if len(verdict.extra) > _MOST_LISTED:
        notes.append(f"and {len(verdict.extra) - _MOST_LISTED:,} more files are not of this bundle")
    if not trusted:
        notes.append(f"no server's key is known here; compare {verdict.manifest.key} with what `provisioner export key` prints on the server that made it")
    if verdict.manifest.about.expired(now):
        notes.append(f"it has expired: {verdict.manifest.about.expires_at}; take it away with `provisioner export purge`, and make a new one")
    return verdict, notes


def described(manifest: Manifest) -> dict[str, Any]:
    """Return what a bundle says of itself, as JSON has it."""
    about = manifest.about
    return {
        "kind": about.kind, "made_at": about.made_at, "expires_at": about.expires_at or None, "made_by": about.made_by, "made_for": about.made_for or None,
        **about.facts, "files": len(manifest.files), "bytes": sum(entry.size for entry in manifest.files.values()), "key": manifest.key,
    }  # fmt: skip


def purge(path: Path, force: bool) -> Done:
    """Take a bundle's files out of a folder, as they were written; changed ones stay and are named, unless `force`."""
    if path.is_file():
        raise BadValue(f"{path} is one file; remove it as any other")
    where = place(path)
    removed, kept = bundle.purge(where, force)
    notes = tuple(f"{name} was changed since, and stays; --force removes it too" for name in kept)
    return Done(f"removed {words.count(len(removed), 'file')} from {where}" + ("; the manifest stays with what was changed" if kept else ""), bool(removed), notes)


def meant(phones: Iterable[Device]) -> tuple[list[Device], list[str]]:
    """Return the phones that go along, and a note of those that are blocked and so get nothing; raises BadValue where no other is left."""
    all_of_them = list(phones)
    going = [device for device in all_of_them if device.state != "blocked"]
    blocked = [device.mac for device in all_of_them if device.state == "blocked"]
    if not going:
        raise BadValue(f"{words.count(len(blocked), 'phone')} of these {'is' if len(blocked) == 1 else 'are'} blocked, and no other is named; `provisioner device approve MAC` lets one in again")
    more = " and more" if len(blocked) > _MOST_LISTED else ""
    return going, [f"left out, for they are blocked: {', '.join(blocked[:_MOST_LISTED])}{more}"] if blocked else []


# On record: each export is a row of history, before anything leaves the server.


def record(admin: Admin, about: About, facts: Mapping[str, Any]) -> str:
    """Write down who takes what, before it leaves; return the name of the export, by which `failed` finds it. facts: its `sites` among them."""
    name = f"{about.kind} {about.made_at} {token_hex(3)}"
    with admin.writing() as tx:
        tx.note(NOUN, name, None, {"made_for": about.made_for, "expires_at": about.expires_at, **facts})
    return name


def failed(admin: Admin, name: str, sites: Sequence[str], why: str) -> None:
    """Write down that an export did not come to be."""
    with admin.writing() as tx:
        tx.note(NOUN, name, None, {"failed": why, "sites": list(sites)})


def exports(admin: Admin, limit: int) -> list[dict[str, Any]]:
    """Return the last exports, the newest first: when, by whom, for whom, until when, and what."""
    found: list[dict[str, Any]] = []
    broken: dict[str, str] = {}
    for change in admin.store.changes(limit, noun=NOUN):
        said = change.after or {}
        if "failed" in said:
            broken[change.name] = said["failed"]
        else:
            found.append({"at": change.at, "who": change.who, "kind": change.name.partition(" ")[0], **said, "failed": broken.get(change.name)})
    return found


def manifest(path: Path, passphrase: str = "") -> Manifest:
    """Return what a bundle says of itself, its files unread; raises NotHere where it is none."""
    return bundle.manifest_of(opened(path, passphrase))


def must_be_ours(path: Path, passphrase: str) -> None:
    """Raise BadValue where a file is there that is no bundle, so that it is not written over."""
    if not os.path.lexists(path):
        return
    try:
        manifest(path, passphrase)
    except (NotHere, BadValue):
        raise BadValue(f"{path} is there already and is no bundle that opens so; name another file, or move it") from None
