"""One phone: its facts, lines, keys, settings and files, what it asked for, what was changed; and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from provisioner.admin import (
    Admin,
    Done,
    audit,
    copies,
    devices,
    enrol,
    events,
    files,
    handouts,
    keys,
    lines,
    notices,
    proofs,
    reveals,
    settings,
    swaps,
)
from provisioner.console import picture
from provisioner.console.pages import asks, page, tell
from provisioner.console.visitor import visitor
from provisioner.errors import BadInput, BadValue, Outdated, ProvisionerError, Unreached
from provisioner.guide import key_word
from provisioner.rights import CHANGE, LOOK, OPERATE, REVEAL
from provisioner.things import Device

pages = Blueprint("phone", __name__)
_FACTS = ("name", "location", "site", "group", "asset_tag", "serial", "notes", "lines", "keys", "modules")
_TYPED = ("account", "line", "new", "model", "source")  # what else the page has fields for
_COUNTS = ("lines", "keys", "modules")
_PATIENCE = 8.0  # seconds that a phone may be silent
_EVENTS, _CHANGES = 20, 15  # on the phone's own page
_MORE_EVENTS, _MORE_CHANGES = 200, 50  # on a page of their own
_KEYS = 30  # of one page
_SETTINGS = 100
_SAID = ("defaults", "family:", "model:", "site:", "group:", "device:", "account ", "line ")  # whose words are an operator's
_LONGEST = 120_000  # characters of a file that are shown
_STATES: Mapping[str, Callable[[Admin, str], Done]] = {"approve": devices.approve, "block": devices.block, "retire": devices.retire}
_MEDIA = {"pdf": "application/pdf", "html": "text/html; charset=utf-8"}


def shown(mac: str, why: ProvisionerError | None = None) -> Response:
    """Show a phone; why: what was wrong with what was typed, which then stays in its form."""
    admin = visitor().admin
    device = admin.device(mac)
    known = devices.shown(admin, device)
    rows = keys.layout(admin, device.mac) if admin.model_of(device) else []
    stated = {name: getattr(device, name) for name in _FACTS} | {"group": _group(device), "as_model": f"{device.family}/{device.model}"}
    return page(
        "phone.html", _status(why), phone=known, named=admin.named(device), version=devices.version(admin, device.mac), fault=str(why or ""),
        said={**dict.fromkeys(_TYPED, ""), **{name: "" if value is None else value for name, value in stated.items()}, **(request.form if why else {})},
        drawing=picture.drawn([row for row in rows if not row["module"]][:_KEYS], _word) if rows else None,
        events=events.latest(admin, device.mac, _EVENTS)[::-1], changes=audit.of_phone(admin, device.mac, _CHANGES),
        sites=[site.slug for site in admin.store.sites()], groups=[f"{group.site}/{group.slug}" for group in admin.store.groups()],
    )  # fmt: skip


@pages.post("/phones/<mac>/change")
@asks(CHANGE)
def change(mac: str) -> Response:
    """Change the facts that were typed otherwise."""
    admin = _still(mac)
    before = admin.device(mac)
    said: dict[str, Any] = {name: request.form[name].strip().replace("\r\n", "\n") for name in _FACTS if name in request.form}
    site, _, group = (chosen := said.pop("group", _group(before))).partition("/")
    if chosen != _group(before):
        said |= {"site": site, "group": group} if site else {"group": ""}
    model = request.form.get("as_model", "").strip()
    facts = {name: value for name, value in said.items() if value != ("" if getattr(before, name) is None else str(getattr(before, name)))}
    return _after(mac, lambda: devices.change(admin, mac, {name: _number(name, value) if name in _COUNTS and value else value for name, value in facts.items()}, model if model != f"{before.family}/{before.model}" else ""))


@pages.post("/phones/<mac>/lines")
@asks(CHANGE)
def assign(mac: str) -> Response:
    """Put an account on a line: the first free one where none is said."""
    admin, line = _still(mac), request.form.get("line", "").strip()
    return _after(mac, lambda: lines.assign(admin, mac, enrol.known(admin, request.form.get("account", "")), _number("line", line) if line else 0, "replace" in request.form))


@pages.post("/phones/<mac>/lines/remove")
@asks(CHANGE)
def unassign(mac: str) -> Response:
    """Take an account off its line."""
    admin = _still(mac)
    return _after(mac, lambda: lines.unassign(admin, mac, _number("line", request.form.get("line", ""))))


@pages.post("/phones/<mac>/state")
@asks(CHANGE)
def state(mac: str) -> Response:
    """Approve, block or retire the phone."""
    admin, verb = _still(mac), _STATES.get(request.form.get("verb", ""))
    if verb is None:
        raise BadValue("that is nothing that is done to a phone; there are approve, block and retire")
    return _after(mac, lambda: verb(admin, mac))


@pages.post("/phones/<mac>/remove")
@asks(CHANGE)
def remove(mac: str) -> Response:
    """Remove the phone from the inventory."""
    try:
        done = devices.remove(_still(mac), mac)
    except (BadInput, Outdated) as why:
        return shown(mac, why)
    return tell(done, "phones.listed")


@pages.post("/phones/<mac>/ring")
@asks(OPERATE)
def ring(mac: str) -> Response:
    """Ask the phone to read its files, or to restart."""
    admin, verb = visitor().admin, request.form.get("verb", "")
    if verb not in notices.VERBS:
        raise BadValue("that is nothing that a phone is asked to do; there are resync and reboot")
    return _after(mac, lambda: notices.ask(admin, mac, verb, proofs.means(_PATIENCE, None)))


@pages.post("/phones/<mac>/replace")
@asks(CHANGE)
def replace(mac: str) -> Response:
    """Show what a new phone would take over, then have it take it over."""
    admin, said = _still(mac), {name: request.form.get(name, "").strip() for name in ("new", "model")}
    try:
        swap = swaps.plan(admin, mac, **said)
        done = swaps.carry_out(admin, swap, dry="really" not in request.form)
    except (BadInput, Outdated) as why:
        return shown(mac, why)
    if "really" in request.form:
        return tell(done, "phones.one", mac=swap.new.mac)
    return page("phone-replace.html", mac=swap.old.mac, said=said, steps=list(swap.diff()), done=done, version=request.form.get("version", ""))


@pages.post("/phones/<mac>/copy")
@asks(CHANGE)
def copy(mac: str) -> Response:
    """Give the phone the settings and keys of another one."""
    admin = _still(mac)
    return _after(mac, lambda: copies.copy(admin, mac, request.form.get("source", "").strip()))


@pages.post("/phones/<mac>/undo")
@asks(OPERATE)
def undo(mac: str) -> Response:
    """Take back a change, and all that was changed with it."""
    admin = visitor().admin
    return _after(mac, lambda: audit.undo(admin, _number("change", request.form.get("change", ""))))


@pages.get("/phones/<mac>/keys")
@asks(LOOK)
def keys_shown(mac: str) -> Response:
    """Show the picture of the keys, and the form that says what they do."""
    return _keys(mac)


@pages.post("/phones/<mac>/keys")
@asks(OPERATE)
def keys_laid(mac: str) -> Response:
    """Set the keys as they stand in the form, those that were moved at their new places."""
    admin, module = _still(mac), _number("module", request.form.get("module", "0"))
    try:
        done = keys.lay(admin, f"device:{mac}", [_row(at) for at in request.form.getlist("at")], module)
    except (BadInput, Outdated) as why:
        return _keys(mac, why)
    return tell(done, "phone.keys_shown", mac=mac, module=module or None, part=request.args.get("part"))


@pages.get("/phones/<mac>/settings")
@asks(LOOK)
def settings_shown(mac: str) -> Response:
    """Show every setting, its value and whose word it is; at first those that somebody said."""
    admin = visitor().admin
    device = admin.device(mac)
    search, after, every = (request.args.get(name, "").strip() for name in ("search", "after", "every"))
    line = _line()
    rows = [row for row in files.explain_all(admin, mac, line) if row["setting"] > after and (search.casefold() in row["setting"] if search else every or row["said_by"].startswith(_SAID))]
    rows.sort(key=lambda row: str(row["setting"]))
    return page(
        "phone-settings.html", phone=devices.shown(admin, device), named=admin.named(device), rows=rows[:_SETTINGS], search=search, every=every, line=line,
        more=rows[_SETTINGS - 1]["setting"] if len(rows) > _SETTINGS else "", lacking=files.not_taken(admin, mac),
    )  # fmt: skip


@pages.get("/phones/<mac>/settings/<name>")
@asks(LOOK)
def setting(mac: str, name: str) -> Response:
    """Show what every layer says of one setting, the lines of the files that it became, and a form to say otherwise here."""
    return _setting(mac, name)


@pages.post("/phones/<mac>/settings/<name>")
@asks(CHANGE)
def say(mac: str, name: str) -> Response:
    """Say a setting for this phone or one of its lines, or take it back."""
    admin, line = _still(mac), _line()
    scope = f"line:{mac}/{line}" if line else f"device:{mac}"
    try:
        done = settings.unsay(admin, scope, [name]) if "unsay" in request.form else settings.say(admin, scope, {name: request.form.get("value", "")})
    except (BadInput, Outdated) as why:
        return _setting(mac, name, why)
    return tell(done, "phone.setting", mac=mac, name=name, line=line or None)


@pages.get("/phones/<mac>/files")
@asks(LOOK)
def files_shown(mac: str) -> Response:
    """Show a file as the phone will get it, secrets masked, and how it differs from what it was before a change."""
    admin = visitor().admin
    device = admin.device(mac)
    name, number = request.args.get("name", ""), request.args.get("before", "")
    name, text = files.preview(admin, mac, name)
    lines, fault = list[str](), ""
    if number:
        try:
            lines = files.difference(admin, mac, name, _number("change", number))
        except BadInput as why:
            fault = str(why)
    return _files(device.mac, name, text, number=number, difference=lines, fault=fault)


@pages.post("/phones/<mac>/files/secrets")
@asks(REVEAL)
def files_revealed(mac: str) -> Response:
    """Show a file with its secrets, which is kept on record."""
    admin, name = visitor().admin, request.form.get("name", "")
    return _files(admin.device(mac).mac, name, reveals.file(admin, mac, name), revealed=True)


@pages.post("/phones/<mac>/export")
@asks(REVEAL)
def export(mac: str) -> Response:
    """Give all files of the phone, with their secrets, in a ZIP; it is kept on record."""
    admin = visitor().admin
    device = admin.device(mac)
    return Response(reveals.packed(admin, mac), content_type="application/zip", headers={"Content-Disposition": f"attachment; filename={device.mac}.zip"})


@pages.get("/phones/<mac>/handout.<any(pdf,html):kind>")
@asks(LOOK)
def handout(mac: str, kind: str) -> Response:
    """Give the phone's sheet of paper, without secrets, in the reader's language."""
    admin = visitor().admin
    device = admin.device(mac)
    body, _ = handouts.made(admin, [device.mac], kind, visitor().say.tag)
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'none'; sandbox"} if kind == "html" else {}
    return Response(body, content_type=_MEDIA[kind], headers={"Content-Disposition": f"inline; filename={device.mac}.{kind}", **policy})


@pages.get("/phones/<mac>/boots")
@asks(LOOK)
def boots(mac: str) -> Response:
    """Show what the phone asked for: each request, each answer, each reason."""
    admin = visitor().admin
    device = admin.device(mac)
    return page("phone-boots.html", phone=devices.shown(admin, device), named=admin.named(device), events=events.latest(admin, device.mac, _MORE_EVENTS)[::-1])


@pages.get("/phones/<mac>/history")
@asks(LOOK)
def history(mac: str) -> Response:
    """Show what was changed of the phone, so many changes at a time."""
    admin = visitor().admin
    device = admin.device(mac)
    below = request.args.get("below", "")
    rows = audit.of_phone(admin, mac, _MORE_CHANGES + 1, _number("change", below) if below else 0)
    return page(
        "phone-history.html", phone=devices.shown(admin, device), named=admin.named(device), changes=rows[:_MORE_CHANGES],
        more=rows[_MORE_CHANGES - 1]["id"] if len(rows) > _MORE_CHANGES else 0,
    )  # fmt: skip


def _still(mac: str) -> Admin:
    """Return the admin who writes only where the phone is still as the form's page showed it."""
    admin, say, seen = visitor().admin, visitor().say, request.form.get("version", "")

    def unless() -> None:
        if seen != devices.version(admin, mac):
            raise Outdated(say("Somebody else has changed this phone since you opened it. What you typed is still here: look at what is new, and send it again if it shall be so."))

    return admin.provided(unless) if seen else admin


