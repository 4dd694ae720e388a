"""provisioner site …"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from provisioner.admin import discovery, sites
from provisioner.cli import out
from provisioner.cli.session import Session, session

_FACTS = (
    ("--name", "TEXT", "Its name for people."),
    ("--public-url", "URL", "Where its phones reach this server over HTTP, such as http://prov.example.com:8080; written into the phones."),
    ("--tftp-public-url", "URL", "The same over TFTP, for phones that know nothing else."),
    ("--country", "CC", "Country, two letters: its emergency numbers are always dialled at once."),
    ("--unknown-phones", "[refuse|hold|add]", "What becomes of phones that nobody added; the server's option where not said."),
    ("--passwords", "[off|digest|basic|basic-over-http]", "How a phone may prove itself with its user and password, too: Digest; or also Basic, over HTTPS alone or over both."),
)


def _facts(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--enrols/--no-enrols", default=None, help="Serve the makers' generic files to new phones.")(command)
    for name, metavar, help in reversed(_FACTS):
        command = click.option(name, metavar=metavar, help=help)(command)
    return command


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


@click.group()
def site() -> None:
    """Sites: where phones stand, and what their networks may have."""


@site.command()
@click.argument("slug", metavar="SITE")
@_facts
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Network whose phones belong to it; may be said several times.")
@session
def add(here: Session, slug: str, networks: tuple[str, ...], **facts: Any) -> None:
    """Add a site. SITE is its short name: lower-case letters, digits, -.

    \b
    Example:
      provisioner site add hq --public-url http://prov.example.com:8080 --country PT --network 192.0.2.0/24
    """
    out.done(sites.add(here.admin, slug, _said(facts), networks))


@site.command()
@click.argument("slug", metavar="SITE")
@_facts
@session
def change(here: Session, slug: str, **facts: Any) -> None:
    """Change the facts that are named; an empty one is taken away."""
    said = _said(facts)
    if not said:
        raise click.UsageError("say what to change; --help lists the facts")
    out.done(sites.change(here.admin, slug, said))


@site.command("list")
@out.as_json
@session
def list_(here: Session, json_: bool) -> None:
    """List the sites."""
    rows = [sites.shown(here.admin, one) for one in here.admin.store.sites()]
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "site": row["slug"], "networks": [entry["network"] for entry in row["networks"]]} for row in rows], ("site", "name", "public_url", "networks", "phones"))


@site.command()
@click.argument("slug", metavar="SITE")
@out.as_json
@session
def show(here: Session, slug: str, json_: bool) -> None:
    """Show one site."""
    known = sites.shown(here.admin, sites.one(here.admin, slug))
    out.machine(known) if json_ else out.facts(known)


@site.command()
@click.argument("slug", metavar="SITE")
@session
def remove(here: Session, slug: str) -> None:
    """Remove a site that has no phones."""
    out.done(sites.remove(here.admin, slug))


@site.group()
def network() -> None:
    """Networks of a site, and what phones in them may have."""


@network.command("add")
@click.argument("slug", metavar="SITE")
@click.argument("cidr", metavar="NETWORK")
@click.option("--mac-is-enough/--token-needed", default=None, help="A phone that names its MAC gets its file; else it needs its token.")
@click.option("--tftp-serves-secrets/--no-tftp-secrets", default=None, help="Files with passwords may go over TFTP, which anybody on the way can read.")
@session
def network_add(here: Session, slug: str, cidr: str, mac_is_enough: bool | None, tftp_serves_secrets: bool | None) -> None:
    """Add a network, or change what its phones may have; both are off unless said.

    \b
    Example:
      provisioner site network add hq 192.0.2.0/24 --mac-is-enough
    """
    out.done(sites.add_network(here.admin, slug, cidr, mac_is_enough, tftp_serves_secrets))


@network.command("remove")
@click.argument("slug", metavar="SITE")
@click.argument("cidr", metavar="NETWORK")
@session
def network_remove(here: Session, slug: str, cidr: str) -> None:
    """Take a network from a site."""
    out.done(sites.remove_network(here.admin, slug, cidr))


@network.command("list")
@click.argument("slug", metavar="SITE")
@out.as_json
@session
def network_list(here: Session, slug: str, json_: bool) -> None:
    """List the networks of a site."""
    rows = sites.shown(here.admin, sites.one(here.admin, slug))["networks"]
    out.machine(rows) if json_ else out.table(rows, ("network", "mac_is_enough", "tftp_serves_secrets"), f"site {slug} has no networks")


@site.command()
@click.argument("slug", metavar="SITE")
@out.as_json
@session
def dhcp(here: Session, slug: str, json_: bool) -> None:
    """Show what to write into the site's DHCP server so that its phones find us: dnsmasq, ISC, Kea, MikroTik, Windows, OPNsense.

    \b
    Example:
      provisioner site dhcp hq
    """
    rows = discovery.dhcp(here.admin, slug)
    if json_:
        out.machine(rows)
    else:
        for row in rows:
            click.echo(out.safe(f"# {row['server']}: {row['where']}"))
            for line in row["lines"].splitlines():
                click.echo(out.safe(line))
            click.echo()
