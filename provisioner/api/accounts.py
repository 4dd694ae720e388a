"""/accounts: the facts of a provider's e-mail."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, Field, StringConstraints

from provisioner.admin import Admin, accounts, mails, proofs
from provisioner.api.problems import problem
from provisioner.api.shapes import Asked, Did, Json, Paged, Said, Text
from provisioner.api.views import answers, body, did, page_of, paged, provided, secret, takes, versioned
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.errors import BadValue, NotHere
from provisioner.rights import CHANGE, LOOK, OPERATE

resource = APIBlueprint("accounts", __name__, tag="accounts")
_ETAG = {"ETag": {"description": "of the account as it is now; for If-Match", "schema": {"type": "string"}}}
_MAIL = ("message/rfc822", "text/plain", "text/html")
Address = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class AccountFacts(Said):
    """What can be said of an account; an empty text takes a fact back to its default."""

    username: Text | None = None
    auth_username: Text | None = None
    password: Text | None = Field(None, description="never given back")
    domain: Text | None = None
    registrar: Text | None = Field(None, description="HOST[:PORT]")
    realm: Text | None = None
    outbound_proxy: Text | None = Field(None, description="HOST[:PORT]")
    transport: Text | None = Field(None, description="auto, udp, tcp or tls")
    xcap_root: Text | None = None
    display_name: Text | None = None
    voicemail: Text | None = None
    email: Text | None = None
    timezone: Text | None = None
    provider: Text | None = Field(None, description="who gives it; what is known of a provider fills what is not said")
    notes: str | None = Field(None, max_length=10_000)


class NewAccount(AccountFacts):
    """An account that may be named by its provider and username alone."""

    sip_address: Text | None = None
    password_generate: bool = Field(False, description="make a password of 20 letters and digits, and give it back this once")


class LineOf(BaseModel):
    """A line that has an account."""

    mac: str
    line: int


class CheckShown(BaseModel):
    """What an account's server said when it was asked whether the account is right."""

    verdict: Literal["right", "refused", "wrong", "unreachable", "cannot-tell"]
    sentence: str
    fact: str
    server: str
    bindings: list[str]
    at: str


class AccountShown(BaseModel):
    """An account, its password masked."""

    sip_address: str
    username: str
    auth_username: str
    password: str
    domain: str
    registrar: str
    realm: str
    outbound_proxy: str
    transport: str
    xcap_root: str
    display_name: str
    voicemail: str
    email: str
    timezone: str
    provider: str
    notes: str
    lines: list[LineOf]
    settings: Json
    check: CheckShown | None
    contacts: Json | None = Field(description="what became of the last fetch of its contacts")


class AccountSearch(Paged):
    """Which accounts."""

    search: Text = Field("", description="part of the address, a name, the e-mail address or the provider")


class AccountRows(BaseModel):
    """A page of accounts, by SIP address."""

    items: list[AccountShown]
    next: str | None


class Added(Did):
    """What was added; password: that was made, which nobody sees again."""

    sip_address: str
    password: str | None


class Mailed(Asked):
    """How a provider's e-mail is taken."""

    dry_run: bool = Field(False, description="say what the mail says, each fact with its confidence and its words; add nothing")
    reveal: bool = Field(False, description="with dry_run: show passwords")
    sip_address: Text | None = Field(None, description="of the account that is meant, where the mail has several")


class FactRead(BaseModel):
    """One fact that a mail says."""

    fact: str
    value: Any
    confidence: str
    words: str


class MailRead(BaseModel):
    """What a mail says; what has to be asked keeps it from being added."""

    accounts: list[list[FactRead]]
    ask: list[str]
    notes: list[str]
    done: Did | None = Field(description="what was added; null where it was only tried")


class Checking(Said):
    """Which accounts are asked for, and how."""

    sip_addresses: list[Address] = Field(min_length=1, max_length=50)
    subscribe: bool = Field(False, description="where a server takes no question for registrations, ask for the state of the mailbox")
    patience: float = Field(8.0, ge=0.1, le=64, description="seconds that a server may be silent", strict=False)


class Proved(CheckShown):
    """What became of the check of one account."""

    sip_address: str
    asked: bool


class Proofs(BaseModel):
    """What became of the checks."""

    items: list[Proved]


@resource.get("/accounts")
@resource.input(AccountSearch, location="query", arg_name="said")
@resource.output(AccountRows)
@resource.doc(summary="List accounts", security="key")
@asks(LOOK)
def list_accounts(said: AccountSearch) -> Any:
    """Return the accounts that fit, by SIP address, passwords masked."""
    return paged(page_of(accounts.some(visitor().admin, said.search, said.limit + 1, said.cursor), said.limit, "sip_address"))


@resource.post("/accounts")
@resource.input(NewAccount, arg_name="said")
@resource.output(Added, status_code=201)
@resource.doc(summary="Add an account", security="key", responses=answers(404, 409, 422))
@asks(CHANGE)
def add_account(said: NewAccount) -> Any:
    """Add an account by its SIP address, or by provider and username; what its provider is known to have fills what is not said."""
    admin = visitor().admin
    facts = _facts(said, "sip_address", "password_generate")
    if said.password_generate and "password" in facts:
        raise BadValue("password: say one, or have one made")
    plan = accounts.planned(admin, said.sip_address, facts)
    made = accounts.password_for(admin, plan.sip_address) if said.password_generate else None
    done = accounts.add(admin, said.sip_address, {**facts, **({"password": made} if made else {})})
    answer = {**did(done), "sip_address": plan.sip_address, "password": made if done.changed else None}
    return secret(answer) if made else answer


