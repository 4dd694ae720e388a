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
_IN_PATH = re.compile(rf"(?:(?<=/)|^)p/+([{ALPHABET}]{{{LENGTH}}})/*", re.IGNORECASE | re.ASCII)


def token(key: bytes, mac: str, generation: int) -> str:
    """Return the token of a device: 128 bits in 26 characters.

    key: the server's, 32 bytes; generation: raised by `device token --rotate`.
    """
    number = int.from_bytes(_digest(key, f"token:{mac}:{generation}")[:16]) << 2  # 130 bits: 26 times 5
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def same(one: str, other: str) -> bool:
    """Return True where two tokens are the same, in a time that does not tell where they differ.

    one: as the phone sent it, whatever that is, in either case; other: the one expected.
    """
    return hmac.compare_digest(one.lower().encode(errors="replace"), other.encode())


def split(path: str) -> tuple[str, str]:
    """Return the token of a path and the path without it; an empty token where there is none.

    A proxy may have put a prefix before it, and a phone may forget the slash behind it. Of several
    tokens the first counts, and none of them stays in the path: paths are logged.

    >>> split("/p/abcdefghijkmnpqrstuvwxyz23/x.cfg"), split("/x.cfg")
    (('abcdefghijkmnpqrstuvwxyz23', '/x.cfg'), ('', '/x.cfg'))
    """
    slashed = path.replace("\\", "/")
    found = _IN_PATH.search(slashed)
    if not found:
        return "", path
    rest = slashed
    while (more := _IN_PATH.search(rest)) is not None:  # taking one out may bring its parts together to another
        rest = rest[: more.start()] + rest[more.end() :]
    return found[1].lower(), rest


def generated_password(key: bytes, mac: str, purpose: str, alphabet: str, length: int) -> str:
    """Return a password of this alphabet and length: always the same for one phone and purpose."""
    bits = 128 + length * len(alphabet).bit_length()  # 128 to spare, so that no character is likelier than another
    blocks = max(2, -(-bits // 256))
    number = int.from_bytes(b"".join(_digest(key, f"password:{purpose}:{mac}:{block}") for block in range(blocks)))
    characters = []
    for _ in range(length):
        number, place = divmod(number, len(alphabet))
        characters.append(alphabet[place])
    return "".join(characters)


def _digest(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
