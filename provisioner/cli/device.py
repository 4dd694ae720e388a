"""provisioner device …"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from provisioner.admin import devices, files, notices, proofs, swaps
from provisioner.admin.words import text
from provisioner.cli import out
from provisioner.cli.session import Session, session
from provisioner.errors import BadValue


def _count(value: str) -> int | str:
    """Return the number, or the empty text that takes away what was said."""
    if not value or re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return int(value) if value else ""
    raise click.BadParameter(f"{value!r} is not a whole number")


_FACTS: tuple[tuple[str, str, Any, str], ...] = (
    ("--site", "SITE", str, "Site where it stands."),
    ("--group", "GROUP", str, "Group of the site, or SITE/GROUP."),
    ("--name", "TEXT", str, "Whose or what it is."),
    ("--location", "TEXT", str, "Where it stands."),
    ("--serial", "TEXT", str, "Serial number; some makers' files are named after it."),
    ("--asset-tag", "TEXT", str, "Your own number of it."),
    ("--firmware", "VERSION", str, "Firmware that it has; phones say it themselves over HTTP."),
    ("--lines", "N", _count, "Lines that it really has, where the model's count is wrong or unknown."),
    ("--keys", "N", _count, "Programmable keys that it really has."),
    ("--modules", "N", _count, "Expansion modules that are plugged in."),
    ("--notes", "TEXT", str, "Anything worth remembering."),
)


def _facts(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--factory-password-file", type=click.Path(path_type=Path), metavar="FILE", help="Read the factory password of its label from a file.")(command)
    for name, metavar, kind, help in reversed(_FACTS):
        command = click.option(name, metavar=metavar, type=kind, help=help)(command)
    return command


def _said(facts: dict[str, Any], factory_password_file: Path | None = None) -> dict[str, Any]:
    password = out.secret("Factory password", False, factory_password_file, ask=False)
    return {name: value for name, value in {**facts, "factory_password": password}.items() if value is not None}


@click.group()
def device() -> None:
    """Phones: the inventory, their files, and why they are so."""


@device.command()
@click.argument("mac")
@click.option("--model", required=True, metavar="FAMILY/MODEL", help="Such as yealink/T46U; `provisioner family list` lists them.")
@_facts
@session
def add(here: Session, mac: str, model: str, factory_password_file: Path | None, **facts: Any) -> None:
    """Add a phone. MAC in any usual spelling.

    \b
    Example:
      provisioner device add 80:5e:c0:d5:7d:72 --model yealink/T46U --site hq --name Reception
    """
    out.done(devices.add(here.admin, mac, model, _said(facts, factory_password_file)))


@device.command()
@click.argument("mac")
@click.option("--model", default="", metavar="FAMILY/MODEL", help="Another model.")
@_facts
@session
def change(here: Session, mac: str, model: str, factory_password_file: Path | None, **facts: Any) -> None:
    """Change the facts that are named; an empty one is taken away.

    \b
    Example:
      provisioner device change 805ec0d57d72 --site branch --modules 1
    """
    said = _said(facts, factory_password_file)
    if not said and not model:
        raise click.UsageError("say what to change; --help lists the facts")
    out.done(devices.change(here.admin, mac, said, model))


@device.command("list")
@click.option("--state", type=click.Choice(devices.STATES_LISTED), help="Only these; waiting: phones that asked and that nobody added.")
@click.option("--site", default="", metavar="SITE", help="Only those of a site.")
@click.option("--search", default="", metavar="TEXT", help="Part of MAC, name, location, model, serial or account.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many, by MAC.")
@click.option("--after", default="", metavar="MAC", help="Only those behind this MAC, such as the last of a list with --limit.")
@out.as_json
@session
def list_(here: Session, state: str | None, site: str, search: str, limit: int | None, after: str, json_: bool) -> None:
    """List the phones.

    \b
    Example:
      provisioner device list --state waiting
    """
    rows = devices.listed(here.admin, state or "", site, search, limit or 0, after)
    if json_:
        out.machine(rows)
    elif state == "waiting":
        out.table(rows, ("mac", "maker", "family", "model", "address", "last_at", "times"), "no phone waits")
    else:
        short = [{**row, "model": f"{row['family']}/{row['model']}", "accounts": [line["account"] for line in row["lines"]]} for row in rows]
        out.table(short, ("mac", "model", "site", "state", "name", "accounts"), "no phones; `provisioner device add MAC --model FAMILY/MODEL`")
        if limit and len(rows) == limit:
            click.echo(f"the next are shown with --after {rows[-1]['mac']}", err=True)


@device.command()
@click.argument("mac")
@out.as_json
@session
def show(here: Session, mac: str, json_: bool) -> None:
    """Show one phone: its lines, keys, settings and files; secrets masked."""
    known = devices.shown(here.admin, here.admin.device(mac))
    out.machine(known) if json_ else out.facts(known)


@device.command()
@click.argument("mac")
@session
def remove(here: Session, mac: str) -> None:
    """Remove a phone with its lines, keys and settings."""
    out.done(devices.remove(here.admin, mac))


@device.command()
@click.argument("mac")
@click.option("--model", default="", metavar="FAMILY/MODEL", help="Which it is, where it did not say.")
@click.option("--site", metavar="SITE", help="Site where it stands; else the one whose network it asked from.")
@session
def approve(here: Session, mac: str, model: str, site: str | None) -> None:
    """Let a waiting phone in, or a blocked one in again.

    \b
    Example:
      provisioner device list --state waiting
      provisioner device approve 805ec0d57d72 --site hq
    """
    out.done(devices.approve(here.admin, mac, model, _said({"site": site})))


@device.command()
@click.argument("mac")
@click.option("--days", type=click.IntRange(1, 3650), default=devices.RETIRE_DAYS, show_default=True, metavar="N", help="How long it may take the phone to come for them.")
@session
def retire(here: Session, mac: str, days: int) -> None:
    """Take a phone out of service: its next files clear its accounts, its phone book and the keys that came from here.

    Its passwords for the menu and the web pages stay, so that nobody finds a factory's on it. An hour after it has fetched the first of them,
    or after so many days, it gets nothing more: `device list` then says retired, and it can be removed.
    """
    out.done(devices.retire(here.admin, mac, days))


@device.command("replace")
@click.argument("old")
@click.argument("new")
@click.option("--model", default="", metavar="FAMILY/MODEL", help="Model of the new phone; else what is known of it, else the old one's.")
@click.option("--days", type=click.IntRange(1, 3650), default=devices.RETIRE_DAYS, show_default=True, metavar="N", help="How long it may take the old phone to come for its last files.")
@click.option("--dry-run", "dry", is_flag=True, help="Show what the new phone would have, and what would be left out; write nothing.")
@session
def replace_(here: Session, old: str, new: str, model: str, days: int, dry: bool) -> None:
    """Put a new phone in the place of an old one, which is retired.

    The new phone takes its site, group, name, accounts, settings and keys; keys that are at no place of the new phone go to its free ones.
    What the new phone cannot have is listed. OLD and NEW are MACs.

    \b
    Examples:
      provisioner device replace 805ec0d57d72 805ec0aabbcc --dry-run
      provisioner device replace 805ec0d57d72 000413d78501 --model snom/D785
    """
    swap = swaps.plan(here.admin, old, new, model)
    done = swaps.carry_out(here.admin, swap, days, dry)
    if dry:
        for sentence in swap.diff():
            click.echo(out.safe(sentence))
    out.done(done)


@device.command()
@click.argument("mac")
@session
def block(here: Session, mac: str) -> None:
    """Give a phone nothing any more."""
    out.done(devices.block(here.admin, mac))


def _asked(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of how a phone is asked."""
    command = click.option("--patience", type=click.FloatRange(0.1, 64), default=8.0, show_default=True, metavar="SECONDS", help="How long the phone may be silent.")(command)
    return click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="SIP port of the phone; else the one that its registrar named at the last `account check`, else 5060.")(command)


