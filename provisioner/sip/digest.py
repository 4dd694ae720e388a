"""Answers to Digest challenges, MD5 and SHA-256 (RFC 7616, RFC 8760)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.credentials import ALGORITHMS, digest, parameters


@dataclass(frozen=True)
class Challenge:
    """What a server asks with."""

    realm: str
    nonce: str
    algorithm: str
    qop: tuple[str, ...]
    opaque: str
    stale: bool

    @property
    def answerable(self) -> bool:
        """True where we know the algorithm, and qop is absent or has auth."""
        return self.algorithm in ALGORITHMS and (not self.qop or "auth" in self.qop)

    def answer(self, method: str, uri: str, user: str, password: str) -> str:
        """Return the value of an Authorization header."""
        count, own = ("00000001", secrets.token_hex(8)) if self.qop else ("", "")
        qop = "auth" if self.qop else ""
        response = digest(password, method, user=user, realm=self.realm, nonce=self.nonce, uri=uri, algorithm=self.algorithm, qop=qop, nc=count, cnonce=own)
        said = [f"username={_quoted(user)}", f"realm={_quoted(self.realm)}", f"nonce={_quoted(self.nonce)}", f"uri={_quoted(uri)}", f'response="{response}"', f"algorithm={self.algorithm}"]
        if qop:
            said += [f"qop={qop}", f"nc={count}", f'cnonce="{own}"']
        if self.opaque:
            said.append(f"opaque={_quoted(self.opaque)}")
        return f"Digest {', '.join(said)}"


def challenges(headers: Sequence[str]) -> list[Challenge]:
    """Return the Digest challenges of a response, in the server's order of preference (RFC 8760, 2.3)."""
    found = []
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        said = dict(parameters(rest)[0])
        if scheme.lower() == "digest" and said.get("nonce") and header.isprintable():
            qop = tuple(word.strip().lower() for word in said.get("qop", "").split(",") if word.strip())
            found.append(Challenge(said.get("realm", ""), said["nonce"], said.get("algorithm", "MD5").upper(), qop, said.get("opaque", ""), said.get("stale", "").lower() == "true"))
    return found


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
