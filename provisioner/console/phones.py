"""The phones, and one phone."""

from __future__ import annotations

from flask import Blueprint, Response, request

from provisioner.admin import audit, devices, events
from provisioner.console.pages import PER_PAGE, asks, page
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK, REVEAL

pages = Blueprint("phones", __name__)
_FILTERS = ("search", "site", "state", "family")


@pages.get("/phones")
@asks(LOOK)
def listed() -> Response:
    """Show the phones that fit, a page at a time."""
    admin, said = visitor().admin, {name: request.args.get(name, "").strip() for name in _FILTERS}
    rows = devices.listed(admin, **said, most=PER_PAGE + 1, after=request.args.get("after", ""))
    more = rows[PER_PAGE - 1]["mac"] if len(rows) > PER_PAGE and said["state"] != "waiting" else ""
    whole = not more and not request.args.get("after")  # then nothing has to be counted
    return page(
        "phones.html", rows=rows[:PER_PAGE] if more else rows, said=said, more=more, count=len(rows) if whole else devices.count(admin, **said),
        sites=[site.slug for site in admin.store.sites()], families=devices.families(admin), states=devices.STATES_LISTED,
    )  # fmt: skip


@pages.get("/phones/<mac>")
@asks(LOOK)
def one(mac: str) -> Response:
    """Show what is known of a phone."""
    admin = visitor().admin
    device = admin.device(mac)
    return page(
        "phone.html", phone=devices.shown(admin, device), named=admin.named(device), events=events.latest(admin, device.mac, 20)[::-1],
        changes=audit.listed(admin, "device", device.mac, limit=20),
    )  # fmt: skip


@pages.post("/phones/<mac>/secrets")
@asks(REVEAL)
def secrets(mac: str) -> Response:
    """Show the address with its token, and the user and password with which a phone proves itself."""
    admin = visitor().admin
    device = admin.device(mac)
    return page("secrets.html", phone=device, urls=devices.token(admin, mac)[0], proof=devices.credentials(admin, mac)[0])
