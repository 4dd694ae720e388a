"""Accounts: the facts of a provider's e-mail, typed or read from the mail itself; and what their servers say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from provisioner.admin import Done, accounts, audit, mails, proofs, providers, xcap
from provisioner.console.pages import PER_PAGE, asks, page, still, tell
from provisioner.console.visitor import visitor
from provisioner.errors import BadInput, Outdated, ProvisionerError
from provisioner.rights import CHANGE, LOOK, OPERATE
from provisioner.things import TRANSPORTS

pages = Blueprint("accounts", __name__)
FACTS = (  # in the order of a provider's e-mail: who, the password, where; then what few mails say
    "sip_address", "username", "auth_username", "password", "domain", "outbound_proxy", "xcap_root",
    "registrar", "realm", "transport", "display_name", "voicemail", "email", "timezone", "provider", "notes",
)  # fmt: skip
FIRST = 7
_PATIENCE = 8.0  # seconds that a server may be silent


@pages.get("/accounts")
@asks(LOOK)
def listed() -> Response:
    """Show the accounts that fit, a page at a time."""
    admin, search = visitor().admin, request.args.get("search", "").strip()
    rows = accounts.some(admin, search, PER_PAGE + 1, request.args.get("after", ""))
    return page("accounts.html", rows=rows[:PER_PAGE], search=search, more=rows[PER_PAGE - 1]["sip_address"] if len(rows) > PER_PAGE else "")


@pages.get("/accounts/new")
@asks(CHANGE)
def new() -> Response:
    """Ask for the facts of a new account; a password is offered on demand."""
    return _form({"password": accounts.new_password() if "generate" in request.args else ""})


@pages.post("/accounts/new")
@asks(CHANGE)
def add() -> Response:
    """Add an account; what its provider is known to have fills what was left empty."""
    admin, typed = visitor().admin, _typed()
    facts = {name: value for name, value in typed.items() if value and name != "sip_address"}
    try:
        address = accounts.planned(admin, typed["sip_address"] or None, facts).sip_address
        done = accounts.add(admin, typed["sip_address"] or None, facts)
    except BadInput as why:
        return _form({**typed, "password": ""}, fault=str(why))
    return tell(done, "accounts.one", sip_address=address)


@pages.get("/accounts/mail")
@asks(CHANGE)
def mail() -> Response:
    """Ask for a provider's e-mail."""
    return page("mail.html", text="", mail=None, fault="", shown=mails.shown)


@pages.post("/accounts/mail")
@asks(CHANGE)
def read_mail() -> Response:
    """Show what a mail says, each fact with its confidence and words, and what has to be asked. Nothing is kept."""
    return _mail(_body(), "")


@pages.post("/accounts/mail/add")
@asks(CHANGE)
def add_mail() -> Response:
    """Add one account of a mail, or all where none is named, with what was said beside it."""
    admin, raw, number = visitor().admin, _body(), request.form.get("number", "")
    address, said = None, dict[str, Any]()
    try:
        if number:
            account = mails.read(raw.encode(), None, {}, admin.providers).accounts[int(number)]
            said = mails.beside(account, {name: request.form[key].strip() for name in FACTS if (key := f"{number}-{name}") in request.form})
            address = said.pop("sip_address", "") or mails.shown(account, "sip_address") or None
        done = mails.add(admin, mails.read(raw.encode(), address, said, admin.providers))
    except (ValueError, IndexError):
        return _mail(raw, visitor().say("The e-mail has changed since it was read. Look at its accounts once more."))
    except BadInput as why:
        return _mail(raw, str(why))
    return tell(done, "accounts.one", sip_address=address) if address else tell(done, "accounts.listed")


@pages.get("/accounts/<path:sip_address>")
@asks(LOOK)
def one(sip_address: str) -> Response:
    """Show an account: its facts, who has it, what its server said."""
    return _account(sip_address)


@pages.post("/accounts/<path:sip_address>/change")
@asks(CHANGE)
def change(sip_address: str) -> Response:
    """Change what was typed otherwise; an empty password stays as it is."""
    admin = visitor().admin
    before, typed = accounts.shown(admin, accounts.one(admin, sip_address)), _typed()
    facts = {name: value for name, value in typed.items() if name in request.form and name != "sip_address" and (value if name == "password" else value != before[name])}
    try:
        done = accounts.change(still("account", before["sip_address"]), sip_address, facts)
    except (BadInput, Outdated) as why:
        return _account(sip_address, why, {**typed, "password": ""})
    return tell(done, "accounts.one", sip_address=before["sip_address"])


