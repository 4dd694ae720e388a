"""provisioner account …"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from provisioner.admin import accounts, mails, proofs
from provisioner.cli import out
from provisioner.cli.session import FAILURE, Session, session
from provisioner.errors import BadValue
from provisioner.things import TRANSPORTS

_FACTS = (
    ("--username", "USER", "User part that registers; the SIP address's own where not said."),
    ("--auth-username", "USER", "Name for authentication; the username where not said."),
    ("--domain", "DOMAIN", "SIP domain; the SIP address's own where not said."),
    ("--registrar", "HOST[:PORT]", "Where the line registers; the domain where not said. No port means NAPTR and SRV."),
    ("--realm", "REALM", "Realm of the digest; whatever the server asks with where not said."),
    ("--outbound-proxy", "HOST[:PORT]", "Where every request goes first."),
    ("--transport", f"[{'|'.join(TRANSPORTS)}]", "How SIP travels."),
    ("--xcap-root", "URL", "XCAP root of the provider (RFC 4825)."),
    ("--display-name", "NAME", "Name that callees see."),
    ("--voicemail", "NUMBER", "Number of the mailbox, such as *97."),
    ("--email", "ADDRESS", "E-mail address of who it belongs to."),
    ("--timezone", "ZONE", "Time zone that the provider names, such as Europe/Lisbon."),
    ("--provider", "NAME", "Who gives the account; what is known of a provider fills what is not said. `provider list` has those that are known."),
    ("--notes", "TEXT", "Anything worth remembering."),
)


def _facts(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each fact, and the ways in which a password comes."""
    command = click.option("--password-file", type=click.Path(path_type=Path), metavar="FILE", help="Read the password from a file.")(command)
    command = click.option("--password-generate", is_flag=True, help="Make a password of 20 letters and digits, none of which looks like another, and show it once.")(command)
    command = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(command)
    for name, metavar, help in reversed(_FACTS):
        command = click.option(name, metavar=metavar, help=help)(command)
    return command


