"""HTTPS for phones: the certificate's files and what is wrong with them, and the door as openssl, curl and Python meet it."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from provisioner import certificates
from provisioner.certificates import Keeper
from provisioner.config import load
from provisioner.errors import BadConfig
from provisioner.eventstore import EventStore
from provisioner.server import health
from tests import authority, test_server
from tests.authority import issue, pem_of, put, rsa_key
from tests.test_server import MAC, Server, furnish, serving, until

TODAY = datetime.now(UTC)


def fault_of(certificate: Path, key: Path) -> str:
    with pytest.raises(BadConfig) as fault:
        certificates.read(certificate, key)
    return str(fault.value)


def warned(certificate: Path, key: Path) -> tuple[str, ...]:
    return certificates.read(certificate, key).warnings(TODAY)


def test_a_good_certificate_is_read_with_its_intermediates_and_no_complaint(tmp_path: Path) -> None:
    found = certificates.read(*issue(tmp_path))

    assert found.chain.count(b"BEGIN CERTIFICATE") == 2 and found.warnings(TODAY) == ()
    assert "PRIVATE" not in repr(found)


def test_certificate_and_key_may_lie_in_one_file(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    both = put(tmp_path / "both.pem", certificate.read_bytes() + key.read_bytes())

    assert certificates.read(both, both).key == certificates.read(certificate, key).key


def test_each_fault_names_its_file_and_the_cure(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    empty, other = put(tmp_path / "empty.pem", b""), put(tmp_path / "other.pem", pem_of(rsa_key(1)))
    locked = put(tmp_path / "locked.pem", pem_of(rsa_key(), b"passphrase"))
    turned = put(tmp_path / "turned.pem", authority.intermediate().pem + certificate.read_bytes())
    broken = put(tmp_path / "broken.pem", certificate.read_bytes().replace(b"MII", b"!!!"))

    for files, words in {
        (tmp_path / "none.pem", key): ("tls_certificate", "there is no file", "none.pem"),
        (certificate, tmp_path / "none.pem"): ("tls_key", "there is no file", "none.pem"),
        (tmp_path, key): ("tls_certificate", "cannot be read", "Is a directory"),
        (empty, key): ("tls_certificate", "empty.pem", "-----BEGIN CERTIFICATE-----"),
        (broken, key): ("tls_certificate", "broken.pem", "broken one"),
        (key, certificate): ("tls_certificate", "privkey.pem", "no certificate"),
        (certificate, certificate): ("tls_key", "fullchain.pem", "-----BEGIN PRIVATE KEY-----"),
        (certificate, locked): ("tls_key", "locked.pem", "openssl pkey -in"),
        (certificate, other): ("tls_key", "other.pem", "does not fit"),
        (turned, key): ("tls_certificate", "turned.pem", "put the server's first"),
    }.items():
        sentence = fault_of(*files)
        assert all(word in sentence for word in words), sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    key.chmod(0)

    assert "let the user that the server runs as read it" in fault_of(certificate, key)


@pytest.mark.parametrize("key", [rsa_key(2, 1024), ec.generate_private_key(ec.SECP521R1()), ec.generate_private_key(ec.SECP256K1())])
def test_a_key_that_could_not_be_served_is_refused_before_a_phone_meets_it(tmp_path: Path, key: authority.Key) -> None:
    assert "of a kind that is not served here; make one that is RSA" in fault_of(*issue(tmp_path, key))


def test_what_phones_will_stumble_over_is_a_warning(tmp_path: Path) -> None:
    server = authority.signed("prov.example.com", rsa_key(), authority.intermediate())
    alone = put(tmp_path / "alone.pem", server.pem)
    wrong = put(tmp_path / "wrong.pem", server.pem + authority.root().pem)
    certificate, key = issue(tmp_path)

    assert "no intermediate certificates" in warned(alone, key)[0]
    assert "has not signed the one before it" in warned(wrong, key)[0]
    assert "counts only from" in warned(*issue(tmp_path, days=(2, 365)))[0]
    assert "has expired on" in warned(*issue(tmp_path, days=(-9, -1)))[0]
    assert "expires on" in warned(*issue(tmp_path, days=(-9, 13)))[0]
    assert warned(*issue(tmp_path, days=(-9, 15))) == ()
    assert "no RSA key" in warned(*issue(tmp_path, ec.generate_private_key(ec.SECP256R1())))[0]
    issue(tmp_path)
    key.chmod(0o644)
    assert "chmod o=" in warned(certificate, key)[0]


def test_files_that_change_are_seen_and_a_broken_one_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    keeper = Keeper(certificate, key)
    first = Path(keeper.names[0]).read_bytes()
    assert not keeper.changed()

    put(key, pem_of(rsa_key(1)))  # the first of two files that an ACME client replaces
    assert keeper.changed() and not keeper.renew()
    assert "does not fit" in keeper.trouble and keeper.changed()
    assert Path(keeper.names[0]).read_bytes() == first and Path(keeper.names[1]).read_bytes() == pem_of(rsa_key())

    issue(tmp_path, rsa_key(1))
    assert keeper.renew() and not keeper.trouble and not keeper.changed()
    assert Path(keeper.names[0]).read_bytes() == certificate.read_bytes() != first
    assert Path(keeper.names[1]).read_bytes() == pem_of(rsa_key(1))

    certificate.unlink()
    assert keeper.changed() and not keeper.renew() and "there is no file" in keeper.trouble
    keeper.close()


def test_the_same_certificate_once_more_is_no_other_one(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path)
    keeper = Keeper(certificate, key)
    put(certificate, certificate.read_bytes())

    assert keeper.changed() and not keeper.renew() and not keeper.changed()
    keeper.close()


# The door.


@pytest.fixture
def state(tmp_path: Path) -> Path:
    furnish(tmp_path / "state", mac_is_enough=True)
    return tmp_path / "state"


def options(certificate: Path, key: Path) -> dict[str, str]:
    return {"PROVISIONER_HTTPS_ADDRESS": "127.0.0.1:0", "PROVISIONER_TLS_CERTIFICATE": str(certificate), "PROVISIONER_TLS_KEY": str(key)}


@pytest.fixture
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server look at its certificate's files often enough for a test."""
    monkeypatch.setattr(test_server, "PROGRAM", "from provisioner import server\nserver.LOOK_EVERY = 0.2\n" + test_server.PROGRAM)


