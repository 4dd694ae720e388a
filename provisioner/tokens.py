"""A phone's token: the part of its URL that nobody can guess; and its generated passwords.

Both are worked out from the server's key, so the store holds neither: a token from the MAC
and a generation (D10), a password from the MAC and its purpose (F11).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from provisioner.errors import StoreTrouble

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 characters; no 0, 1, l, o: it is typed on keypads (F17)
LENGTH = 26
_IN_PATH = re.compile(rf"(?:(?<=/)|^)p/+([{ALPHABET}]{{{LENGTH}}})/*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Heard:
    """A server's key that remembers what was worked out of it, for a `Lent`."""

    key: bytes = field(repr=False)
    digests: dict[str, bytes] = field(default_factory=dict, repr=False)

    def digest(self, text: str) -> bytes:
        """Return what the key makes of a text."""
        return self.digests.setdefault(text, _digest(self.key, text))


@dataclass(frozen=True)
class Lent:
    """What another server's key makes for some phones, without the key: it opens nothing of any other phone.

    digests: by text; chance: 32 bytes, from which comes what nobody shall be right with.
    """

    macs: Collection[str]
    digests: Mapping[str, bytes] = field(repr=False)
    chance: bytes = field(repr=False)

    def digest(self, text: str) -> bytes:
        """Return what the other server's key makes of a text, for one of these phones; raises StoreTrouble where that was not lent."""
        if text in self.digests:
            return self.digests[text]
        if any(part in self.macs for part in text.split(":")):
            raise StoreTrouble("the bundle lacks a secret of this phone, so it was made by another release; make it again with this one")
        return _digest(self.chance, text)


Key = bytes | Heard | Lent  # what tokens and passwords are worked out of: the server's key, 32 bytes, or what stands in for it


def token(key: Key, mac: str, generation: int) -> str:
    """Return the token of a device: 128 bits in 26 characters.

    generation: raised by `device token --rotate`.
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


def generated_password(key: Key, mac: str, purpose: str, alphabet: str, length: int) -> str:
    """Return a password of this alphabet and length: always the same for one phone and purpose."""
    bits = 128 + length * len(alphabet).bit_length()  # 128 to spare, so that no character is likelier than another
    blocks = max(2, -(-bits // 256))
    number = int.from_bytes(b"".join(_digest(key, f"password:{purpose}:{mac}:{block}") for block in range(blocks)))
    characters = []
    for _ in range(length):
        number, place = divmod(number, len(alphabet))
        characters.append(alphabet[place])
    return "".join(characters)


def _digest(key: Key, text: str) -> bytes:
    if not isinstance(key, bytes):
        return key.digest(text)
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
