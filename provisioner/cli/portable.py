"""provisioner export portable, import events."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.admin import portable, usb
from provisioner.cli import out
from provisioner.cli.bulk import export, import_
from provisioner.cli.session import Session, session

__all__ = ["import_"]


@export.command("portable")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.argument("macs", nargs=-1, metavar="[MAC…]")
@click.option("--site", default="", metavar="SITE", help="All phones of a site.")
@click.option("--all", "every", is_flag=True, help="All phones.")
@click.option("--passphrase-file", "file", type=click.Path(path_type=Path), metavar="FILE", help="File with the passphrase, in one line; without it you are asked.")
@click.option("--expires", "days", type=int, required=True, metavar="DAYS", help="Days after which the bundle serves no more.")
@click.option("--for", "made_for", default="", metavar="NAME", help="Who takes it; kept on record.")
@session
def export_portable(here: Session, folder: Path, macs: tuple[str, ...], site: str, every: bool, file: Path | None, days: int, made_for: str) -> None:
    """Write a bundle from which any laptop serves these phones, where no link reaches this server.

    It holds the chosen phones with their accounts, keys and settings, the families and the assets that they need, sealed with the passphrase.
    `serve --bundle DIR` serves it over HTTP and TFTP, read alone, until it expires. The phones' files are the same as from here, and so name
    this server's URL, to which they come back. Its events come home by `import events DIR`.

    \b
    Examples:
      provisioner export portable /media/stick/lisbon --site lisbon --passphrase-file phrase.txt --expires 7
      provisioner export portable lisbon 805ec0d57d72 --expires 1 --for "Rui Costa"
    """
    passphrase = out.secret("passphrase", False, file, True) or ""
    out.done(portable.export(here.admin, usb.chosen(here.admin, macs, site, every), portable.Wish(folder, passphrase, days, made_for)))


@import_.command("events")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@session
def import_events(here: Session, folder: Path) -> None:
    """Bring home the events of a portable server that this server made: which phones got their files there.

    They stand among all events, with the bundle's name; a second time brings only what is new.

    \b
    Example:
      provisioner import events /media/stick/lisbon
    """
    out.done(portable.take_events(here.admin, folder))