@device.command()
@click.argument("mac")
@_asked
@session
def resync(here: Session, mac: str, port: int | None, patience: float) -> None:
    """Ask a phone to read its files now, without a restart where it can do without.

    A SIP NOTIFY goes to the address that the phone was last seen at. `provisioner family show` tells which families take one.

    \b
    Example:
      provisioner device resync 805ec0d57d72
    """
    out.done(notices.ask(here.admin, mac, "resync", proofs.means(patience, None), port or 0))


@device.command()
@click.argument("mac")
@_asked
@session
def reboot(here: Session, mac: str, port: int | None, patience: float) -> None:
    """Ask a phone to restart, by a SIP NOTIFY as `device resync`; a call that it has may end.

    \b
    Example:
      provisioner device reboot 805ec0d57d72
    """
    out.done(notices.ask(here.admin, mac, "reboot", proofs.means(patience, None), port or 0))


@device.command()
@click.argument("mac")
@click.option("--rotate", is_flag=True, help="Make it another one; the old URL is worthless at once.")
@out.as_json
@session
def token(here: Session, mac: str, rotate: bool, json_: bool) -> None:
    """Print the URL for this phone, which holds its token: a secret, to be typed into the phone."""
    urls, done = devices.token(here.admin, mac, rotate)
    if json_:
        out.machine({"url": urls[0], "urls": urls})
    else:
        click.echo(urls[0])
    if done.sentence:
        click.echo(done.sentence, err=True)


