"""provisioner phonebook …"""

from __future__ import annotations

import click

from provisioner.admin import phonebook as book
from provisioner.cli import out
from provisioner.cli.session import Session, session


@click.group()
def phonebook() -> None:
    """The phone book of a site, which its phones show."""


@phonebook.command()
@click.argument("site")
@click.argument("name")
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@session
def add(here: Session, site: str, name: str, numbers: tuple[str, ...]) -> None:
    """Put a person in, or replace one of the same name. A NUMBER may say its kind: mobile=+351912345678.

    \b
    Example:
      provisioner phonebook add hq "Anna Silva" 213 mobile=+351912345678
    """
    out.done(book.add(here.admin, site, name, numbers))


@phonebook.command("list")
@click.argument("site")
@out.as_json
@session
def list_(here: Session, site: str, json_: bool) -> None:
    """List a site's phone book."""
    rows = book.listed(here.admin, site)
    if json_:
        out.machine(rows)
    else:
        out.table([{"name": row["name"], "numbers": [f"{one['kind']} {one['number']}" for one in row["numbers"]]} for row in rows], ("name", "numbers"), f"the phone book of site {site} is empty")


@phonebook.command()
@click.argument("site")
@click.argument("name")
@session
def remove(here: Session, site: str, name: str) -> None:
    """Take a person out."""
    out.done(book.remove(here.admin, site, name))
