"""A phone's token: the part of its URL that nobody can guess; and its generated passwords.

Both are worked out from the server's key, so the store holds neither: a token from the MAC
and a generation (D10), a password from the MAC and its purpose (F11).
"""

from __future__ import annotations

import hashlib
import hmac
import re

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 characters; no 0, 1, l, o: it is typed on keypads (F17)
LENGTH = 26
_IN_PATH = re.compile(rf"/*p/+([{ALPHABET}]{{{LENGTH}}})(?=/)", re.IGNORECASE)


def token(key: bytes, mac: str, generation: int) -> str:
    """Return the token of a device: 128 bits in 26 characters.

    key: the server's, 32 bytes; generation: raised by `device token --rotate`.
    """
    number = int.from_bytes(_digest(key, f"token:{mac}:{generation}")[:16]) << 2  # 130 bits: 26 times 5
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def same(one: str, other: str) -> bool:
    """Return True where two tokens are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.lower().encode(), other.encode())


def split(path: str) -> tuple[str, str]:
    """Return the token of a path and the path without it; an empty token where there is none.

    >>> split("/p/abcdefghijkmnpqrstuvwxyz23/x.cfg"), split("/x.cfg")
    (('abcdefghijkmnpqrstuvwxyz23', '/x.cfg'), ('', '/x.cfg'))
    """
    slashed = path.replace("\\", "/")
    found = _IN_PATH.match(slashed)
    if not found:
        return "", path
    return found[1].lower(), slashed[found.end() :]


def generated_password(key: bytes, mac: str, purpose: str, alphabet: str, length: int) -> str:
    """Return a password of this alphabet and length: always the same for one phone and purpose."""
    number = int.from_bytes(b"".join(_digest(key, f"password:{purpose}:{mac}:{block}") for block in range(2)))
    characters = []
    for _ in range(length):
        number, place = divmod(number, len(alphabet))
        characters.append(alphabet[place])
    return "".join(characters)


def _digest(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
