"""/accounts/…/xcap: the contacts and lists that an account's provider keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field, StringConstraints

from provisioner.admin import Admin, xcap
from provisioner.api.shapes import Asked, Did, Json, Said
from provisioner.api.views import answers, did
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import CHANGE, LOOK, OPERATE
from provisioner.xcap.link import Means

resource = APIBlueprint("xcap", __name__, tag="accounts")
_ROOT = "/accounts/<path:sip_address>/xcap"
Number = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Patience(Asked):
    """How long a server may be silent."""

    patience: float = Field(8.0, ge=0.1, le=64, description="seconds that one request may take")


class NumberShown(BaseModel):
    """One number of a person."""

    kind: str
    number: str


class PersonShown(BaseModel):
    """A person, and how he is reached."""

    name: str
    numbers: list[NumberShown]


class XcapShown(BaseModel):
    """What an account's server offers and keeps."""

    sip_address: str
    xcap_root: str
    auids: list[str]
    document: str
    etag: str
    contacts: list[PersonShown]
    fetched: Json | None = Field(description="when they were put into the phones' books, and whether they are the same")
    notes: list[str]


class Fetched(Did):
    """What became of the fetch of one account; trouble: why its contacts could not be had."""

    sip_address: str
    trouble: str


class AllFetched(BaseModel):
    """What became of the fetch of every account that has an XCAP root."""

    items: list[Fetched]


class PersonSaid(Said):
    """How a person is reached, in place of what was said of him before."""

    numbers: list[Number] = Field(min_length=1, max_length=50)


class ListSaid(Said):
    """Who is in a list that busy lamp fields subscribe to."""

    members: list[Number] = Field(max_length=1000)
    on_phones: bool = Field(False, description="then say the setting blf_list for the account, so that its phones which can subscribe to the list")


class ListShown(BaseModel):
    """A list that busy lamp fields can subscribe to."""

    list: str
    members: Sequence[str]
    elsewhere: str
    packages: Sequence[str]
    lamps: bool
    on_phones: bool


class Lists(BaseModel):
    """The lists of an account."""

    items: list[ListShown]


def _ways(admin: Admin, said: Patience) -> Means:
    return xcap.means(admin, said.patience, None)


@resource.get(_ROOT)
@resource.input(Patience, location="query", arg_name="said")
@resource.output(XcapShown)
@resource.doc(summary="Show the contacts that an account's server keeps", security="key", responses=answers(404, 422, 502))
@asks(LOOK)
def get_xcap(sip_address: str, said: Patience) -> Any:
    """Ask the account's XCAP server now, and return what it offers and keeps."""
    admin = visitor().admin
    return xcap.shown(admin, sip_address, _ways(admin, said))


@resource.post(f"{_ROOT}/fetch")
@resource.input(Patience, location="query", arg_name="said")
@resource.output(Did)
@resource.doc(summary="Fetch an account's contacts", security="key", responses=answers(404, 409, 422, 502))
@asks(OPERATE)
def fetch_contacts(sip_address: str, said: Patience) -> Any:
    """Put the contacts that the server keeps into the phone books of the phones that have the account."""
    admin = visitor().admin
    return did(xcap.fetch(admin, sip_address, _ways(admin, said)))


@resource.post("/xcap/fetch")
@resource.input(Patience, location="query", arg_name="said")
@resource.output(AllFetched)
@resource.doc(summary="Fetch all accounts' contacts", security="key")
@asks(OPERATE)
def fetch_all_contacts(said: Patience) -> Any:
    """Fetch the contacts of every account that has an XCAP root; a server that refused three passwords is left alone."""
    admin = visitor().admin
    return {"items": [{**did(one.done), "sip_address": one.sip_address, "trouble": one.trouble} for one in xcap.fetch_all(admin, _ways(admin, said))]}


@resource.put(f"{_ROOT}/contacts/<name>")
@resource.input(Patience, location="query", arg_name="ways")
@resource.input(PersonSaid, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Put a person among an account's contacts", security="key", responses=answers(404, 409, 422, 502))
@asks(OPERATE)
def put_person(sip_address: str, name: str, ways: Patience, said: PersonSaid) -> Any:
    """Have the server keep a person with these numbers; 409 where somebody else changed the contacts since they were fetched."""
    admin = visitor().admin
    return did(xcap.put(admin, sip_address, name, said.numbers, _ways(admin, ways)))


@resource.delete(f"{_ROOT}/contacts/<name>")
@resource.input(Patience, location="query", arg_name="ways")
@resource.output(Did)
@resource.doc(summary="Take a person out of an account's contacts", security="key", responses=answers(404, 409, 422, 502))
@asks(OPERATE)
def delete_person(sip_address: str, name: str, ways: Patience) -> Any:
    """Have the server keep a person no more."""
    admin = visitor().admin
    return did(xcap.remove(admin, sip_address, name, _ways(admin, ways)))


@resource.get(f"{_ROOT}/lists")
@resource.input(Patience, location="query", arg_name="said")
@resource.output(Lists)
@resource.doc(summary="Show an account's lists for busy lamp fields", security="key", responses=answers(404, 422, 502))
@asks(LOOK)
def get_lists(sip_address: str, said: Patience) -> Any:
    """Ask the account's server now, and return its lists that can be subscribed to."""
    admin = visitor().admin
    return {"items": xcap.lists(admin, sip_address, _ways(admin, said))}


@resource.put(f"{_ROOT}/lists/<name>")
@resource.input(Patience, location="query", arg_name="ways")
@resource.input(ListSaid, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Put a list for busy lamp fields", security="key", responses=answers(404, 409, 422, 502))
@asks(CHANGE)
def put_list(sip_address: str, name: str, ways: Patience, said: ListSaid) -> Any:
    """Have the server keep a list of these members and no others."""
    admin = visitor().admin
    return did(xcap.put_list(admin, sip_address, name, said.members, _ways(admin, ways), said.on_phones))


@resource.delete(f"{_ROOT}/lists/<name>")
@resource.input(Patience, location="query", arg_name="ways")
@resource.output(Did)
@resource.doc(summary="Take a list for busy lamp fields away", security="key", responses=answers(404, 409, 422, 502))
@asks(CHANGE)
def delete_list(sip_address: str, name: str, ways: Patience) -> Any:
    """Have the server keep a list no more."""
    admin = visitor().admin
    return did(xcap.remove_list(admin, sip_address, name, _ways(admin, ways)))