def _ways(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of how servers are asked."""
    command = click.option("--trust", type=click.Path(path_type=Path), metavar="FILE", help="Believe the roots in this file of PEM too, as phones do that were given them.")(command)
    return click.option("--patience", type=click.FloatRange(0.1, 64), default=8.0, show_default=True, metavar="SECONDS", help="How long a server may be silent.")(command)


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


@click.group()
def account() -> None:
    """SIP accounts: what a provider's e-mail says."""


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS", required=False)
@_facts
@click.option("--from-mail", metavar="FILE|-", help="Read the facts from a provider's e-mail; what is said beside it overrules it.")
@click.option("--dry-run", is_flag=True, help="Show what the mail says, each fact with the words that it came from; add nothing.")
@click.option("--reveal", is_flag=True, help="With --dry-run: show passwords.")
@click.option("--check", "proved", is_flag=True, help="Then ask the account's server whether it is right, as `account check` does.")
@out.as_json
@session
def add(
    here: Session, sip_address: str | None, password_stdin: bool, password_file: Path | None, password_generate: bool, from_mail: str | None, dry_run: bool, reveal: bool, proved: bool, json_: bool, **facts: Any
) -> None:
    """Add an account, or those that a provider's e-mail tells of.

    With --provider the username and the password are enough where its domain is known; how its usernames look is said where none is given.

    The password is asked for at a terminal, or comes by --password-stdin or --password-file; never as an argument, which others could read.
    A mail's accounts are added where nothing of them is in doubt: all of them, or none. The mail is not kept.

    \b
    Examples:
      provisioner account add 212@sip.example.com --display-name "Front desk"
      provisioner account add --provider sip2sip --username alice
      provisioner account add 213@pbx.example.com --password-generate
      provisioner account add 212@example.com --outbound-proxy proxy.example.com:5080 --transport tls --password-file 212.secret
      provisioner account add --from-mail welcome.eml --dry-run
      provisioner account add 212@sip.example.com --from-mail welcome.eml
    """
    if from_mail is None:
        if dry_run or reveal or json_:
            raise click.UsageError("--dry-run, --reveal and --json are for --from-mail")
        if sip_address is None and not facts["provider"]:
            raise click.UsageError("Missing argument 'SIP-ADDRESS'; or name the --provider and the --username, or give a provider's e-mail with --from-mail FILE")
        _one_source(password_generate, password_stdin, password_file)
        said = _asked(here, sip_address, _said(facts))
        plan = accounts.planned(here.admin, sip_address, said)
        made = accounts.password_for(here.admin, plan.sip_address) if password_generate else None
        password = made if password_generate else out.secret("Password", password_stdin, password_file, ask=not plan.refusals)
        done = accounts.add(here.admin, sip_address, _said({**said, "password": password}))
        out.done(done)
        _shown_once(made if done.changed else None)
        if proved:
            prove(here, [plan.sip_address])
        return
    if (json_ or reveal) and not dry_run:
        raise click.UsageError("--json and --reveal show what a mail says; add --dry-run")
    if password_generate:
        raise click.UsageError("--password-generate is for an account of your own; a provider's mail says its password")
    if password_stdin and from_mail == "-":
        raise click.UsageError("the mail comes from standard input already; give the password with --password-file")
    raw = _bytes(from_mail)
    said = _said({**facts, "password": out.secret("Password", password_stdin, password_file, ask=False)})
    mail = mails.read(raw, sip_address, said, here.admin.providers)
    if dry_run:
        _show(mail, json_, reveal)
        return
    out.questions(mails.questions(mail))
    out.done(mails.add(here.admin, mail))
    if proved:
        prove(here, [str(one.facts["sip_address"].value) for one in mail.accounts])


def _asked(here: Session, sip_address: str | None, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with the username that a provider's account lacks, asked at a terminal once its rule was said."""
    if sip_address is not None or facts.get("username") or not sys.stdin.isatty():
        return facts
    return {**facts, "username": click.prompt(f"Username ({accounts.username_rule(here.admin, facts['provider'])})", err=True)}


def _one_source(*sources: object) -> None:
    """Raise UsageError where more than one source of the password was named."""
    if sum(map(bool, sources)) > 1:
        raise click.UsageError("name one source for the password: --password-generate, --password-stdin, --password-file or a prompt")


def _shown_once(password: str | None) -> None:
    """Show a password that was made just now, which nothing here shows again unless asked to reveal it."""
    if password:
        click.echo(f"its password, which is shown this once: {password}")


def prove(here: Session, addresses: list[str]) -> None:
    """Ask the servers of accounts that were added just now, and say what became of it."""
    _tell(proofs.prove(here.admin, proofs.named(here.admin, addresses), proofs.means(8.0, None)), False)


def _tell(found: Iterator[proofs.Proof], json_: bool, hint: str = "") -> None:
    """Show what servers say, one account after the other; the exit code is 1 where an account is not right."""
    rows = []
    for proof in found:
        rows.append(proof)
        if not json_:
            before = f" (as of {proof.found.at}, not asked again; name the account to ask)" if not proof.asked and proof.found.at else ""
            click.echo(out.safe(f"{proof.found.verdict:<11}  {proof.account.sip_address}: {proof.found.sentence}{before}"))
    if json_:
        out.machine([proof.shown() for proof in rows])
    if hint and any(proof.asked and proof.found.verdict == "cannot-tell" for proof in rows):
        out.notes([hint])
    if any(proof.found.verdict in proofs.BAD for proof in rows):
        click.get_current_context().exit(FAILURE)


def _bytes(file: str) -> bytes:
    """Return a file's bytes, or those of standard input for `-`; no more of them than a mail may have, and one."""
    if file == "-":
        raw: bytes = sys.stdin.buffer.read(mails.MOST_BYTES + 1)
        return raw
    try:
        with Path(file).open("rb") as opened:
            return opened.read(mails.MOST_BYTES + 1)
    except OSError as why:
        raise BadValue(f"{file} cannot be read ({why.strerror}); check its name and its mode") from None


def _show(mail: mails.Mail, json_: bool, reveal: bool) -> None:
    if json_:
        out.machine(mails.as_json(mail))
        return
    for account in mail.accounts:
        out.table(mails.rows(account, reveal), ("fact", "value", "confidence", "words"))
    if not mail.accounts:
        click.echo("the mail tells of no SIP account", err=True)
    out.questions(mails.questions(mail))
    out.notes(mail.notes)


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@_facts
@click.option("--ask-password", is_flag=True, help="Ask for the password at the terminal.")
@session
def change(here: Session, sip_address: str, password_stdin: bool, password_file: Path | None, password_generate: bool, ask_password: bool, **facts: Any) -> None:
    """Change the facts that are named; an empty one goes back to its default.

    The files of the phones that have the account are tried first.

    \b
    Examples:
      provisioner account change 212@sip.example.com --display-name "Reception"
      provisioner account change 212@sip.example.com --outbound-proxy ""
    """
    _one_source(password_generate, password_stdin, password_file, ask_password)
    made = accounts.new_password() if password_generate else None
    password = made or out.secret("Password", password_stdin, password_file, ask=ask_password)
    said = _said({**facts, "password": password})
    if not said:
        raise click.UsageError("say what to change; --help lists the facts")
    out.done(accounts.change(here.admin, sip_address, said))
    _shown_once(made)


@account.command()
@click.argument("sip_addresses", metavar="[SIP-ADDRESS]...", nargs=-1)
@click.option("--all", "all_", is_flag=True, help="Every account; not those that were refused and have the same facts since, so that no server locks this machine out.")
@click.option("--subscribe", is_flag=True, help="Where a server takes no question for registrations, ask for the state of the mailbox.")
@_ways
@out.as_json
@session
def check(here: Session, sip_addresses: tuple[str, ...], all_: bool, subscribe: bool, patience: float, trust: Path | None, json_: bool) -> None:
    """Prove accounts: ask each one's server, and say which fact is wrong.

    The server is asked who is registered, which takes user and password and changes nothing: a phone that is registered stays so.
    The answers: right; refused: user or password; wrong: another fact, which is named; unreachable; cannot-tell.
    Exit code 1 where an account is refused, wrong or unreachable. --all can be run by a timer.

    \b
    Examples:
      provisioner account check 212@sip.example.com
      provisioner account check --all --json
    """
    if bool(sip_addresses) == all_:
        raise click.UsageError("name accounts, or say --all")
    many = here.admin.store.accounts() if all_ else proofs.named(here.admin, dict.fromkeys(sip_addresses))
    if not many:
        click.echo("no accounts yet; `provisioner account add SIP-ADDRESS`", err=True)
    hint = "" if subscribe else "--subscribe asks in another way, where a server takes no question for registrations"
    _tell(proofs.prove(here.admin, many, proofs.means(patience, trust), subscribe, again=not all_), json_, hint)


@account.command("list")
@out.as_json
@session
def list_(here: Session, json_: bool) -> None:
    """List every account."""
    rows = accounts.listed(here.admin)
    if json_:
        out.machine(rows)
    else:
        out.table([{**row, "on": [f"{line['mac']}/{line['line']}" for line in row["lines"]], "check": _checked(row["check"])} for row in rows], ("sip_address", "display_name", "domain", "on", "check"), "no accounts yet; `provisioner account add SIP-ADDRESS`")


def _checked(check: dict[str, Any] | None) -> str:
    return f"{check['verdict']} {check['at'][:10]}" if check else ""


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@out.as_json
@session
def show(here: Session, sip_address: str, json_: bool) -> None:
    """Show one account, its password masked, its lines, and what its server said last."""
    known = accounts.shown(here.admin, accounts.one(here.admin, sip_address))
    out.machine(known) if json_ else out.facts(known)


@account.command()
@click.argument("sip_address", metavar="SIP-ADDRESS")
@session
def remove(here: Session, sip_address: str) -> None:
    """Remove an account that no phone has."""
    out.done(accounts.remove(here.admin, sip_address))
