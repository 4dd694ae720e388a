"""provisioner import csv, provisioner export csv."""

from __future__ import annotations

from typing import BinaryIO

import click

from provisioner.admin import bulk
from provisioner.cli import account, out
from provisioner.cli.session import Session, session
from provisioner.csvfile import LARGEST


@click.group("import")
def import_() -> None:
    """Many things at once, from a file: all of them, or nothing."""


@import_.command("csv")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Try all of it and say what it would do; write nothing.")
@click.option("--check", "proved", is_flag=True, help="Then ask the servers of accounts that were added or changed whether they are right, as `account check` does.")
@session
def import_csv(here: Session, file: BinaryIO, dry_run: bool, proved: bool) -> None:
    """Add and change accounts, devices, assignments or keys as a CSV FILE says; - is standard input.

    The first row names the columns, and tells which of the four it is; `export csv` writes all of them. What has the same SIP address,
    the same MAC, the same MAC and line, or the same scope, module and position is changed, all else added; nothing is removed.
    A column that is left out leaves its fact as it is. An empty cell takes the fact back to its default, but leaves a secret, a state,
    a model and a firmware as they are. A ' before =, +, -, @ or ' is taken away, as `export csv` puts it there. What is added or changed is told first; where one row is wrong, all faults are told by row and
    column, and nothing is written.

    \b
    Examples:
      provisioner import csv phones.csv --dry-run
      provisioner import csv phones.csv
      provisioner import csv accounts.csv --check
    """
    name = getattr(file, "name", "<stdin>")
    plan = bulk.plan(here.admin, "standard input" if name == "<stdin>" else name, file.read(LARGEST + 1))
    for sentence in plan.diff():
        click.echo(out.safe(sentence))
    out.notes(plan.notes)
    out.done(bulk.carry_out(here.admin, plan, dry_run))
    if proved and plan.form.noun == "accounts" and not dry_run:
        account.prove(here, [wish.after.sip_address for _, wish in plan.news])


@click.group("export")
def export() -> None:
    """Many things at once, for spreadsheets and other programs."""


@export.command("csv")
@click.argument("noun", type=click.Choice(list(bulk.FORMS)))
@click.option("--reveal", is_flag=True, help="Write the secrets too; without it their cells are empty, which import leaves as they are.")
@session
def export_csv(here: Session, noun: str, reveal: bool) -> None:
    """Write all accounts, devices, assignments or keys to standard output; `import csv` reads it again as it was.

    A cell that a spreadsheet would take for a formula, such as +351…, begins with a '.

    \b
    Example:
      provisioner export csv devices > phones.csv
    """
    for row in bulk.exported(here.admin, noun, reveal):
        click.echo(row.encode(), nl=False)
