"""provisioner export usb, verify, purge, list, key; provisioner import usb."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from provisioner.admin import bundles, carried, usb
from provisioner.bundle import Signer
from provisioner.cli import out
from provisioner.cli.bulk import export, import_
from provisioner.cli.session import Session, session
from provisioner.errors import BadValue
from provisioner.language import LANGUAGES, Language

__all__ = ["export"]
_PASSPHRASE = click.option(
    "--passphrase-file", "file", type=click.Path(path_type=Path), metavar="FILE", help="File with the passphrase, in one line."
)
_KEYS = click.option("--key", "keys", multiple=True, metavar="KEY", help="Public key of a server that may have made it, as its `export key` prints it; more than once.")


@export.command("usb")
@click.argument("macs", nargs=-1, metavar="[MAC…]")
@click.option("--site", default="", metavar="SITE", help="All phones of a site.")
@click.option("--all", "every", is_flag=True, help="All phones.")
@click.option("--to", "to", required=True, type=click.Path(path_type=Path), metavar="DIR|FILE.img|FILE.zip", help="Folder, such as a mounted stick; or a FAT32 image; or a ZIP.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="en", show_default=True, help="Of the pages; menus are quoted as the phone shows them.")
@_PASSPHRASE
@click.option("--expires", "days", type=int, default=30, show_default=True, metavar="DAYS", help="Days after which the bundle is over: it says so, and no server imports it.")
@click.option("--for", "made_for", default="", metavar="NAME", help="Who takes it; kept on record.")
@click.option("--clear", is_flag=True, help="Carry passwords unencrypted: whoever gets hold of the files can make calls at your cost.")
@session
def export_usb(
    here: Session, macs: tuple[str, ...], site: str, every: bool, to: Path, language: str, file: Path | None, days: int, made_for: str, clear: bool
) -> None:
    """Write what a technician carries to phones that no network reaches.

    For each phone there is one file that its own web page imports, MAC_extension_name, and a page that says how; phones that read a
    stick have their files there under the names of the network. With a passphrase the phones' files are in a ZIP-AES, and another
    server can import the bundle. In a folder with other files, or on a mounted stick, the bundle lies in a folder `provisioner`
    of its own. An older bundle is replaced in one step; nothing else is touched.

    \b
    Examples:
      provisioner export usb 805ec0d57d72 --to /media/stick --passphrase-file phrase.txt --for "Rui Costa"
      provisioner export usb --site hq --to phones.zip --passphrase-file phrase.txt --language pt --expires 7
      provisioner export usb --all --to stick.img --clear
    """
    passphrase = out.secret("passphrase", False, file, False) or ""
    phones = usb.chosen(here.admin, macs, site, every)
    out.done(usb.export(here.admin, phones, usb.Wish(to, Language(language), passphrase, days, made_for, clear)))


@export.command("verify")
@click.argument("path", type=click.Path(path_type=Path), metavar="DIR|FILE")
@_PASSPHRASE
@_KEYS
@out.as_json
@session
def verify(here: Session, path: Path, file: Path | None, keys: tuple[str, ...], json_: bool) -> None:
    """Say whether a bundle is as a server wrote it: every file against its SHA-256, the list against its signature.

    One changed byte is told, and so are files that are missing or that are not of the bundle. Where this machine has a server's key,
    or one is named with --key or in the option bundle_keys, a bundle of anybody else does not verify.

    \b
    Examples:
      provisioner export verify /media/stick
      provisioner export verify phones.zip --passphrase-file phrase.txt
    """
    trusted = bundles.known_keys(here.config.state, (*here.config.bundle_keys, *keys))
    verdict, notes = bundles.verified(path, out.secret("passphrase", False, file, False) or "", trusted, datetime.now(UTC))
    facts = bundles.described(verdict.manifest)
    out.machine({**facts, "extra": verdict.extra}) if json_ else out.facts({"verified": str(path), **facts})
    out.notes(notes)


@export.command("purge")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--force", is_flag=True, help="Remove files of the bundle too that were changed since.")
def purge(folder: Path, force: bool) -> None:
    """Take a bundle off a stick: the files that its manifest lists and that are as they were written, and nothing else.

    What is removed is not written over: whoever has the stick and the skill may still find it.

    \b
    Example:
      provisioner export purge /media/stick
    """
    out.done(bundles.purge(folder, force))


@export.command("list")
@click.option("--limit", default=100, show_default=True, metavar="N", help="How many, the newest first.")
@out.as_json
@session
def list_(here: Session, limit: int, json_: bool) -> None:
    """List what left the server: when, by whom, for whom, until when, which phones.

    \b
    Example:
      provisioner export list
    """
    rows = bundles.exports(here.admin, limit)
    if json_:
        out.machine(rows)
        return
    short = [{**row, "phones": len(row.get("phones", [])), "until": row.get("expires_at", "")[:10], "for": row.get("made_for", "")} for row in rows]
    out.table(short, ("at", "who", "for", "kind", "phones", "secrets", "until", "to", "failed"), "nothing has been exported")


@export.command("key")
@session
def key(here: Session) -> None:
    """Print this server's public key, with which it signs bundles; other servers name it in their option bundle_keys.

    \b
    Example:
      provisioner export key
    """
    click.echo(Signer.at(here.admin.config.state).public)


@import_.command("usb")
@click.argument("path", type=click.Path(path_type=Path), metavar="DIR|FILE")
@_PASSPHRASE
@_KEYS
@click.option("--dry-run", is_flag=True, help="Try all of it and say what it would do; write nothing.")
@session
def import_usb(here: Session, path: Path, file: Path | None, keys: tuple[str, ...], dry_run: bool) -> None:
    """Bring the phones of another server's bundle in here: with their accounts, lines, keys and settings, all of it or nothing.

    The bundle must be signed by a key that is named with --key or in the option bundle_keys, and must not have expired. A site or group
    that is here already keeps its own settings and keys; a new one gets no networks and no URL. What is added or changed is told first.

    \b
    Examples:
      provisioner import usb /media/stick --passphrase-file phrase.txt --key ed25519:… --dry-run
      provisioner import usb phones.zip --passphrase-file phrase.txt
    """
    passphrase = out.secret("passphrase", False, file, False) or ""
    trusted = bundles.known_keys(here.admin.config.state, (*here.config.bundle_keys, *keys))
    if not trusted:
        raise BadValue("no server's key is trusted here; name that of the server which made the bundle with --key, as its `provisioner export key` prints it")
    said = carried.carried_by(bundles.opened(path, passphrase), passphrase, trusted, here.admin.store.now())
    plan = carried.plan(here.admin, said)
    for sentence in plan.steps:
        click.echo(out.safe(sentence))
    out.done(carried.carry_out(here.admin, said, plan, dry_run))
