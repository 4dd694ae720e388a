"""Bytes sealed with a passphrase, for what leaves the server: AES-256-GCM under a key that scrypt makes of it.

Not age: its library measures how much work it asks for, up to a gigabyte of memory, and a server has other things to do. Here it is always
64 MB and some tenths of a second. Version 1: the line `provisioner sealed 1`, 16 bytes of salt, 12 of nonce, then what AES-GCM gives
(body and tag), the line being bound to it. Source: RFC 7914 (scrypt, N 2^16, r 8, p 2); NIST SP 800-38D.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from provisioner.errors import BadValue

_HEAD = b"provisioner sealed 1\n"
_SALT, _NONCE = 16, 12
SHORT = 16  # characters, below which somebody may guess it


def sealed(body: bytes, passphrase: str) -> bytes:
    """Return bytes sealed with a passphrase, other ones each time."""
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return _HEAD + salt + nonce + AESGCM(_key(salt, passphrase)).encrypt(nonce, body, _HEAD)


def unsealed(raw: bytes, passphrase: str, name: str) -> bytes:
    """Return what was sealed; raises BadValue where it is nothing sealed, or with another passphrase. name: of the file, for sentences."""
    if not raw.startswith(b"provisioner sealed "):
        raise BadValue(f"{name} is nothing that a server sealed; make it again")
    if not raw.startswith(_HEAD):
        raise BadValue(f"{name} was sealed in a newer way; use the server that wrote it, or a newer one")
    salt, nonce, rest = raw[len(_HEAD) :][:_SALT], raw[len(_HEAD) + _SALT :][:_NONCE], raw[len(_HEAD) + _SALT + _NONCE :]
    try:
        return AESGCM(_key(salt, passphrase)).decrypt(nonce, rest, _HEAD)
    except (InvalidTag, ValueError):
        raise BadValue(f"{name} does not open with this passphrase; give the one that it was made with") from None


def doubts(passphrase: str) -> list[str]:
    """Return a sentence where a passphrase is one that a machine could find."""
    if len(passphrase) >= SHORT:
        return []
    return [f"the passphrase has {len(passphrase)} characters; a stick that is lost can be tried out for years, so take {SHORT} or more"]


def _key(salt: bytes, passphrase: str) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**16, r=8, p=2).derive(passphrase.encode())
