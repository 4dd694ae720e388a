"""Devices: the inventory of phones, and the waiting list beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from provisioner.admin import SAME, Admin, Done, did, events, scopes, words
from provisioner.admit import is_over
from provisioner.context import SiteUrls
from provisioner.errors import BadValue, Conflict, NotHere, UnknownName
from provisioner.families import Family, Model
from provisioner.mac import parse, pretty
from provisioner.rights import REVEAL
from provisioner.things import STATES, Device

STATES_LISTED = ("waiting", *STATES)
_TAKEN_AWAY: Mapping[str, Any] = {"site": "default", "lines": None, "keys": None, "modules": 0}  # what an empty fact becomes; others stay empty


def add(admin: Admin, mac: str, model: str, facts: Mapping[str, Any]) -> Done:
    """Add a phone; facts: fields of Device that were said. Raises BadMAC, BadValue, UnknownName, NotHere, Conflict."""
    facts = _facts(facts)
    device = made(admin, mac, model, facts)
    here = admin.store.device(device.mac)
    if here and replace(here, family=device.family, model=device.model, **{name: getattr(device, name) for name in facts}) == here:
        return Done(SAME, changed=False)
    if here:
        raise Conflict(f"phone {admin.named(here)} is there already with other facts; `provisioner device change {device.mac}` changes them")
    changed, _ = admin.change(lambda tx: tx.put_device(device))
    return did(changed, f"added {admin.named(device)} to site {device.site}", [*doubts(admin, device), *trouble(admin, device)])


def made(admin: Admin, mac: str, model: str, facts: Mapping[str, Any]) -> Device:
    """Return a new phone with the facts that were said, its site and group being there."""
    family, known = admin.catalog.model(model)
    return Device(mac, family.slug, known.name, **_in_site(admin, _facts(facts)))


def doubts(admin: Admin, device: Device) -> list[str]:
    """Return what to look at in a phone that is new: whose MAC it has, and counts that nobody knows."""
    found = admin.model_of(device)
    return [*_oui_note(admin, device, found[0]), *_count_notes(found[1], device)] if found else []


def _facts(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with what an empty one stands for."""
    return {name: _TAKEN_AWAY.get(name, value) if value == "" else value for name, value in said.items()}


