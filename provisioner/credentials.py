"""How a phone proves itself with a user name and a password: HTTP Basic (RFC 7617) and Digest (RFC 7616).

The user is the phone's MAC, and the password is worked out of the server's key and the generation of
its token, so the store holds neither, and a new token brings a new password.

Digest is taken with MD5 and SHA-256, with qop `auth` and without (RFC 2069, as many old phones send it),
and is good for one file: what was overheard opens no other. With qop it is good once. Without, it can be
repeated for that file until its nonce ends, five minutes at the most: there is nothing in it to count.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from provisioner import tokens
from provisioner.nonces import Nonces

REALM = "provisioner"  # the same for all, so that it tells nothing
PASSWORD_LENGTH = 20  # of 32 characters: 100 bits, since Digest over an open wire can be tried at leisure
_LONGEST = 2048  # characters of a header; a phone's has some three hundred
ALGORITHMS: Mapping[str, Callable[[bytes], hashlib._Hash]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_PARAMETER = re.compile(r'\s*([A-Za-z0-9_*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_NEEDED = ("username", "realm", "nonce", "uri", "response")


@dataclass(frozen=True)
class Proof:
    """What became of an Authorization header.

    fits:     it is this phone's own.
    sentence: why it is not, for the event; empty where nothing was sent.
    stale:    the password is right, and a new nonce will do.
    """

    fits: bool = False
    sentence: str = ""
    stale: bool = False


NOTHING_SENT = Proof()


@dataclass(frozen=True)
class _Basic:
    user: str
    proof: str = field(repr=False)


@dataclass(frozen=True)
class _Digest:
    user: str
    realm: str
    nonce: str
    uri: str = field(repr=False)  # a token may be in it
    response: str
    algorithm: str
    qop: str
    nc: str
    cnonce: str

    @property
    def proof(self) -> str:
        return self.response.lower()

    def expected(self, method: str, password: str) -> str:
        return digest(
            password, method, user=self.user, realm=self.realm, nonce=self.nonce, uri=self.uri, algorithm=self.algorithm, qop=self.qop, nc=self.nc, cnonce=self.cnonce
        )


def password_of(key: tokens.Key, mac: str, generation: int) -> str:
    """Return the password that a device proves itself with; key: the server's."""
    return tokens.generated_password(key, mac, f"provisioning:{generation}", tokens.ALPHABET, PASSWORD_LENGTH)


def challenges(way: str, secure: bool, nonce: str, stale: bool = False) -> tuple[str, ...]:
    """Return the WWW-Authenticate headers of a site's way, MD5 first: old phones read no further.

    way: one of things.PASSWORDS but off; secure: over TLS. With passwords of this length MD5 is no weaker here.
    """
    digests = tuple(
        f'Digest realm="{REALM}", nonce="{nonce}", algorithm={name}, qop="auth"{", stale=true" if stale else ""}' for name in ALGORITHMS
    )
    return (*digests, f'Basic realm="{REALM}", charset="UTF-8"') if _basic_counts(way, secure) else digests


def check(header: str, way: str, secure: bool, method: str, path: str, user: str, password: str, nonces: Nonces) -> Proof:
    """Return whether an Authorization header proves that a phone is this user.

    way:      of the phone's site, one of things.PASSWORDS; off is as if nothing were sent. secure: over TLS.
    method:   as it was asked. path: what was asked, decoded, the token taken out of it.
    user:     whose password it is; where there is no such phone, a dummy for the same work (D12).
    """
    if not header:
        return NOTHING_SENT
    said = _read(header)
    if isinstance(said, str):
        return Proof(sentence=said)
    expected = password if isinstance(said, _Basic) else said.expected(method, password)
    right = hmac.compare_digest(said.proof.encode(), expected.encode())
    if way == "off":
        return NOTHING_SENT
    if isinstance(said, _Basic) and not _basic_counts(way, secure):
        return Proof(sentence="it sent its password by Basic, which its site does not take over this wire, where anybody on the way can read it")
    if not right or said.user.lower() != user:
        return Proof(sentence=_WRONG[right, said.user.lower() == user])
    return Proof(fits=True) if isinstance(said, _Basic) else _judged(said, path, nonces)


_WRONG = {
    (True, False): "its password is right, but its user name is not: that is the MAC, twelve lower-case hex digits",
    (False, True): "its password is wrong or no longer valid",
    (False, False): "its user name and password are not its own",
}


def _basic_counts(way: str, secure: bool) -> bool:
    return way == "basic-over-http" or (way == "basic" and secure)


