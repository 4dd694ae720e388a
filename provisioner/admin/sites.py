"""Sites: where phones stand, what their networks may have, and under which URL they find us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from provisioner.admin import SAME, Admin, Done, did, scopes, words
from provisioner.errors import Conflict, NotHere, nearest
from provisioner.things import Network, Site


def add(admin: Admin, slug: str, facts: Mapping[str, Any], networks: tuple[str, ...] = ()) -> Done:
    """Add a site; facts: fields of Site that were said; networks: those whose phones belong to it."""
    site = Site(slug, networks=tuple(Network(one) for one in networks), **facts)
    here = admin.store.site(slug)
    if here and all(getattr(here, name) == getattr(site, name) for name in facts) and set(site.networks) <= set(here.networks):
        return Done(SAME, changed=False)
    if here:
        raise Conflict(f"site {slug} is there already; `provisioner site change {slug}` changes it")
    changed, _ = admin.change(lambda tx: tx.put_site(site))
    return did(changed, f"added site {slug}", (*_notes(site), *_password_notes(admin, site)))


def change(admin: Admin, slug: str, facts: Mapping[str, Any]) -> Done:
    """Change the facts that were said; the site's phones are tried first."""
    before = one(admin, slug)
    after = replace(before, **facts)
    what = ", ".join(name.replace("_", " ") for name in facts if getattr(after, name) != getattr(before, name))
    changed, notes = admin.change(lambda tx: tx.put_site(after), admin.store.devices(site=slug))
    more = _password_notes(admin, after) if "passwords" in facts else ()
    return did(changed, f"changed {what} of site {slug}", (*notes, *((*_notes(after), *more) if changed else ())))


def remove(admin: Admin, slug: str) -> Done:
    """Remove a site that has no phones."""
    one(admin, slug)
    changed, _ = admin.change(lambda tx: tx.remove_site(slug))
    return did(changed, f"removed site {slug}")


def one(admin: Admin, slug: str) -> Site:
    """Return the site; raises NotHere with the nearest one."""
    scopes.site(admin, slug)
    site = admin.store.site(slug)
    if site is None:
        raise NotHere(f"there is no site {slug!r}")
    return site


def add_network(admin: Admin, slug: str, network: str, mac_is_enough: bool | None = None, tftp_serves_secrets: bool | None = None) -> Done:
    """Add a network to a site, or change what its phones may have; what is not said is off for a new one (D11)."""
    site, bare = one(admin, slug), Network(network)
    known = next((entry for entry in site.networks if entry.network == bare.network), bare)
    entry = Network(
        bare.network,
        known.mac_is_enough if mac_is_enough is None else mac_is_enough,
        known.tftp_serves_secrets if tftp_serves_secrets is None else tftp_serves_secrets,
    )
    rest = tuple(other for other in site.networks if other.network != entry.network)
    changed, _ = admin.change(lambda tx: tx.put_site(replace(site, networks=(*rest, entry))))
    verb = "changed" if len(rest) < len(site.networks) else "added"
    return did(changed, f"{verb} network {entry.network} of site {slug}: {allowed(entry)}", _notes(one(admin, slug)) if changed else ())


def allowed(entry: Network) -> str:
    """Return in words what phones of a network may have."""
    return ", ".join((
        "a MAC is enough" if entry.mac_is_enough else "phones need their token",
        "TFTP may carry secrets" if entry.tftp_serves_secrets else "no secrets over TFTP",
    ))  # fmt: skip


def remove_network(admin: Admin, slug: str, network: str) -> Done:
    """Take a network from a site; raises NotHere with those that it has."""
    site, gone = one(admin, slug), Network(network).network
    rest = tuple(entry for entry in site.networks if entry.network != gone)
    if len(rest) == len(site.networks):
        known = [entry.network for entry in site.networks]
        raise NotHere(f"site {slug} has no network {gone}{nearest(gone, known)}; it has {', '.join(known) or 'none'}")
    changed, _ = admin.change(lambda tx: tx.put_site(replace(site, networks=rest)))
    return did(changed, f"took network {gone} from site {slug}")


def _notes(site: Site) -> tuple[str, ...]:
    notes = []
    if not site.public_url and not site.tftp_public_url:
        notes.append(f"site {site.slug} has no public URL, which its phones' files need; `provisioner site change {site.slug} --public-url http://HOST:8080`")
    elif only_here(site):
        notes.append(f"the public URL of site {site.slug} is this machine's loopback, which phones elsewhere cannot reach; `provisioner site change {site.slug} --public-url http://HOST:8080`")
    return tuple(notes)


def _password_notes(admin: Admin, site: Site) -> tuple[str, ...]:
    notes = []
    default = admin.store.site("default")
    if site.asks_passwords and default and not default.asks_passwords:
        notes.append(
            f"a phone is asked for its password where its address is in a network of site {site.slug}; from elsewhere only once the default site asks too:"
            f" `provisioner site change default --passwords {site.passwords}`"
        )
    if site.passwords == "basic" and site.public_url.startswith("http:"):
        notes.append(f"Basic is taken over HTTPS alone, and the public URL of site {site.slug} is an http:// one; over it phones are asked for Digest")
    if site.passwords == "basic-over-http":
        notes.append(f"with Basic over HTTP anybody on the way can read the passwords of site {site.slug}'s phones; `digest` keeps them")
    return tuple(notes)


def only_here(site: Site) -> bool:
    """Return True where phones of other machines belong to the site, and its URL is a loopback one."""
    elsewhere = any(not entry.network.startswith(("127.", "::1")) for entry in site.networks)
    return elsewhere and any(is_loopback(url) for url in (site.public_url, site.tftp_public_url))


def is_loopback(url: str) -> bool:
    """Return True for a URL that only this machine can reach."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def shown(admin: Admin, site: Site) -> dict[str, Any]:
    """Return all that is known of a site."""
    return {
        **words.facts(replace(site, networks=())),
        "networks": [words.facts(entry) for entry in site.networks],
        "groups": [group.slug for group in admin.store.groups(site.slug)],
        "phones": len(admin.store.devices(site=site.slug)),
        "settings": words.layer(admin.store.layer(site.scope)),
    }


def try_here(admin: Admin, http_port: int, tftp_port: int) -> bool:
    """Give the default site, where nobody gave it a URL, the loopback one of this server: for a first look (D13)."""
    site = admin.store.site("default")
    if site is None or site.public_url or site.tftp_public_url:
        return False
    http = f"http://127.0.0.1:{http_port}" if http_port else ""
    tftp = f"tftp://127.0.0.1:{tftp_port}" if tftp_port else ""
    changed, _ = admin.change(lambda tx: tx.put_site(replace(site, public_url=http, tftp_public_url=tftp)))
    return changed
