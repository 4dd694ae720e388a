"""provisioner set, unset"""

from __future__ import annotations

import sys

import click

from provisioner import raw, vocabulary
from provisioner.admin import dictionary, settings
from provisioner.cli import out
from provisioner.cli.session import Session, session

_SCOPES = """SCOPE is one of, the later ones outranking the earlier:

    \b
      defaults            every phone
      family:yealink      every phone of a family
      model:yealink/T46U  every phone of a model
      site:hq             a site's phones
      group:hq/reception  a group's phones
      device:MAC          one phone
      account:ADDRESS     every line that has this account
      line:MAC/2          one line"""


@click.command("set")
@click.argument("scope", required=False)
@click.argument("pairs", nargs=-1, metavar="NAME=VALUE...")
@click.option("--secret", "secrets", multiple=True, metavar="NAME", help="A secret setting, asked for at the terminal or read from standard input, one line each.")
@click.option("--show", is_flag=True, help="Show what SCOPE says.")
@click.option("--reveal", is_flag=True, help="With --show: secrets too, and the values of raw parameters.")
@out.as_json
@session
def set_(here: Session, scope: str | None, pairs: tuple[str, ...], secrets: tuple[str, ...], show: bool, reveal: bool, json_: bool) -> None:
    """Say settings.

    {scopes}

    docs/settings.md lists the names. An empty VALUE switches off what is text, a host, a URL, a list or a secret; what is on or off
    says `off`. `unset` takes back what was said.

    raw.NAME is a parameter by the name that it has in the phone's own file, for what no setting says: it takes the place of
    what the template writes. Where SCOPE is for phones of several families, say whose: raw.FAMILY.NAME. Since any of them may be
    a password, their values are kept and shown as secrets.

    \b
    Examples:
      provisioner set site:hq timezone=Europe/Lisbon language=pt
      provisioner set device:805ec0d57d72 codecs=opus,g722,pcma
      provisioner set line:805ec0d57d72/2 dtmf=info
      provisioner set device:805ec0d57d72 raw.account.1.sip_trust_ctrl=1
      provisioner set site:hq raw.grandstream.P2302=1
      provisioner set defaults --secret admin_password
      provisioner set site:hq --show
    """
    if not scope:
        raise click.UsageError("say whose word it is: SCOPE; --help lists them")
    if show:
        known = settings.shown(here.admin, scope, reveal)
        out.machine(known) if json_ else out.table([{"setting": name, "value": value} for name, value in known.items()], ("setting", "value"), f"{scope} says nothing")
        return
    said = _read(pairs)
    for name in said:
        if said[name] and is_secret(name):
            raise click.UsageError(f"{name} is a secret, and others on this machine can read a command line; `--secret {name}` asks for it, or reads it from standard input")
    for name in secrets:
        said[name] = _secret(name)
    if not said:
        raise click.UsageError("say at least one NAME=VALUE; docs/settings.md lists the names")
    out.done(settings.say(here.admin, scope, said))


def is_secret(name: str) -> bool:
    """Return True for a setting, or a parameter by the phone's own name, whose value nobody may read from a command line."""
    row = vocabulary.BY_NAME.get(name)
    return row.secret if row else raw.may_be_secret(name)


def _read(pairs: tuple[str, ...]) -> dict[str, str]:
    said = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"{pair!r} has no =; write NAME=VALUE, such as timezone=Europe/Lisbon")
        if name in said:
            raise click.UsageError(f"{name} is said twice; say it once")
        said[name] = value
    return said


def _secret(name: str) -> str:
    stdin = sys.stdin
    if stdin.isatty():
        answer: str = click.prompt(name, hide_input=True, default="", show_default=False, err=True)
        return answer
    return stdin.readline().removesuffix("\n").removesuffix("\r")


set_.help = (set_.help or "").replace("{scopes}", _SCOPES)


@click.command("settings")
@click.argument("group", default="")
@out.as_json
def list_settings(group: str, json_: bool) -> None:
    """List the settings that there are, or those of a GROUP; --json has their meaning.

    \b
    Examples:
      provisioner settings
      provisioner settings Registration --json
    """
    rows = dictionary.settings(group)
    out.machine(rows) if json_ else out.table(rows, ("name", "group", "type", "default", "per"))


@click.command()
@click.argument("scope")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@session
def unset(here: Session, scope: str, names: tuple[str, ...]) -> None:
    """Take settings back: what a lower layer says counts again, and phones that had them are told to forget them.

    \b
    Example:
      provisioner unset site:hq timezone language
    """
    out.done(settings.unsay(here.admin, scope, names))
