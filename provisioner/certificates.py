"""The certificate with which phones are met over HTTPS: read from its files, checked, and read again when they change.

What was found right is kept in memory, key and all, and handed to the workers as files that have no
place on a disk. So a certificate that is broken while the server runs changes nothing, not even for a
worker that is started anew, and the server keeps its key also where it has become a user who may not read it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from provisioner.errors import BadConfig

SOON = timedelta(days=14)  # so long before its end we begin to speak of it
_LEAST_BITS = 2048
_CURVES = ("secp256r1", "secp384r1")
_KEYS = f"RSA of {_LEAST_BITS} bits or more, or EC on P-256 or P-384"


@dataclass(frozen=True)
class Certificate:
    """A server's certificate that fits its key; chain and key are PEM, the chain with all its intermediates."""

    file: Path
    chain: bytes
    key: bytes = field(repr=False)
    begins: datetime
    ends: datetime
    notes: tuple[str, ...]

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Return what an admin should know of it; now: UTC."""
        return (*_of_time(self.file, self.begins, self.ends, now), *self.notes)


def read(file: Path, key_file: Path) -> Certificate:
    """Return the certificate of two files of PEM, which may be the same one.

    Raises BadConfig with file and cure: missing, unreadable, not PEM, encrypted, of a kind that
    cannot be served, or a key that does not fit.
    """
    chain = _chain(file)
    key = _key(key_file)
    mine = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fits = [one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == mine for one in chain]
    if not any(fits):
        raise BadConfig(f"tls_key: the key in {key_file} does not fit the certificate in {file}; name the key that this certificate was made with")
    if not fits[0]:
        raise BadConfig(f"tls_certificate: {file} begins with another certificate than the server's own; put the server's first, its intermediates behind it")
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(file, pem, secret, chain[0].not_valid_before_utc, chain[0].not_valid_after_utc, tuple(_notes(file, key_file, chain, key)))


def dates(file: Path, now: datetime) -> tuple[str, ...]:
    """Return what is wrong with the time of a certificate, or soon will be; its key is not read. Raises BadConfig."""
    chain = _chain(file)
    return tuple(_of_time(file, chain[0].not_valid_before_utc, chain[0].not_valid_after_utc, now))


def _bytes(option: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise BadConfig(f"{option}: there is no file {file}; correct the name, or put it there") from None
    except OSError as why:
        raise BadConfig(f"{option}: {file} cannot be read ({why.strerror}); let the user that the server runs as read it") from None


def _chain(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_bytes("tls_certificate", file))
    except ValueError:
        raise BadConfig(f"tls_certificate: {file} holds no certificate in PEM, or a broken one; it begins with -----BEGIN CERTIFICATE-----") from None


_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def _key(file: Path) -> _Key:
    try:
        key = load_pem_private_key(_bytes("tls_key", file), None)
    except TypeError:
        raise BadConfig(f"tls_key: the key in {file} is locked with a passphrase; `openssl pkey -in {file} -out NEW` writes it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadConfig(f"tls_key: {file} holds no private key in PEM, or a broken one; it has a line -----BEGIN PRIVATE KEY-----") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    raise BadConfig(f"tls_key: the key in {file} is of a kind that is not served here; make one that is {_KEYS}")


def _of_time(file: Path, begins: datetime, ends: datetime, now: datetime) -> Iterator[str]:
    if now < begins:
        yield f"tls_certificate: {file} counts only from {begins:%Y-%m-%d %H:%M} UTC on; is this machine's clock right?"
    elif now >= ends:
        yield f"tls_certificate: {file} has expired on {ends:%Y-%m-%d}; phones that check it no longer fetch anything. Renew it"
    elif now >= ends - SOON:
        yield f"tls_certificate: {file} expires on {ends:%Y-%m-%d}; renew it"


def _notes(file: Path, key_file: Path, chain: list[x509.Certificate], key: _Key) -> Iterator[str]:
    for n, (one, issuer) in enumerate(zip(chain, chain[1:], strict=False), 2):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            yield f"tls_certificate: certificate {n} in {file} has not signed the one before it; put each issuer right behind the certificate that it signed"
            return
    if len(chain) == 1 and chain[0].issuer != chain[0].subject:
        yield f"tls_certificate: {file} has no intermediate certificates, and phones do not fetch them; append them, unless a root signed it that the phones have"
    if not isinstance(key, rsa.RSAPrivateKey):
        yield f"tls_key: the key in {key_file} is no RSA key; many phones of before 2018 know no other"
    if key_file.stat().st_mode & 0o004:
        yield f"tls_key: everybody on this machine can read {key_file}; `chmod o= {key_file}`"


class Keeper:
    """Holds the certificate in use, in files without a place on a disk, which all processes started from here can open."""

    def __init__(self, file: Path, key_file: Path) -> None:
        """Read the certificate; raises BadConfig."""
        self._files = (file, key_file)
        self._seen = self._state()
        self.certificate = read(file, key_file)
        self._held = self._hold()
        self.trouble = ""

    @property
    def names(self) -> tuple[str, str]:
        """The names under which certificate and key can be opened, here and in every process that is forked from here."""
        chain, key = self._held
        return f"/proc/self/fd/{chain}", f"/proc/self/fd/{key}"

    def changed(self) -> bool:
        """Return True where the files are others than when they were read, or could not be used then."""
        return bool(self.trouble) or self._state() != self._seen

    def renew(self) -> bool:
        """Read the files again; return True where another certificate is in use now.

        Where they cannot be used, `trouble` says why, and the one in use stays: an ACME client may
        just have put the certificate, and not yet its key.
        """
        self._seen = self._state()
        try:
            found = read(*self._files)
        except BadConfig as why:
            self.trouble = str(why)
            return False
        self.trouble = ""
        if (found.chain, found.key) == (self.certificate.chain, self.certificate.key):
            return False
        self.certificate = found
        self.close()
        self._held = self._hold()
        return True

    def close(self) -> None:
        """Let go of what is held; processes that have it keep it."""
        for held in self._held:
            os.close(held)

    def _hold(self) -> tuple[int, int]:
        chain, key = (_in_memory(content) for content in (self.certificate.chain, self.certificate.key))
        return chain, key

    def _state(self) -> tuple[object, ...]:
        return tuple(_state(file) for file in self._files)


def _in_memory(content: bytes) -> int:
    fd = os.memfd_create("certificate")
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    return fd


def _state(file: Path) -> object:
    try:
        found = file.stat()
    except OSError as why:
        return why.errno
    return found.st_mtime_ns, found.st_size, found.st_ino

