"""provisioner family …, identify"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from provisioner.admin import assets, families
from provisioner.cli import out
from provisioner.cli.session import Session, session


@click.group()
def family() -> None:
    """Families of phones: what this server knows of each maker's dialects."""


@family.command("list")
@click.argument("names", nargs=-1, metavar="[FAMILY]...")
@click.option("--matrix", is_flag=True, help="What the models really take, found by rendering their files with each setting toggled.")
@out.as_json
@session
def list_(here: Session, names: tuple[str, ...], matrix: bool, json_: bool) -> None:
    """List every family, or some: its brands and how many models it has, and the totals; --json has the models.

    \b
    Examples:
      provisioner family list
      provisioner family list yealink snom --matrix
    """
    known = families.catalog(here.config)
    if matrix:
        _matrix(list(families.matrix(known, names)), json_)
        return
    rows = families.listed(known, names)
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "family": row["name"], "models": len(row["models"])} for row in rows], ("family", "brands", "kind", "models", "title"))
        click.echo(families.totals(known), err=True)
    out.notes(str(fault) for fault in known.faults)


def _matrix(rows: list[dict[str, Any]], json_: bool) -> None:
    if json_:
        out.machine(rows)
        return
    counted = [{**row, **{name: len(row[name]) for name in ("settings", "keys")}, "xcap": "yes" if row["xcap"] else "", "module_keys": "yes" if row["module_keys"] else ""} for row in rows]
    out.table(counted, ("family", "settings", "keys", "module_keys", "wires", "transports", "srtp", "xcap", "models"))


@family.command()
@click.argument("name", metavar="FAMILY")
@out.as_json
@session
def show(here: Session, name: str, json_: bool) -> None:
    """Show one family: how it is recognised, its files, its models, what it cannot."""
    known = families.shown(families.catalog(here.config), name)
    if json_:
        out.machine(known)
        return
    out.facts({**{name: value for name, value in known.items() if name not in ("models", "files", "cannot", "unconfirmed")}, "files": [" or ".join(rule["match"]) for rule in known["files"]]})
    click.echo()
    out.table(known["models"], ("name", "brand", "lines", "keys", "modules", "confidence", "aliases"))
    if known["cannot"]:
        click.echo()
        out.table(known["cannot"], ("name", "why", "models"))


@family.command()
@click.argument("name")
@click.option("--vendor", required=True, metavar="TEXT", help="The brand on the housing.")
@click.option("--oui", required=True, metavar="HEX", help="The first half of its phones' MACs, such as 80:5e:c0.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder to write below; else the first of phones_path.")
@session
def new(here: Session, name: str, vendor: str, oui: str, into: Path | None) -> None:
    """Write a commented folder to start a family of your own from, and its first recorded boot; never over one that is there.

    \b
    Example:
      provisioner family new acme --vendor Acme --oui 00:1a:2b --into /etc/provisioner/phones
    """
    files, done = families.begin(here.config, name, vendor, oui, into)
    for file in files:
        click.echo(str(file))
    out.done(done)


@family.command("assets")
@out.as_json
@session
def assets_(here: Session, json_: bool) -> None:
    """List the folders of firmware and other files that phones fetch as they are, and what lies in them.

    \b
    Example:
      provisioner family assets --json
    """
    rows = assets.listed(here.admin)
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "files": [file["name"] for file in row["files"]]} for row in rows], ("folder", "families", "files"), "no family asks for a file as it is")


@click.command()
@click.argument("source", required=False, metavar="[-]")
@click.option("--user-agent", default="", metavar="TEXT", help="As the phone sends it.")
@click.option("--path", default="", metavar="PATH", help="What it asks for.")
@click.option("--dhcp-class", default="", metavar="TEXT", help="What it says to DHCP (option 60, vendor class), where there is no user agent.")
@out.as_json
@session
def identify(here: Session, source: str | None, user_agent: str, path: str, dhcp_class: str, json_: bool) -> None:
    """Say who would be asking: vendor, family, model, firmware, MAC.

    With - questions come from standard input, one a line: a user agent, or {"user_agent": …, "path": …}.
    Each gets exactly one line of JSON, in order; one that cannot be read gets {"error": …}. Exit code 0.

    \b
    Examples:
      provisioner identify --user-agent "Yealink SIP-T46U 108.86.0.20 80:5e:c0:d5:7d:72"
      provisioner identify --path 000413a11fa7.cfg --json
      provisioner identify --dhcp-class "Grandstream GXP2170"
      cut -d'"' -f6 access.log | provisioner identify -
    """
    if source == "-" and (user_agent or path or dhcp_class):
        raise click.UsageError("with - the questions come from standard input alone; leave the options away")
    known = families.catalog(here.config)
    if source == "-":
        for answer in families.who_each(known, sys.stdin.buffer):
            out.line(answer)
        return
    if source is not None:
        raise click.UsageError(f"there is no source {source!r}; write - for standard input, or --user-agent and --path")
    if not user_agent and not path and not dhcp_class:
        raise click.UsageError("say --user-agent, --path or --dhcp-class, or - for standard input")
    told = families.who(known, user_agent, path, dhcp_class)
    out.machine(told) if json_ else out.facts({name: "unknown" if value is None else value for name, value in told.items()})
