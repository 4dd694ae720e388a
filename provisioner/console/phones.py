"""The phones: found, let in, scanned in, and many of them changed at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from provisioner.admin import Admin, audit, devices, dictionary, enrol, many, proofs, reveals
from provisioner.console import phone
from provisioner.console.pages import PER_PAGE, asks, page, tell
from provisioner.console.visitor import visitor
from provisioner.errors import BadInput, Outdated
from provisioner.rights import CHANGE, LOOK, OPERATE, REVEAL

pages = Blueprint("phones", __name__)
_FILTERS = ("search", "site", "state", "family", "group")
_ASKED = ("verb", "setting", "value", "to_site", "to_group")
_PATIENCE = 3.0  # seconds that one of many phones may be silent
_SHOWN = 50  # phones that a preview names
_SCANNED = 15


@pages.get("/phones")
@asks(LOOK)
def listed() -> Response:
    """Show the phones that fit, a page at a time; those that wait with what lets them in."""
    return _listed()


@pages.post("/phones/waiting/<mac>")
@asks(CHANGE)
def approve(mac: str) -> Response:
    """Let a waiting phone in, with its account."""
    said = {name: request.form.get(name, "").strip() for name in ("account", "model", "site")}
    try:
        done = enrol.enrol(visitor().admin, mac, **said)
    except BadInput as why:
        return _listed(str(why), {"mac": mac, **said})
    return tell(done, "phones.listed", state="waiting")


@pages.get("/phones/scan")
@asks(CHANGE)
def scan() -> Response:
    """Show the field where a barcode scanner types."""
    return _scan({name: request.args.get(name, "") for name in ("site", "model")})


@pages.get("/phones/scan/look")
@asks(LOOK)
def look() -> Response:
    """Say what is known of a MAC as soon as it is scanned."""
    try:
        return page("scan-look.html", sentence=enrol.look(visitor().admin, request.args.get("mac", ""), request.args.get("model", "").strip()), fault="")
    except BadInput as why:
        return page("scan-look.html", sentence="", fault=str(why))


@pages.post("/phones/scan")
@asks(CHANGE)
def scanned() -> Response:
    """Provision the phone of one MAC and one extension. What was wrong stays beside its sentence, to be sent again."""
    admin, said = visitor().admin, {name: request.form.get(name, "").strip() for name in ("mac", "account", "model", "site")}
    live, sentence, fault, notes = "HX-Request" in request.headers, "", "", tuple[str, ...]()
    try:
        if said["account"] or live:
            done = enrol.enrol(admin, **said)
            sentence, notes = done.sentence, done.notes
        else:  # the scanner's first Enter, where no script led it to the next field
            sentence = enrol.look(admin, said["mac"], said["model"])
    except BadInput as why:
        fault = str(why)
    if live:
        return page("scan-row.html", said=said, sentence=sentence, fault=fault, notes=notes)
    if fault or not said["account"]:
        return _scan(said, sentence, fault)
    return _scan({"site": said["site"], "model": said["model"]}, sentence, notes=notes)


@pages.post("/phones/many")
@asks(OPERATE)
def ask_many() -> Response:
    """Ask what shall be done to the chosen phones, and show what it would change, for whom and at what cost."""
    return _many()


@pages.post("/phones/many/do")
@asks(OPERATE)
def do_many() -> Response:
    """Do it, where nothing has changed since it was looked at."""
    admin = visitor().admin
    try:
        done = many.carry_out(admin, _chosen(admin), _order(), proofs.means(_PATIENCE, None), request.form.get("version", ""))
    except (BadInput, Outdated) as why:
        return _many(str(why))
    return tell(done, "phones.listed")


@pages.get("/phones/<mac>")
@asks(LOOK)
def one(mac: str) -> Response:
    """Show a phone."""
    return phone.shown(mac)


@pages.post("/phones/<mac>/secrets")
@asks(REVEAL)
def secrets(mac: str) -> Response:
    """Show the address with its token, and the user and password with which a phone proves itself."""
    admin = visitor().admin
    return page("secrets.html", phone=admin.device(mac), **reveals.access(admin, mac))


def _listed(fault: str = "", tried: dict[str, str] | None = None) -> Response:
    admin, said = visitor().admin, {name: request.args.get(name, "").strip() for name in _FILTERS}
    if tried:
        said["state"] = "waiting"
    after = request.args.get("after", "")
    rows = devices.listed(admin, **_filters(said), most=PER_PAGE + 1, after=after)
    if said["state"] == "waiting":
        rows = [row for row in rows if row["mac"] > after and said["search"].casefold() in f"{row['mac']} {row['family']} {row['model']} {row['maker']} {row['address']}".casefold()]
        rows = sorted(rows, key=lambda row: str(row["mac"])) if len(rows) > PER_PAGE else rows
    count = len(rows) if said["state"] == "waiting" or (not after and len(rows) <= PER_PAGE) else devices.count(admin, **_filters(said))
    return page(
        "phones.html", 422 if fault else 200, rows=rows[:PER_PAGE], said=said, more=rows[PER_PAGE - 1]["mac"] if len(rows) > PER_PAGE else "", count=count,
        sites=[site.slug for site in admin.store.sites()], groups=[f"{group.site}/{group.slug}" for group in admin.store.groups()],
        families=devices.families(admin), states=devices.STATES_LISTED, fault=fault, tried={"mac": "", "account": "", "model": "", "site": "", **(tried or {})},
    )  # fmt: skip


def _filters(said: dict[str, str]) -> dict[str, str]:
    """Return the filters as the verbs take them: a group is written SITE/GROUP."""
    site, slash, group = said["group"].partition("/")
    return {**said, "site": site, "group": group} if slash else {**said, "group": ""}


def _scan(said: dict[str, str], sentence: str = "", fault: str = "", notes: tuple[str, ...] = ()) -> Response:
    admin, who = visitor().admin, visitor().operator
    done = [row for row in audit.listed(admin, "line", who=who.name if who else "", limit=_SCANNED) if row["verb"] == "added"]
    known = [f"{family}/{model}" for family, model in sorted(admin.store.devices().tally("family", "model"))]
    return page(
        "scan.html", 422 if fault else 200, said={"mac": "", "account": "", "model": "", "site": "", **said}, sentence=sentence, fault=fault, notes=notes,
        sites=[site.slug for site in admin.store.sites()], models=known, done=done,
    )  # fmt: skip


def _chosen(admin: Admin) -> list[Any]:
    if "every" in request.form:
        said = _filters({name: request.form.get(name, "").strip() for name in _FILTERS})
        return list(many.chosen(admin, None, **said))
    return list(many.chosen(admin, [mac for text in request.form.getlist("mac") for mac in text.split()]))


def _order() -> many.Order:
    said = {name: request.form.get(name, "").strip() for name in _ASKED}
    site, slash, group = said["to_group"].partition("/")
    return many.Order(said["verb"], said["setting"], said["value"], site if slash else said["to_site"], group)


def _many(fault: str = "") -> Response:
    admin, cost, phones = visitor().admin, None, []
    try:
        phones = _chosen(admin)
        if request.form.get("verb"):
            cost = many.preview(admin, phones, _order())
    except (BadInput, Outdated) as why:
        fault = fault or str(why)
    return page(
        "many.html", 422 if fault else 200, phones=phones, macs=" ".join(device.mac for device in phones), cost=cost, fault=fault, said={name: request.form.get(name, "") for name in _ASKED}, shown=_SHOWN,
        version=many.version(admin, phones) if cost else "", settings=[row["name"] for row in dictionary.settings()],
        sites=[site.slug for site in admin.store.sites()], groups=[f"{group.site}/{group.slug}" for group in admin.store.groups()],
    )  # fmt: skip