def trusting(folder: Path) -> ssl.SSLContext:
    """Return a client that knows the root alone, so that it needs the intermediate from the server."""
    return ssl.create_default_context(cafile=put(folder / "root.pem", authority.root().pem))


def got(port: int, context: ssl.SSLContext, name: str | None = "127.0.0.1") -> tuple[bytes, bytes]:
    """Return the phone's file, and the certificate that the server showed."""
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain, server_hostname=name) as sock:
        sock.sendall(f"GET /{MAC}.cfg HTTP/1.0\r\n\r\n".encode())
        whole = b""
        while piece := sock.recv(65536):
            whole += piece
        head, _, body = whole.partition(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")), head
        return body, sock.getpeercert(binary_form=True) or b""


def s_client(port: int, *more: str) -> str:
    found = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *more], input="", capture_output=True, text=True, timeout=20, check=False
    )
    return found.stdout + found.stderr


def test_phones_meet_tls_1_2_and_1_3_with_the_whole_chain_and_without_a_server_name(state: Path, tmp_path: Path) -> None:
    with serving(state, **options(*issue(tmp_path))) as server:
        port, root = server.port("https"), str(put(tmp_path / "root.pem", authority.root().pem))
        for version, protocol in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            said = s_client(port, version, "-noservername", "-showcerts", "-CAfile", root)
            assert protocol in said and said.count("BEGIN CERTIFICATE") == 2 and "Verify return code: 0 (ok)" in said, said
        for version in ("-tls1", "-tls1_1"):
            assert "BEGIN CERTIFICATE" not in s_client(port, version, "-cipher", "DEFAULT@SECLEVEL=0")
        plain = server.get(f"/{MAC}.cfg")
        assert got(port, trusting(tmp_path))[0] == plain
        curl = subprocess.run(["curl", "-sS", "--cacert", root, f"https://127.0.0.1:{port}/{MAC}.cfg"], capture_output=True, check=True, timeout=20)
        assert curl.stdout == plain and b"s3cret" in plain
        assert [part for part, well, _ in health(server.config) if not well] == [] and "https" in {part for part, *_ in health(server.config)}
        assert server.stop() == 0
    assert sorted(event.wire for event in EventStore.open(state).events(MAC)) == ["http", "https", "https"]