def _in_site(admin: Admin, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts whose site and group are there; a group may be written SITE/GROUP."""
    known = dict(facts)
    group = str(known.get("group", ""))
    if "/" in group:
        found = scopes.group(admin, group)
        if known.setdefault("site", found.site) != found.site:
            raise BadValue(f"group {group} is not in site {known['site']}; name one of its own groups")
        known["group"] = found.slug
    scopes.site(admin, known.get("site", "default"))
    return known


def _oui_note(admin: Admin, device: Device, family: Family) -> list[str]:
    owners = [one for one in admin.catalog.families.values() if device.mac[:6] in one.ouis]
    if not owners or family in owners:
        return []
    return [f"the MAC's first half belongs to {' and '.join(dict.fromkeys(one.name for one in owners))}, not to {family.name}; check the label, or change the model"]


def _count_notes(model: Model, device: Device) -> list[str]:
    if model.lines is None and device.lines is None:
        return [f"how many lines a {model.name} has is not known here; `provisioner device change {device.mac} --lines N` says it"]
    return []


def trouble(admin: Admin, device: Device) -> list[str]:
    """Return what the phone would meet now, as a note: it can be mended before the phone is plugged in."""
    return [f"it gets no file yet: {why}" for why in admin.troubles([device]).values()]


def change(admin: Admin, mac: str, facts: Mapping[str, Any], model: str = "") -> Done:
    """Change the facts that were said, an empty one taking what was said away; its files are tried first. Lines and keys stay."""
    before = admin.device(mac)
    after = changed_by(admin, before, facts, model)
    what = ", ".join(name for name in dict.fromkeys((*facts, "family", "model", "group")) if getattr(after, name) != getattr(before, name)).replace("_", " ")
    changed, notes = admin.change(lambda tx: tx.put_device(after), [before])
    return did(changed, f"changed {what} of {admin.named(after)}", notes)


def changed_by(admin: Admin, before: Device, facts: Mapping[str, Any], model: str = "") -> Device:
    """Return the phone with the facts that were said; its group goes with its site, and its lines must still be there."""
    known = _facts(facts)
    family = admin.model_of(before)
    if model:
        found = family = admin.catalog.model(model)
        known |= {"family": found[0].slug, "model": found[1].name}
    if "site" in known and known["site"] != before.site and "group" not in known:
        known["group"] = ""
    if "group" in known and "/" not in str(known["group"]) and "site" not in known:
        known["site"] = before.site
    after = replace(before, **_in_site(admin, {"site": before.site, **known}))
    if family and after != before:
        _lines_fit(admin, after, family[1])
    return after


def _lines_fit(admin: Admin, device: Device, model: Model) -> None:
    """Raise Conflict where the phone has accounts on lines that it would no longer have (F24)."""
    count = device.lines if device.lines is not None else model.lines if model.sure else None
    beyond = [line.n for line in admin.store.lines_of(device.mac) if count is not None and line.n > count]
    if beyond:
        raise Conflict(f"line {beyond[-1]} has an account, and {admin.named(device)} would have {words.count(count or 0, 'line')}; `provisioner unassign {device.mac} --line {beyond[-1]}` first")


def _registered(admin: Admin, device: Device) -> tuple[str, ...]:
    lines = len(admin.store.lines_of(device.mac))
    if not lines:
        return ()
    return (f"what it fetched before stays in it: {words.count(lines, 'line')} may stay registered until the phone is reset, or the SIP passwords are changed; `provisioner device retire {device.mac}` takes them out of a phone that still asks",)


def remove(admin: Admin, mac: str) -> Done:
    """Remove a phone with its lines, keys and settings."""
    device = admin.device(mac)
    notes = _registered(admin, device)
    changed, _ = admin.change(lambda tx: tx.remove_device(device.mac))
    return did(changed, f"removed {admin.named(device)} from site {device.site}", notes)


def block(admin: Admin, mac: str) -> Done:
    """Give a phone nothing any more; what it has it keeps."""
    device = admin.device(mac)
    changed, _ = admin.change(lambda tx: tx.put_device(replace(device, state="blocked")))
    return did(changed, f"blocked {admin.named(device)}", _registered(admin, device) if changed else ())


RETIRE_DAYS = 30


def retiring(admin: Admin, device: Device, days: int = RETIRE_DAYS) -> Device:
    """Return the phone as one whose next files take its accounts out of it, for at most so many days."""
    return replace(device, state="retiring", serves_until=(admin.store.now() + timedelta(days=days)).isoformat(timespec="seconds"))


def retire(admin: Admin, mac: str, days: int = RETIRE_DAYS) -> Done:
    """Have a phone's next files take its accounts, its phone book and its keys out of it; what is stored here stays until it is removed.

    It gets nothing more an hour after it has fetched the first of them, or after so many days (F21).
    """
    device = admin.device(mac)
    if device.state == "retiring":
        return Done(SAME, changed=False)
    after = retiring(admin, device, days)
    changed, notes = admin.change(lambda tx: tx.put_device(after), [after])
    if not changed:
        return Done(SAME, changed=False)
    then = f"an hour after it has fetched them (`provisioner events`), or after {words.count(days, 'day')}, it gets nothing more: then `provisioner device remove {device.mac}`; `provisioner device approve {device.mac}` keeps it"
    return did(True, f"{admin.named(device)} is retiring: the files that it fetches next have no accounts and no keys", (*notes, then))


def approve(admin: Admin, mac: str, model: str = "", facts: Mapping[str, Any] | None = None) -> Done:
    """Let a waiting phone in, or a blocked one in again.

    model: FAMILY/MODEL, needed where the phone did not say which it is.
    """
    wanted = parse(mac)
    device = admin.store.device(wanted)
    if device:
        changed, _ = admin.change(lambda tx: tx.put_device(replace(device, state="approved")))
        return did(changed, f"approved {admin.named(device)}")
    said, where = arriving(admin, wanted, model)
    done = add(admin, wanted, model or said, {**where, **(facts or {})})
    return replace(done, sentence=done.sentence.replace("added", "approved", 1))


def arriving(admin: Admin, mac: str, model: str = "") -> tuple[str, dict[str, str]]:
    """Return FAMILY/MODEL of a phone that nobody added, and the site and firmware that it showed when it asked.

    model: what it is taken for where it did not say. Raises NotHere where it never asked and nobody says what it is, UnknownName where only that is missing.
    """
    waits = next((one for one in events.waiting(admin) if one["mac"] == mac), None)
    if waits is None and not model:
        raise NotHere(f"phone {pretty(mac)} is neither waiting nor in the inventory; add it with `provisioner device add {mac} --model FAMILY/MODEL`")
    said = f"{waits['family']}/{waits['model']}" if waits and waits["family"] and waits["model"] else model
    if not said:
        could = " or ".join(waits["candidates"]) if waits else ""
        raise UnknownName(
            f"phone {pretty(mac)} did not say which model it is{f' ({could})' if could else ''};"
            f" `provisioner device approve {mac} --model {waits['family'] or 'FAMILY' if waits else 'FAMILY'}/MODEL`"
        )
    return said, {"site": str(waits["site"]), "firmware": str(waits["firmware"])} if waits else {}


def token(admin: Admin, mac: str, rotate: bool = False) -> tuple[list[str], Done]:
    """Return the URLs under which this phone asks, the one to type first; `rotate` makes the old ones worthless."""
    device = admin.device(mac)
    admin.rights.need(REVEAL, device.site)
    found = admin.model_of(device)
    if found is None:
        raise NotHere(f"the family {device.family} cannot be used; `provisioner check` says why")
    if rotate:
        with admin.writing() as tx:
            tx.rotate_token(device.mac)
        device = admin.device(mac)
    site = admin.store.site(device.site)
    bases = [base for base in (site.public_url, site.tftp_public_url) if base] if site else []
    if not bases:  # raises the sentence with the cure
        str(SiteUrls(found[0], "", device.site).provisioning)
    path = f"p/{admin.booter.expected_token(device)}/"
    done = Done(f"the token of {admin.named(device)} is a new one; give the phone its new URL" if rotate else "", changed=rotate)
    return [f"{base}/{path}" for base in bases], done


def credentials(admin: Admin, mac: str) -> tuple[dict[str, str], Done]:
    """Return user and password with which this phone proves itself over HTTP; a new token brings a new password."""
    device = admin.device(mac)
    admin.rights.need(REVEAL, device.site)
    site = admin.store.site(device.site)
    asks = site is not None and site.asks_passwords
    note = f"they count for nothing yet: site {device.site} takes no passwords; `provisioner site change {device.site} --passwords digest`"
    return {"user": device.mac, "password": admin.booter.password_of(device)}, Done("", changed=False, notes=() if asks else (note,))


def count(admin: Admin, state: str = "", site: str = "", search: str = "", family: str = "", group: str = "") -> int:
    """Return how many phones `listed` has altogether."""
    return len(listed(admin, state, site)) if state == "waiting" else len(admin.store.devices(site=site, state=state, search=search, family=family, group=group))


def families(admin: Admin) -> list[str]:
    """Return the families that there are phones of."""
    return [family for (family,) in sorted(admin.store.devices().tally("family"))]


def listed(admin: Admin, state: str = "", site: str = "", search: str = "", most: int = 0, after: str = "", family: str = "", group: str = "") -> list[dict[str, Any]]:
    """Return the phones by MAC, one row each; state waiting: those that asked and that nobody added, all of them.

    most: how many, 0 is all; after: the MAC behind which they begin.
    """
    if state == "waiting":
        return [row for row in events.waiting(admin) if site in ("", row["site"])]
    found = admin.store.devices(site=site, state=state, search=search, family=family, group=group).page(most or -1, parse(after) if after else "")
    seen = events.last_seen(admin, found)
    return [
        {
            "mac": device.mac, "vendor": _brand(admin, device), "family": device.family, "model": device.model, "site": device.site, "group": device.group,
            "state": state_of(admin, device), "name": device.name, "lines": [{"line": line.n, "account": line.sip_address} for line in admin.store.lines_of(device.mac)],
            "last_seen_at": seen[device.mac][0] or None, "last_address": seen[device.mac][1] or None,
        }
        for device in found
    ]  # fmt: skip


def state_of(admin: Admin, device: Device) -> str:
    """Return a phone's state; `retired` for one that has had its last files."""
    return "retired" if is_over(device, admin.store.now().isoformat(timespec="seconds")) else device.state


def _brand(admin: Admin, device: Device) -> str | None:
    found = admin.model_of(device)
    return found[1].brand if found else None


def version(admin: Admin, mac: str) -> str:
    """Return what is another one whenever anything that was said of a phone is: its revision, and the number of its own last change."""
    device = admin.device(mac)
    last = admin.whole.changes(1, "device", device.mac)
    return f"{device.revision}-{last[0].id if last else 0}"


def shown(admin: Admin, device: Device) -> dict[str, Any]:
    """Return all that is known of a phone, secrets masked."""
    found = admin.model_of(device)
    known = words.facts(device)
    known["last_seen_at"], known["last_address"] = events.last_seen(admin, [device])[device.mac]
    for name, count in (("lines", "line_count"), ("keys", "key_count")):
        stated = known.pop(name)
        known[count] = stated if stated is not None else getattr(found[1], name) if found else None
    known["vendor"] = _brand(admin, device)
    known["state"] = state_of(admin, device)
    known["lines"] = [{"line": line.n, "account": line.sip_address, "settings": words.layer(admin.store.layer(line.scope))} for line in admin.store.lines_of(device.mac)]
    known["keys"] = [words.facts(key) for key in admin.store.keys_of(device.scope)]
    known["settings"] = words.layer(admin.store.layer(device.scope))
    known["files"] = [name for name, _ in admin.booter.files_of(device.mac)] if found else []
    known["trouble"] = next(iter(admin.troubles([device]).values()), None)
    return known