@resource.post("/accounts/from-mail")
@resource.input(Mailed, location="query", arg_name="said")
@resource.output(MailRead)
@resource.doc(summary="Add the accounts of a provider's e-mail", security="key", responses=answers(409, 422))
@asks(CHANGE)
@takes(*_MAIL)
def add_from_mail(said: Mailed) -> Any:
    """Read an e-mail, and add its accounts where nothing of them is in doubt: all of them, or none. The mail is not kept."""
    admin = visitor().admin
    mail = mails.read(body(mails.MOST_BYTES), said.sip_address, {}, admin.providers)
    reveal = said.reveal and said.dry_run
    known = {"accounts": [mails.rows(account, reveal) for account in mail.accounts], "ask": list(mails.questions(mail)), "notes": list(mail.notes)}
    if said.dry_run:
        return {**known, "done": None}
    return {**known, "done": did(mails.add(admin, mail))}


@resource.post("/accounts/check")
@resource.input(Checking, arg_name="said")
@resource.output(Proofs)
@resource.doc(summary="Ask accounts' servers whether they are right", security="key", responses=answers(404, 422))
@asks(OPERATE)
def check_accounts(said: Checking) -> Any:
    """Ask each account's server who is registered, which takes user and password and changes nothing. It answers when all have."""
    admin = visitor().admin
    many = proofs.named(admin, dict.fromkeys(said.sip_addresses))
    return {"items": [proof.shown() for proof in proofs.prove(admin, many, proofs.means(said.patience, None), said.subscribe)]}


@resource.get("/accounts/<path:sip_address>")
@resource.output(AccountShown)
@resource.doc(summary="Show an account", security="key", responses=answers(200, 404, headers=_ETAG, of="AccountShown"))
@asks(LOOK)
def get_account(sip_address: str) -> Any:
    """Return an account, its password masked, its lines, and what its server said last."""
    return _shown(visitor().admin, sip_address)


@resource.put("/accounts/<path:sip_address>")
@resource.input(AccountFacts, arg_name="said")
@resource.output(AccountShown)
@resource.doc(summary="Add an account, or replace its facts", security="key", responses=answers(200, 201, 404, 409, 412, 422, headers=_ETAG, of="AccountShown"))
@asks(CHANGE)
def put_account(sip_address: str, said: AccountFacts) -> Any:
    """Add an account, or replace what was said of it; a password that is not said stays. If-None-Match: * only adds, If-Match only replaces."""
    admin = visitor().admin
    facts = _facts(said)
    try:
        here = accounts.one(admin, sip_address)
    except NotHere:
        if request.headers.get("If-Match"):
            return problem(412, f"account {sip_address} is not there, so it is not as If-Match says")
        accounts.add(admin, sip_address, facts)
        return _shown(admin, sip_address, 201)
    if request.headers.get("If-None-Match") == "*":
        return problem(412, f"account {here.sip_address} is there already")
    whole = {**{name: "" for name in AccountFacts.model_fields if name not in ("password", "transport")}, "transport": "auto", **facts}
    accounts.change(_provided(admin, here.sip_address), here.sip_address, whole)
    return _shown(admin, sip_address)


@resource.patch("/accounts/<path:sip_address>")
@resource.input(AccountFacts, arg_name="said")
@resource.output(AccountShown)
@resource.doc(summary="Change an account", security="key", responses=answers(200, 404, 409, 412, 422, headers=_ETAG, of="AccountShown"))
@asks(CHANGE)
def patch_account(sip_address: str, said: AccountFacts) -> Any:
    """Change the facts that are said; the phones that have the account are tried first."""
    admin = visitor().admin
    address = accounts.one(admin, sip_address).sip_address
    accounts.change(_provided(admin, address), address, _facts(said))
    return _shown(admin, address)


@resource.delete("/accounts/<path:sip_address>")
@resource.output(Did)
@resource.doc(summary="Remove an account", security="key", responses=answers(404, 409, 412))
@asks(CHANGE)
def delete_account(sip_address: str) -> Any:
    """Remove an account that no phone has."""
    admin = visitor().admin
    address = accounts.one(admin, sip_address).sip_address
    return did(accounts.remove(_provided(admin, address), address))


def _facts(said: BaseModel, *beside: str) -> dict[str, Any]:
    return {name: value for name, value in said.model_dump(exclude=set(beside)).items() if value is not None}


def _provided(admin: Admin, address: str) -> Admin:
    return provided(admin, versioned(admin, "account", address))


def _shown(admin: Admin, sip_address: str, status: int = 200) -> Any:
    with admin.store.reading():
        account = accounts.one(admin, sip_address)
        return accounts.shown(admin, account), status, {"ETag": f'"{versioned(admin, "account", account.sip_address)()}"'}