@device.command()
@click.argument("mac")
@out.as_json
@session
def credentials(here: Session, mac: str, json_: bool) -> None:
    """Print this phone's user and password for HTTP: a secret, for fields of their own in the phone.

    They count where the phone's site has --passwords; `device token --rotate` makes the password another one, too.
    """
    known, done = devices.credentials(here.admin, mac)
    out.machine(known) if json_ else out.facts(known)
    out.done(done)


@device.command()
@click.argument("mac")
@click.argument("setting", required=False)
@click.option("--line", default=0, metavar="N", help="Of this line, with what its account says.")
@out.as_json
@session
def explain(here: Session, mac: str, setting: str | None, line: int, json_: bool) -> None:
    """Say who says what of a setting, who wins, and the lines of the phone's files that it became.

    SETTING may be a fact of an account too, such as xcap_root: then what the phone's accounts have is shown.
    Without it: every setting that has a value, and the account facts that this model cannot take.

    \b
    Examples:
      provisioner device explain 805ec0d57d72 timezone
      provisioner device explain 805ec0d57d72 codecs --line 2
      provisioner device explain 805ec0d57d72 xcap_root
    """
    fact = files.explain_fact(here.admin, mac, setting, line) if setting else None
    if fact:
        out.machine(fact) if json_ else _explain_fact(fact)
        return
    if setting:
        found = files.explanation(files.explain(here.admin, mac, setting, line))
        out.machine(found) if json_ else _explain(found)
        return
    rows, lacking = files.explain_all(here.admin, mac, line), files.not_taken(here.admin, mac)
    if json_:
        out.machine({"settings": rows, "facts_not_taken": lacking})
        return
    out.table([{**row, "value": text(row["value"]), "cannot": "" if not row["cannot"] else f"not taken: {row['cannot']}"} for row in rows if row["value"] is not None], ("setting", "value", "said_by", "cannot"))
    out.notes(f"this phone cannot take the account's {row['fact'].replace('_', ' ')}: {row['why']}" for row in lacking)


def _explain_fact(found: dict[str, Any]) -> None:
    for row in found["accounts"]:
        click.echo(out.safe(f"{found['fact']} = {text(row['value'])}    said by account {row['account']}, on line {row['line']}"))
    if not found["accounts"]:
        click.echo(out.safe(f"{found['fact']} is a fact of accounts, and this phone has none"))
    if found["cannot"]:
        click.echo(out.safe(f"  this phone has no parameter for it: {found['cannot']}"))


def _explain(found: dict[str, Any]) -> None:
    others = "; ".join(f"{layer['said_by']} said {text(layer['value'])}" for layer in found["layers"][:-1])
    click.echo(out.safe(f"{found['setting']} = {text(found['value'])}    said by {found['said_by']}" + (f"; {others}" if others else "")))
    lines, more = files.shorten((line["file"], line["line"], line["text"]) for line in found["lines"])
    for file, number, words in lines:
        click.echo(out.safe(f"  {file}:{number}: {words.strip()}"))
    if more:
        click.echo(f"  and {more} more lines")
    if found["cannot"]:
        click.echo(out.safe(f"  this phone has no parameter for it: {found['cannot']}"))
    elif not lines and not found["steps"]:
        click.echo("  no line of its files comes of it")
    if found["steps"]:
        click.echo(out.safe(f"  {found['steps']}"))


@device.command()
@click.argument("mac")
@click.argument("file", required=False)
@session
def preview(here: Session, mac: str, file: str | None) -> None:
    """Show a file of this phone as it is now, secrets masked; its first file where none is named.

    \b
    Example:
      provisioner device preview 805ec0d57d72
    """
    name, body = files.preview(here.admin, mac, file or "")
    if not file:
        others = [one for one in files.names(here.admin, mac) if one != name]
        click.echo(f"{name}" + (f" (its other files: {', '.join(others)})" if others else ""), err=True)
    click.echo(body, nl=False)


@device.command()
@click.argument("mac")
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder to write to; made where it is missing.")
@click.option("--reveal", is_flag=True, help="With the secrets, byte for byte as the phone gets them.")
@session
def render(here: Session, mac: str, folder: Path, reveal: bool) -> None:
    """Write every file that this phone asks for into a folder, for its eyes alone (mode 0600).

    \b
    Example:
      provisioner device render 805ec0d57d72 --out /root/t46u --reveal
    """
    written = files.render(here.admin, mac, folder, reveal)
    if not written:
        raise BadValue(f"phone {mac} asks for no file that we make")
    for file in written:
        click.echo(str(file))
    if not reveal:
        click.echo("secrets are masked; --reveal writes them as the phone gets them", err=True)
