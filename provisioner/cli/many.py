"""provisioner device enrol, copy, many, keys, fetched, diff"""

from __future__ import annotations

from typing import Any

import click

from provisioner.admin import copies, enrol, files, many, proofs
from provisioner.admin import keys as layouts
from provisioner.cli import out
from provisioner.cli.session import Session, session
from provisioner.cli.setting import is_secret


@click.command("enrol")
@click.argument("mac")
@click.argument("account", default="")
@click.option("--model", default="", metavar="FAMILY/MODEL", help="Of a phone that is new here, and did not say itself which it is.")
@click.option("--site", default="", metavar="SITE", help="Of a phone that is new here; else the one whose network it asked from.")
@session
def enrol_(here: Session, mac: str, account: str, model: str, site: str) -> None:
    """Have a phone in the inventory, approved, with an account on its first free line: in one step.

    ACCOUNT is a SIP address, or the part before the @ where one account alone has it.

    \b
    Example:
      provisioner device enrol 805ec0d57d72 212 --model yealink/T46U
    """
    out.done(enrol.enrol(here.admin, mac, account, model, site))


@click.command()
@click.argument("mac")
@click.argument("source")
@session
def copy(here: Session, mac: str, source: str) -> None:
    """Say for a phone what another one's own settings and keys say; what it cannot have is left out, and told.

    \b
    Example:
      provisioner device copy 805ec0d57d73 805ec0d57d72
    """
    out.done(copies.copy(here.admin, mac, source))


@click.command("many")
@click.argument("verb", type=click.Choice(many.VERBS))
@click.argument("macs", nargs=-1, metavar="[MAC]...")
@click.option("--search", default="", metavar="TEXT", help="All phones that fit, as `device list --search` finds them.")
@click.option("--in-site", default="", metavar="SITE", help="All phones of a site.")
@click.option("--in-group", default="", metavar="GROUP", help="All phones of a group of that site.")
@click.option("--in-family", default="", metavar="FAMILY", help="All phones of a family.")
@click.option("--setting", "pair", default="", metavar="NAME[=VALUE]", help="Of say and unsay.")
@click.option("--to", "target", default="", metavar="SITE[/GROUP]", help="Of move.")
@click.option("--patience", type=click.FloatRange(0.1, 64), default=8.0, show_default=True, metavar="SECONDS", help="Of resync: how long a phone may be silent.")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would change, for how many, how many restart for it and could lose the network; write nothing.")
@session
def many_(here: Session, verb: str, macs: tuple[str, ...], search: str, in_site: str, in_group: str, in_family: str, pair: str, target: str, patience: float, dry: bool) -> None:
    """Do one thing to many phones: all of them, or none.

    Phones are named, or all are taken that fit the options. say and unsay speak of a setting of each phone; of all that a site, a group
    or a family has, and will have, `set` speaks.

    \b
    Examples:
      provisioner device many say --in-site hq --setting timezone=Europe/Lisbon --dry-run
      provisioner device many move 805ec0d57d72 805ec0d57d73 --to hq/reception
    """
    if not macs and not (search or in_site or in_group or in_family):
        raise click.UsageError("name the phones, or say which ones: --search, --in-site, --in-group or --in-family")
    name, _, value = pair.partition("=")
    if value and is_secret(name):
        raise click.UsageError(f"{name} is a secret, and others on this machine can read a command line; say it for a site or a group with `set SCOPE --secret {name}`")
    site, _, group = target.partition("/")
    phones = many.chosen(here.admin, macs or None, search, in_site, "", in_family, in_group)
    order = many.Order(verb, name, value, site, group)
    if not dry:
        out.done(many.carry_out(here.admin, phones, order, proofs.means(patience, None)))
        return
    cost = many.preview(here.admin, phones, order)
    click.echo(out.safe(cost.sentence))
    out.facts({"phones": cost.phones, "would_change": str(len(cost.changed)), "would_restart": str(cost.restart), "could_lose_the_network": str(cost.strand)})
    out.notes(cost.notes)


@click.command()
@click.argument("mac")
@out.as_json
@session
def keys(here: Session, mac: str, json_: bool) -> None:
    """List every key as the phone will have it: its own, those of its group, and the lines that sit there by themselves."""
    rows = layouts.layout(here.admin, mac)
    out.machine(rows) if json_ else out.table([{**row, "module": row["module"] or "", "position": row["n"]} for row in rows if row["type"]], ("module", "position", "type", "value", "label", "said_by"), "this phone has no key in use")


@click.command()
@click.argument("mac")
@out.as_json
@session
def fetched(here: Session, mac: str, json_: bool) -> None:
    """Say when a phone last fetched each of its files, and whether it is the same now."""
    rows: list[dict[str, Any]] = [{"file": name, "at": at, "same": same} for name, (at, same) in files.fetched(here.admin, mac).items()]
    out.machine(rows) if json_ else out.table(rows, ("file", "at", "same"), "it fetched none, as far back as its events go")


@click.command()
@click.argument("mac")
@click.argument("file")
@click.argument("number", type=click.IntRange(1), metavar="CHANGE")
@session
def diff(here: Session, mac: str, file: str, number: int) -> None:
    """Show how a file of a phone differs from what it was before a CHANGE, by its number in `audit list`; secrets masked.

    \b
    Example:
      provisioner device diff 805ec0d57d72 805ec0d57d72.cfg 1042
    """
    lines = files.difference(here.admin, mac, file, number)
    for line in lines:
        click.echo(out.safe(line))
    if not lines:
        click.echo("the file is the same", err=True)