@pages.post("/accounts/<path:sip_address>/password")
@asks(CHANGE)
def renew(sip_address: str) -> Response:
    """Offer a strong password where we are the ones who choose; it counts once the form is sent."""
    return _account(sip_address, offered=accounts.new_password())


@pages.post("/accounts/<path:sip_address>/remove")
@asks(CHANGE)
def remove(sip_address: str) -> Response:
    """Remove an account that no phone has."""
    return tell(accounts.remove(visitor().admin, sip_address), "accounts.listed")


@pages.post("/accounts/<path:sip_address>/check")
@asks(OPERATE)
def check(sip_address: str) -> Response:
    """Ask the account's server whether it is right; it changes nothing there."""
    admin = visitor().admin
    account = accounts.one(admin, sip_address)
    proof = next(proofs.prove(admin, [account], proofs.means(_PATIENCE, None)))
    return tell(Done(f"{account.sip_address} is {proof.found.verdict}: {proof.found.sentence}", proof.asked), "accounts.one", sip_address=account.sip_address)


@pages.post("/accounts/<path:sip_address>/contacts")
@asks(OPERATE)
def fetch(sip_address: str) -> Response:
    """Take the contacts that the account's XCAP server keeps into the phone books of its phones."""
    admin = visitor().admin
    return tell(xcap.fetch(admin, sip_address, xcap.means(admin, _PATIENCE, None)), "accounts.one", sip_address=sip_address)


@pages.post("/accounts/<path:sip_address>/contacts/put")
@asks(OPERATE)
def put_contact(sip_address: str) -> Response:
    """Have the server keep a person with these numbers."""
    admin = visitor().admin
    numbers = [number for number in request.form.get("numbers", "").replace("\n", ",").split(",") if number.strip()]
    return tell(xcap.put(admin, sip_address, request.form.get("name", ""), numbers, xcap.means(admin, _PATIENCE, None)), "accounts.one", sip_address=sip_address)


@pages.post("/accounts/<path:sip_address>/contacts/remove")
@asks(OPERATE)
def remove_contact(sip_address: str) -> Response:
    """Have the server keep a person no more."""
    admin = visitor().admin
    return tell(xcap.remove(admin, sip_address, request.form.get("name", ""), xcap.means(admin, _PATIENCE, None)), "accounts.one", sip_address=sip_address)


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in FACTS}


def _body() -> str:
    return request.form.get("mail", "")


def _known() -> dict[str, Any]:
    return {"first": FIRST, "names": FACTS, "transports": TRANSPORTS, "providers": providers.listed(visitor().admin.providers)}


def _form(said: Mapping[str, str], fault: str = "") -> Response:
    return page("account-new.html", 422 if fault else 200, said=said, fault=fault, **_known())


def _mail(text: str, fault: str) -> Response:
    admin = visitor().admin
    try:
        found = mails.read(text.encode(), None, {}, admin.providers)
    except BadInput as why:
        return page("mail.html", 422, text=text, mail=None, fault=str(why), shown=mails.shown, **_known())
    asked = mails.questions(found)
    return page("mail.html", 422 if fault else 200, text=text, mail=found, fault=fault, asked=asked, rows=[mails.rows(one, False) for one in found.accounts], shown=mails.shown, **_known())


def _account(sip_address: str, fault: ProvisionerError | None = None, said: Mapping[str, str] | None = None, offered: str = "") -> Response:
    admin = visitor().admin
    account = accounts.one(admin, sip_address)
    known = accounts.shown(admin, account)
    book = admin.store.book(account.sip_address)
    return page(
        "account.html", 409 if isinstance(fault, Outdated) else 422 if fault else 200, known=known, version=audit.version(admin, "account", account.sip_address), said={**known, "password": offered, **(said or {})}, fault=str(fault or ""), offered=offered,
        book=book.contacts if book else (), **_known(),
    )  # fmt: skip
