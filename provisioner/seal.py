"""Secrets at rest: sealed with AES-256-GCM, each to its place in the database (D19).

The key lies in a file of its own beside the state, mode 0600; it is never in the database
nor in its backups. A sealed text that is moved to another row does not open.
"""

from __future__ import annotations

import base64
import os
import stat
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from provisioner.errors import StoreTrouble


class Seal:
    """Holds the server's key; repr shows nothing of it."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes."""
        if len(key) != 32:
            raise StoreTrouble(f"the server's key has {len(key)} bytes instead of 32; restore server.key from where you keep it")
        self._key = key
        self._cipher = AESGCM(self.derive("seal"))

    def __repr__(self) -> str:
        """Return nothing of the key."""
        return "Seal()"

    @classmethod
    def at(cls, path: Path) -> Seal:
        """Return the seal of a key file, which is made where it is missing; raises StoreTrouble as `key_of` does."""
        return cls(key_of(path))

    def seal(self, text: str, place: str) -> str:
        """Return the text sealed to a place, 'table:row:column'."""
        return base64.b64encode(self.seal_bytes(text.encode(), place)).decode()

    def open(self, sealed: str, place: str) -> str:
        """Return the text; raises StoreTrouble where it was sealed to another place or with another key."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except ValueError:
            raw = b""  # no seal at all: opens with nothing
        return self.open_bytes(raw, place).decode()

    def seal_bytes(self, body: bytes, place: str) -> bytes:
        """Return bytes sealed to a place."""
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, body, place.encode())

    def open_bytes(self, sealed: bytes, place: str) -> bytes:
        """Return the bytes; raises StoreTrouble where they were sealed to another place or with another key."""
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], place.encode())
        except (InvalidTag, ValueError):
            raise StoreTrouble(f"the secret at {place} does not open with this server.key; put back the key that belongs to this database") from None

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose, from which the key cannot be worked out (RFC 5869, 2.3)."""
        return HKDFExpand(SHA256(), 32, purpose.encode()).derive(self._key)


def key_of(path: Path) -> bytes:
    """Return the 32 bytes of a key file, which is made where it is missing.

    Raises StoreTrouble where others may read the file, or where it cannot be read or made.
    """
    try:
        if not path.exists():
            _make(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise StoreTrouble(f"{path} can be read by others (mode {mode:04o}); chmod 600 {path}")
        key = path.read_bytes()
    except OSError as fault:
        raise StoreTrouble(f"{path}: the key cannot be read or made ({fault.strerror}); check the folder's owner and the disk") from None
    if len(key) != 32:
        raise StoreTrouble(f"{path} has {len(key)} bytes instead of 32; put back the key from where you keep it")
    return key


def _make(path: Path) -> None:
    """Make a key file that is whole from the moment it is there; where two make it at once, one of them wins."""
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        os.unlink(fresh)
