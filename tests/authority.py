"""A certificate authority for tests: a root, an intermediate, and certificates that it signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(which: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key, another one for each number."""
    return rsa.generate_private_key(65537, bits)


def pem_of(key: Key, passphrase: bytes = b"") -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase) if passphrase else NoEncryption())


@dataclass(frozen=True)
class Signed:
    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def signed(name: str, key: Key, by: Signed | None, days: tuple[int, int] = (-1, 365), authority: bool = False) -> Signed:
    """Return a certificate for this key; days: from today to its beginning and to its end."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by.key if by else key
    today = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by.certificate.subject if by else subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(today + timedelta(days[0])).not_valid_after(today + timedelta(days[1]))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )  # fmt: skip
    return Signed(builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else SHA256()), key)


@cache
def root() -> Signed:
    return signed("root of the tests", rsa_key(100), None, authority=True)


@cache
def intermediate() -> Signed:
    return signed("intermediate of the tests", rsa_key(101), root(), authority=True)


def issue(folder: Path, key: Key | None = None, days: tuple[int, int] = (-1, 365)) -> tuple[Path, Path]:
    """Write a server's certificate with its intermediate, and its key; return both files. Where they are there, they are replaced as an ACME client does."""
    server = signed("prov.example.com", key or rsa_key(), intermediate(), days)
    files = folder / "fullchain.pem", folder / "privkey.pem"
    for file, content in zip(files, (server.pem + intermediate().pem, pem_of(server.key)), strict=True):
        put(file, content)
    return files


def put(file: Path, content: bytes) -> Path:
    """Write a file that only its owner reads, in one step."""
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o600)
    new.replace(file)
    return file
