"""provisioner phonebook …"""

from __future__ import annotations

from typing import BinaryIO

import click

from provisioner.admin import phonebook as book
from provisioner.cli import out
from provisioner.cli.session import Session, session
from provisioner.csvfile import LARGEST


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


@phonebook.command("import")
@click.argument("site")
@click.argument("file", type=click.File("rb"))
@click.option("--replace", is_flag=True, help="The file is the whole phone book: who is not in it is taken out.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@session
def import_(here: Session, site: str, file: BinaryIO, replace: bool, dry_run: bool) -> None:
    """Put the people of a CSV or vCard FILE in, or none where a row is wrong; - is standard input.

    CSV begins with a row of headings: name (or first name, last name), then work, mobile, home, other, each as often as needed.

    \b
    Examples:
      provisioner phonebook import hq people.csv --dry-run
      provisioner phonebook import hq contacts.vcf
    """
    out.done(book.bring(here.admin, site, file.read(LARGEST + 1), replace, dry_run))


@phonebook.command()
@click.argument("site")
@click.option("--format", "form", type=click.Choice(["csv", "vcard"]), default="csv", show_default=True, help="csv for spreadsheets, vcard for address books.")
@session
def export(here: Session, site: str, form: str) -> None:
    """Write a site's phone book to standard output; import reads it again as it was.

    In CSV a cell that a spreadsheet would take for a formula, such as +351…, begins with a '.

    \b
    Example:
      provisioner phonebook export hq --format vcard > hq.vcf
    """
    click.echo(book.given(here.admin, site, form).encode(), nl=False)