def _judged(said: _Digest, path: str, nonces: Nonces) -> Proof:
    """Return whether a Digest that was made with the right password is meant for this request."""
    if said.realm != REALM:
        return Proof(sentence=f"its password is meant for another realm than {REALM!r}")
    if not _same_file(said.uri, path):
        return Proof(sentence="its Digest is for another file than the one it asks for")
    age = nonces.judge(said.nonce)
    if age != "fresh":
        return Proof(sentence=_OLD[age], stale=True)
    if said.qop and nonces.used(said.nonce, int(said.nc, 16)):
        return Proof(sentence=f"its Digest was used before (replayed, nonce count {said.nc}); it gets a new nonce", stale=True)
    return Proof(fits=True)


_OLD = {"stale": "its nonce is stale, older than five minutes; it gets a new one", "foreign": "its nonce is foreign, not made by this server; it gets a new one"}


def digest(password: str, method: str, *, user: str, realm: str, nonce: str, uri: str, algorithm: str = "MD5", qop: str = "", nc: str = "", cnonce: str = "") -> str:
    """Return the response to a Digest challenge, by RFC 7616, 3.4.1, without qop by RFC 2069, 2.1.2."""

    def hashed(*parts: str) -> str:
        return ALGORITHMS[algorithm](":".join(parts).encode()).hexdigest()

    who, what = hashed(user, realm, password), hashed(method, uri)
    return hashed(who, nonce, nc, cnonce, qop, what) if qop else hashed(who, nonce, what)


def parameters(text: str) -> tuple[list[tuple[str, str]], str]:
    """Return the parameters behind the word Digest, names in lower case, and what could not be read.

    >>> parameters('realm="a, b", qop=auth')
    ([('realm', 'a, b'), ('qop', 'auth')], '')
    """
    pairs, at = [], 0
    while at < len(text) and (found := _PARAMETER.match(text, at)):
        pairs.append((found[1].lower(), re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]))
        at = found.end()
    return pairs, text[at:].strip()


def _same_file(uri: str, path: str) -> bool:
    """Return True where a Digest's uri names this path: a proxy may have taken a prefix away, and a phone may leave the query out."""
    try:
        said = tokens.split(unquote(urlsplit(uri).path if "://" in uri else uri.partition("?")[0]))[1].replace("\\", "/").strip("/")
    except ValueError:
        return False
    asked = path.replace("\\", "/").strip("/")
    return said == asked or said.endswith(f"/{asked}")


def _read(header: str) -> _Basic | _Digest | str:
    """Return what an Authorization header says, or why it cannot be used."""
    scheme, _, rest = header.strip().partition(" ")
    if len(header) > _LONGEST:
        return f"its Authorization header has {len(header)} characters; the most is {_LONGEST}"
    if scheme.lower() == "basic":
        return _read_basic(rest)
    if scheme.lower() == "digest":
        return _read_digest(rest)
    return "its Authorization header is neither Basic nor Digest"


def _read_basic(text: str) -> _Basic | str:
    try:
        whole = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        return "its Basic header is not base64"
    try:
        pair = whole.decode()
    except UnicodeDecodeError:
        pair = whole.decode("latin-1")
    user, colon, password = pair.partition(":")
    return _Basic(user, password) if colon else "its Basic header has no colon between user and password"


def _read_digest(text: str) -> _Digest | str:
    said: dict[str, str] = {}
    pairs, rest = parameters(text)
    for name, value in pairs:
        if name in said:
            return f"its Digest header says {name} twice"
        said[name] = value
    missing = [name for name in _NEEDED if not said.get(name)]
    if rest or missing:
        return f"its Digest header has no {missing[0]}" if missing else "its Digest header cannot be read"
    algorithm = said.get("algorithm", "MD5").upper()
    if algorithm not in ALGORITHMS:
        return f"its Digest uses {algorithm[:32]!r}; MD5 and SHA-256 are taken"
    if said.get("qop", "").lower() not in ("", "auth"):
        return f"its Digest uses qop {said['qop'][:32]!r}; only auth is taken"
    if said.get("qop") and not (re.fullmatch("[0-9A-Fa-f]{8}", said.get("nc", "")) and said.get("cnonce")):
        return "its Digest uses qop, but has no nc of eight digits, or no cnonce"
    if said.get("userhash", "").lower() == "true":
        return "its Digest hides the user name, which was not offered"
    user, realm, nonce, uri, response = (said[name] for name in _NEEDED)
    return _Digest(user, realm, nonce, uri, response, algorithm, said.get("qop", ""), said.get("nc", ""), said.get("cnonce", ""))