def test_a_server_may_speak_https_alone(state: Path, tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, ed25519.Ed25519PrivateKey.generate())
    with serving(state, **options(certificate, key), PROVISIONER_HTTP_ADDRESS="", PROVISIONER_TFTP_ADDRESS="") as server:
        assert b"s3cret" in got(server.port("https"), trusting(tmp_path))[0]
        assert server.child("http") == 0


def test_a_certificate_that_cannot_be_used_stops_the_start_with_its_sentence(state: Path, tmp_path: Path) -> None:
    certificate, _ = issue(tmp_path)
    with serving(state, **options(certificate, tmp_path / "none.pem")) as server:
        assert server.process.wait(30) == 1
        assert server.process.stderr and "error: tls_key: there is no file" in server.process.stderr.read()


def test_https_without_a_certificate_is_a_slip_that_is_named() -> None:
    with pytest.raises(BadConfig, match="https_address is on, and tls_certificate is empty"):
        load(environ={"PROVISIONER_HTTPS_ADDRESS": "127.0.0.1:0"})


def test_an_expired_certificate_is_served_and_told_by_health(state: Path, tmp_path: Path) -> None:
    with serving(state, **options(*issue(tmp_path, days=(-9, -1)))) as server:
        found = until(lambda: [sentence for part, well, sentence in health(server.config) if part == "https" and not well and "expired" in sentence])
        assert "renew it" in found[0]


class Load(threading.Thread):
    """Phones that ask without a pause, each on a new connection."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__()
        self.port, self.context = port, context
        self.stopping, self.faults, self.shown = threading.Event(), list[BaseException](), list[bytes]()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                body, shown = got(self.port, self.context)
                assert b"s3cret" in body
                self.shown.append(shown)
            except BaseException as why:
                self.faults.append(why)


def told(server: Server) -> list[dict[str, Any]]:
    return list(json.loads((server.config.run_folder / "serve.json").read_text())["children"])


def test_a_certificate_whose_files_change_is_taken_into_use_without_a_failed_request(state: Path, tmp_path: Path, looking_often: None) -> None:
    renewed_under_load(state, tmp_path, lambda _: None, 2)


def test_a_certificate_is_read_again_at_sighup_without_a_failed_request(state: Path, tmp_path: Path) -> None:
    renewed_under_load(state, tmp_path, lambda server: server.process.send_signal(signal.SIGHUP), 1)


def renewed_under_load(state: Path, tmp_path: Path, then: Callable[[Server], object], times: int) -> None:
    """Put new certificates, one after the other, while phones ask; no request may fail, and each certificate must be shown."""
    with serving(state, **options(*issue(tmp_path))) as server:
        load = Load(server.port("https"), trusting(tmp_path))
        load.start()
        try:
            until(lambda: load.shown or load.faults)
            for which in range(1, times + 1):
                new = authority.signed("prov.example.com", rsa_key(which), authority.intermediate())
                put(tmp_path / "fullchain.pem", new.pem + authority.intermediate().pem)
                put(tmp_path / "privkey.pem", pem_of(new.key))
                then(server)
                wanted = new.certificate.public_bytes(Encoding.DER)
                until(lambda wanted=wanted: load.shown[-1] == wanted, 90)  # type: ignore[misc]
        finally:
            load.stopping.set()
            load.join()
        assert load.faults == []
        assert [child["name"] for child in told(server)].count("https") == 1


def test_a_broken_certificate_changes_nothing_and_is_told_once(state: Path, tmp_path: Path, looking_often: None) -> None:
    certificate, key = issue(tmp_path)
    with serving(state, **options(certificate, key)) as server:
        before = got(server.port("https"), trusting(tmp_path))
        put(certificate, b"not a certificate")
        server.process.send_signal(signal.SIGHUP)  # even new processes have the old one
        master = server.child("https")
        until(lambda: server.child("https") not in (0, master), 90)
        assert got(server.port("https"), trusting(tmp_path)) == before
        killed = server.child("https")
        os.kill(killed, signal.SIGKILL)
        until(lambda: server.child("https") not in (0, killed), 90)  # a worker that dies with its master may have taken a connection
        assert until(lambda: got(server.port("https"), trusting(tmp_path))) == before
        server.process.terminate()
        _, said = server.process.communicate(timeout=30)
    assert said.count("the certificate read before stays in use") == 1