def _after(mac: str, verb: Callable[[], Done]) -> Response:
    """Do something with a phone and show it again, with what was done or what is wrong."""
    try:
        done = verb()
    except (BadInput, Outdated, Unreached) as why:
        return shown(mac, why)
    return tell(done, "phones.one", mac=mac)


def _status(why: ProvisionerError | None) -> int:
    return 200 if why is None else 409 if isinstance(why, Outdated) else 502 if isinstance(why, Unreached) else 422


def _number(name: str, text: str) -> int:
    """Return a number that was typed; raises BadValue."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadValue(f"{name}: {text[:20]!r} is no number; write digits alone")
    return int(text)


def _group(device: Device) -> str:
    return f"{device.site}/{device.group}" if device.group else ""


def _line() -> int:
    """Return whose settings are meant: of this line, or 0 for the phone."""
    return _number("line", request.args.get("line", "") or "0")


def _word(type: str) -> str:
    return key_word(visitor().say, type)


def _typed(at: str) -> dict[str, str]:
    return {name: request.form.get(f"{name}-{at}", "").strip() for name in ("to", "type", "value", "label", "line")}


def _row(at: str) -> keys.Row:
    said = _typed(at)
    return keys.Row(_number("position", at), _number("position", said["to"] or at), said["type"], said["value"], said["label"], _number("line", said["line"] or "0"))


def _keys(mac: str, why: ProvisionerError | None = None) -> Response:
    admin = visitor().admin
    device = admin.device(mac)
    module, part = (_number(name, request.values.get(name, "") or "0") for name in ("module", "part"))
    every = keys.layout(admin, mac)
    there = [row for row in every if row["module"] == module]
    rows = there[part * _KEYS : (part + 1) * _KEYS]
    said = {row["n"]: {"to": row["n"], "type": "", "value": "", "label": "", "line": 0, **(row["own"] or {}), **(_typed(str(row["n"])) if why and f"type-{row['n']}" in request.form else {})} for row in rows}
    return page(
        "phone-keys.html", _status(why), phone=devices.shown(admin, device), named=admin.named(device), version=devices.version(admin, device.mac), fault=str(why or ""),
        rows=rows, said=said, drawing=picture.drawn(rows, _word), types=[(name, _word(name)) for name in keys.types(admin, mac)], module=module, part=part,
        modules=sorted({row["module"] for row in every}), parts=range(-(-len(there) // _KEYS)), size=_KEYS,
    )  # fmt: skip


def _setting(mac: str, name: str, why: ProvisionerError | None = None) -> Response:
    admin = visitor().admin
    device = admin.device(mac)
    line = _line()
    found = files.explain(admin, mac, name, line)
    lines, more = files.shorten(found.lines)
    own = admin.store.layer(f"line:{device.mac}/{line}" if line else device.scope)
    return page(
        "phone-setting.html", _status(why), phone=devices.shown(admin, device), named=admin.named(device), version=devices.version(admin, device.mac), fault=str(why or ""),
        line=line, known=files.explanation(found), row=found.setting, lines=lines, more=more, said_here=found.setting.name in own, typed=request.form.get("value", "") if why else None,
        choices=getattr(found.setting.kind, "words", ()),
    )  # fmt: skip


def _files(mac: str, name: str, text: str, **more: Any) -> Response:
    admin = visitor().admin
    device = admin.device(mac)
    values = {"number": "", "difference": [], "fault": "", "revealed": False, **more}
    return page(
        "phone-files.html", phone=devices.shown(admin, device), named=admin.named(device), names=files.names(admin, mac), name=name, text=text[:_LONGEST], cut=len(text) > _LONGEST,
        fetched=files.fetched(admin, mac), changes=[row for row in audit.of_phone(admin, mac, _CHANGES) if row["can_undo"]], **values,
    )  # fmt: skip
