"""provisioner handout …"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from provisioner.admin import handouts
from provisioner.admin.words import count
from provisioner.cli import out
from provisioner.cli.session import Session, session
from provisioner.errors import BadValue
from provisioner.language import LANGUAGES


@click.command()
@click.argument("macs", nargs=-1, required=True, metavar="MAC…")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="en", show_default=True, help="Of the sentences; menus are quoted as the phone shows them.")
@click.option("--to", "target", default="handout.pdf", show_default=True, metavar="FILE.pdf|FILE.html|-", help="File to write (mode 0600); - writes a PDF to stdout, such as for a printer.")
@click.option("--labels", "label", default="", metavar="WxH", help="Paper labels for the keys, each so many millimetres wide and high, such as 40x9.5; else as the model's facts tell.")
@click.option("--secrets", is_flag=True, help="With each phone's own URL, which holds its token, instead of its site's.")
@session
def handout(here: Session, macs: tuple[str, ...], language: str, target: str, label: str, secrets: bool) -> None:
    """Write a sheet of paper for each phone: whose it is, how it is given its address, what its keys do.

    The address stands as a QR code too. No password is on it.

    \b
    Examples:
      provisioner handout 805ec0d57d72 --language pt
      provisioner handout 805ec0d57d72 805ec0d57d73 --labels 40x9.5 --to desk.html
      provisioner handout 805ec0d57d72 --to - | lp
    """
    kind = "pdf" if target == "-" else Path(target).suffix.lower().removeprefix(".")
    if kind not in handouts.KINDS:
        raise BadValue(f"{target!r} is neither .pdf nor .html; name the file so that its ending says what it shall be")
    if target == "-" and sys.stdout.isatty():
        raise BadValue("a PDF is nothing for a terminal; pipe it to a printer, or name a file with --to")
    body, notes = handouts.made(here.admin, macs, kind, language, secrets, label)
    if target == "-":
        click.echo(body, nl=False)
    else:
        handouts.write(Path(target), body)
        click.echo(out.safe(f"wrote {count(len(set(macs)), 'handout')} to {target}"))
    out.notes(notes)
