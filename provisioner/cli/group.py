"""provisioner group …"""

from __future__ import annotations

import click

from provisioner.admin import groups
from provisioner.cli import out
from provisioner.cli.session import Session, session


@click.group()
def group() -> None:
    """Groups: phones of one role within a site, with settings and keys in common."""


@group.command()
@click.argument("name", metavar="SITE/GROUP")
@session
def add(here: Session, name: str) -> None:
    """Add a group to a site.

    \b
    Example:
      provisioner group add hq/reception
      provisioner device change 805ec0d57d72 --group hq/reception
    """
    out.done(groups.add(here.admin, name))


@group.command("list")
@click.option("--site", default="", metavar="SITE", help="Only those of a site.")
@out.as_json
@session
def list_(here: Session, site: str, json_: bool) -> None:
    """List the groups."""
    rows = groups.listed(here.admin, site)
    out.machine(rows) if json_ else out.table(rows, ("group", "phones"), "no groups; `provisioner group add SITE/GROUP`")


@group.command()
@click.argument("name", metavar="SITE/GROUP")
@out.as_json
@session
def show(here: Session, name: str, json_: bool) -> None:
    """Show a group: its phones, settings and keys."""
    known = groups.shown(here.admin, name)
    out.machine(known) if json_ else out.facts(known)


@group.command()
@click.argument("name", metavar="SITE/GROUP")
@session
def remove(here: Session, name: str) -> None:
    """Remove a group; its phones stay in the site."""
    out.done(groups.remove(here.admin, name))
