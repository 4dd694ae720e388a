"""Who is at the door, from the words of HTTP: whose session, from where, over what; and whether the ask was made by our own page.

Pages and API use it alike. A cookie alone never changes anything: an ask that does must come from our own
pages, by what the browser says of its origin, and carry the token of its session, which only those pages know.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

from flask import Request, Response, g, request

from provisioner.admin import Admin, sessions
from provisioner.language import Language
from provisioner.people import Operator, Session
from provisioner.rights import Rights
from provisioner.web.asked import Network, asked

SAFE = ("GET", "HEAD", "OPTIONS")
TOKEN_FIELD, TOKEN_HEADER = "csrf", "X-CSRF-Token"


@dataclass(frozen=True)
class Place:
    """Where an ask comes from. address: of the visitor; secure: over TLS, here or at a trusted proxy."""

    address: str
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; a browser takes the prefix over TLS alone, and then lets no other host set it."""
        return "__Host-provisioner" if self.secure else "provisioner"


@dataclass(frozen=True)
class Visitor:
    """Who asks. operator: None where nobody has signed in. admin: the verbs, in his name and with his rights."""

    admin: Admin
    place: Place
    say: Language
    operator: Operator | None = None
    session: Session | None = None
    token: str = field(default="", repr=False)


def visitor() -> Visitor:
    """Return who makes the ask that is being answered."""
    found: Visitor = g.visitor
    return found


def place(environ: WSGIEnvironment, trusted: Sequence[Network]) -> Place:
    """Return where an ask comes from."""
    said = asked(environ, trusted)
    return Place(said.address or str(environ.get("REMOTE_ADDR", "")), said.wire == "https")


def by_session(admin: Admin, here: Place, door: str, keeps: bool = True) -> Visitor:
    """Return who asks by the cookie of this ask, or somebody unknown. keeps: it counts as use of the session."""
    secret = request.cookies.get(here.cookie, "")
    found = sessions.signed_in(admin, secret, keeps) if secret else None
    if found is None:
        return Visitor(admin, here, Language(request.accept_languages.best_match(("en", "pt")) or "en"))
    operator, session = found
    rights = Rights(operator.role, operator.sites, operator.name)
    return Visitor(admin.acting(operator.name, door, rights), here, Language(operator.language), operator, session, token_of(secret))


def token_of(secret: str) -> str:
    """Return the token of a session's forms: worked out of its cookie, which no page can read."""
    return hmac.new(secret.encode(), b"forms", hashlib.sha256).hexdigest()


def is_foreign(asked: Request, trusted_host: str) -> bool:
    """Return True where a browser says that another site made this ask."""
    fetched = asked.headers.get("Sec-Fetch-Site", "")
    if fetched and fetched not in ("same-origin", "none"):
        return True
    said = asked.headers.get("Origin") or asked.headers.get("Referer", "")
    return bool(said) and urlsplit(said).netloc.casefold() != trusted_host.casefold()


def has_token(asked: Request, here: Visitor) -> bool:
    """Return True where an ask carries the token of its session; where nobody has signed in there is none to carry."""
    said = asked.headers.get(TOKEN_HEADER) or asked.form.get(TOKEN_FIELD, "")
    return here.session is None or hmac.compare_digest(said.encode(), here.token.encode())


def is_known_host(host: str, names: Sequence[str]) -> bool:
    """Return True for an address, localhost, or one of our names: no name that others can point at us (DNS rebinding).

    >>> is_known_host("[::1]:8090", ()), is_known_host("localhost", ()), is_known_host("evil.example:8090", ("phones.example.com",))
    (True, True, False)
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", *(one.casefold() for one in names)):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def let_in(answer: Response, secret: str, here: Place) -> Response:
    """Give a browser the cookie of its session."""
    answer.set_cookie(here.cookie, secret, secure=here.secure, httponly=True, samesite="Lax", path="/")
    return answer


def let_out(answer: Response, here: Place) -> Response:
    """Take the cookie back."""
    answer.delete_cookie(here.cookie, secure=here.secure, httponly=True, samesite="Lax", path="/")
    return answer
