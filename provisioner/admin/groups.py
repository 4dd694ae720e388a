"""Groups: phones of one role within a site, with settings and keys in common."""

from __future__ import annotations

from typing import Any

from provisioner.admin import Admin, Done, did, scopes, words
from provisioner.errors import BadValue
from provisioner.things import Group


def add(admin: Admin, name: str) -> Done:
    """Add the group SITE/GROUP to its site."""
    site, slash, slug = name.partition("/")
    if not slash:
        raise BadValue(f"{name!r} is no group; write SITE/GROUP, such as hq/reception")
    group = Group(scopes.site(admin, site), slug)
    changed, _ = admin.change(lambda tx: tx.put_group(group))
    return did(changed, f"added group {slug} to site {site}")


def remove(admin: Admin, name: str) -> Done:
    """Remove a group; its phones stay in the site."""
    group = scopes.group(admin, name)
    phones = admin.store.devices(site=group.site, group=group.slug)
    count = len(phones)
    changed, notes = admin.change(lambda tx: tx.remove_group(group), phones)
    return did(changed, f"removed group {group.slug} from site {group.site}; {words.count(count, 'phone')} no longer in it", notes)


def listed(admin: Admin, site: str = "") -> list[dict[str, Any]]:
    """Return the groups of a site, or all."""
    if site:
        scopes.site(admin, site)
    counts = admin.store.devices(site=site).tally("site", "grp")
    return [{"group": f"{group.site}/{group.slug}", "site": group.site, "phones": counts[group.site, group.slug]} for group in admin.store.groups(site)]


def shown(admin: Admin, name: str) -> dict[str, Any]:
    """Return a group with its phones, settings and keys."""
    group = scopes.group(admin, name)
    return {
        "group": f"{group.site}/{group.slug}",
        "site": group.site,
        "phones": [device.mac for device in admin.store.devices(site=group.site, group=group.slug)],
        "settings": words.layer(admin.store.layer(group.scope)),
        "keys": [words.facts(key) for key in admin.store.keys_of(group.scope)],
    }
