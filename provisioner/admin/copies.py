"""What one phone has, given to another one: its settings and its keys, not its accounts."""

from __future__ import annotations

from dataclasses import replace

from provisioner import raw
from provisioner.admin import Admin, Done, did, keys, scopes, words
from provisioner.changes import Transaction
from provisioner.errors import BadValue, Conflict
from provisioner.things import Key


def copy(admin: Admin, mac: str, source: str) -> Done:
    """Say for a phone what another one's own settings and keys say; what the other does not say stays as it is here.

    A key that this phone cannot have, and a parameter of another family, are left out, each with a note.
    """
    target, giver = admin.device(mac), admin.device(source)
    if target.mac == giver.mac:
        raise BadValue(f"{admin.named(target)} has its own settings already; name another phone")
    where, left = scopes.Scope("device", target.mac), list[str]()
    layer = {}
    for name, value in admin.store.layer(giver.scope).items():
        if name.startswith(raw.PREFIX) and not name.startswith(f"{raw.PREFIX}{target.family}."):
            left.append(f"left out: {name}, for this phone is of {target.family}")
        else:
            layer[name] = value
    laid, notes = list[Key](), list[str]()
    for key in admin.store.keys_of(giver.scope):
        own = replace(key, scope=target.scope)
        try:
            notes += keys.fits(admin, where, own, [target])
            laid.append(own)
        except Conflict as why:
            left.append(f"left out: key {keys.place(key)}, for {why}")

    def work(tx: Transaction) -> bool:
        said = tx.say(target.scope, layer) if layer else False
        return any([said, *[tx.put_key(key) for key in laid]])

    changed, more = admin.change(work, [target])
    return did(changed, f"copied {words.count(len(layer), 'setting')} and {words.count(len(laid), 'key')} of {admin.named(giver)} to {admin.named(target)}", (*left, *notes, *more))
