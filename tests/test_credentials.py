"""User name and password of a phone: what proves it, what does not, and what the event says of that."""

from __future__ import annotations

import base64
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import credentials, tokens
from provisioner.credentials import challenges, check, digest
from provisioner.nonces import LIFE, Counts, Nonces
from provisioner.things import PASSWORDS

KEY = bytes(range(32))
MAC = "805ec0d57d72"
SECRET = credentials.password_of(KEY, MAC, 0)
FILE = "/805ec0d57d72.cfg"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nonces(clock: Clock) -> Nonces:
    return Nonces(KEY, Counts(16), clock)


def basic(user: str = MAC, secret: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def header(nonce: str, *, user: str = MAC, secret: str = SECRET, uri: str = FILE, algorithm: str = "MD5", qop: str = "auth", nc: int = 1, realm: str = "provisioner", method: str = "GET") -> str:
    """Return the header that a phone sends."""
    counted = {"qop": qop, "nc": f"{nc:08x}", "cnonce": "c0ffee"} if qop else {}
    response = digest(secret, method, user=user, realm=realm, nonce=nonce, uri=uri, algorithm=algorithm, **counted)
    more = f', qop={qop}, nc={nc:08x}, cnonce="c0ffee"' if qop else ""
    return f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", algorithm={algorithm}{more}'


def judged(text: str, nonces: Nonces, way: str = "digest", secure: bool = False, path: str = FILE, method: str = "GET") -> credentials.Proof:
    return check(text, way, secure, method, path, MAC, SECRET, nonces)


def test_the_digest_is_that_of_the_standards_own_examples() -> None:
    """RFC 7616, 3.9.1, and RFC 2069, 2.4 as its erratum 749 corrects it."""
    said = {
        "user": "Mufasa", "realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "uri": "/dir/index.html",
        "qop": "auth", "nc": "00000001", "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    }  # fmt: skip

    assert digest("Circle of Life", "GET", **said) == "8ca523f5e9506fed4657c9700eebdbec"
    assert digest("Circle of Life", "GET", **said, algorithm="SHA-256") == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert (
        digest("CircleOfLife", "GET", user="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html")
        == "1949323746fe6a43ef61f9606e7febea"
    )


def test_a_password_is_of_its_phone_and_of_the_generation_of_its_token() -> None:
    others = {credentials.password_of(KEY, MAC, 0), credentials.password_of(KEY, MAC, 1), credentials.password_of(KEY, "805ec0d57d73", 0), tokens.token(KEY, MAC, 0)[:20]}

    assert len(others) == 4 and len(SECRET) == 20 and set(SECRET) <= set(tokens.ALPHABET)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "md5"])
def test_a_right_digest_is_taken(nonces: Nonces, algorithm: str) -> None:
    assert judged(header(nonces.new(), algorithm=algorithm.upper()).replace(algorithm.upper(), algorithm), nonces) == credentials.Proof(fits=True)


def test_an_old_phone_that_knows_no_qop_and_no_algorithm_is_taken(nonces: Nonces) -> None:
    sent = header(nonces.new(), qop="").replace(", algorithm=MD5", "")

    assert "qop" not in sent and "algorithm" not in sent
    assert judged(sent, nonces).fits and judged(sent, nonces).fits  # RFC 2069 has nothing to count


def test_what_a_phone_may_spell_differently_is_taken(nonces: Nonces) -> None:
    for change in (
        lambda text: text.replace("Digest ", "digest   "),
        lambda text: text.replace("qop=auth", 'qop="auth"'),
        lambda text: re.sub('response="(.*?)"', lambda found: f'response="{found[1].upper()}"', text),
        lambda text: text.replace(", ", ","),
        lambda text: text.replace("=", " = "),
        lambda text: text + ", ",
    ):
        assert judged(change(header(nonces.new())), nonces).fits


def test_a_phone_may_write_its_mac_in_capitals(nonces: Nonces) -> None:
    assert judged(header(nonces.new(), user=MAC.upper()), nonces).fits
    assert judged(basic(MAC.upper()), nonces, "basic-over-http").fits


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"secret": "guessed"}, "password is wrong"),
        ({"user": "805ec0d57d73"}, "user name is not"),
        ({"user": "admin", "secret": "guessed"}, "not its own"),
        ({"realm": "elsewhere"}, "another realm"),
        ({"uri": "/805ec0d57d73.cfg"}, "another file"),
        ({"uri": "http://["}, "another file"),
        ({"method": "PUT"}, "password is wrong"),
    ],
)
def test_a_wrong_digest_is_told_apart_for_the_event_and_is_not_stale(nonces: Nonces, change: dict[str, str], word: str) -> None:
    proof = judged(header(nonces.new(), **change), nonces)  # type: ignore[arg-type]

    assert not proof.fits and not proof.stale and word in proof.sentence
    assert SECRET not in proof.sentence and "guessed" not in proof.sentence


def test_a_nonce_ends_after_five_minutes_and_the_phone_hears_that_a_new_one_will_do(nonces: Nonces, clock: Clock) -> None:
    nonce = nonces.new()
    clock.now += LIFE - 1
    assert judged(header(nonce), nonces).fits
    clock.now += 1
    proof = judged(header(nonce, nc=2), nonces)

    assert proof.stale and not proof.fits and "stale" in proof.sentence
    assert not judged(header(nonce, nc=2, secret="guessed"), nonces).stale  # whoever guesses learns nothing of nonces


def test_a_nonce_of_another_server_or_of_nobody_is_foreign(nonces: Nonces, clock: Clock) -> None:
    for foreign in (Nonces(bytes(32), Counts(1), clock).new(), "dcd98b7102dd2f0e8b11d0f600bfb0c093", "00" * 22, "x", nonces.new()[:-1] + "g"):
        proof = judged(header(foreign), nonces)
        assert proof.stale and not proof.fits and "foreign" in proof.sentence


def test_a_nonce_from_the_future_is_not_taken(nonces: Nonces, clock: Clock) -> None:
    nonce = nonces.new()
    clock.now -= 60

    assert not judged(header(nonce), nonces).fits


def test_what_was_overheard_is_taken_once(nonces: Nonces) -> None:
    sent = header(nonces.new(), nc=1)
    assert judged(sent, nonces).fits
    proof = judged(sent, nonces)

    assert proof.stale and not proof.fits and "replayed" in proof.sentence


def test_counts_may_come_in_another_order_but_each_only_once(nonces: Nonces) -> None:
    nonce = nonces.new()

    assert [judged(header(nonce, nc=nc), nonces).fits for nc in (2, 1, 2, 1, 70, 7, 6, 7, 0xFFFFFFFF, 0xFFFFFFFE, 70)] == [
        True, True, False, False, True, True, False, False, True, True, False,
    ]  # fmt: skip


def test_a_wrong_digest_uses_no_count_up(nonces: Nonces) -> None:
    nonce = nonces.new()
    judged(header(nonce, secret="guessed"), nonces)
    judged(header(nonce, uri="/other"), nonces)

    assert judged(header(nonce), nonces).fits


def test_a_replay_that_meets_another_process_is_refused_as_well(clock: Clock) -> None:
    counts = Counts(16)
    here, there = Nonces(KEY, counts, clock), Nonces(KEY, counts, clock)
    nonce = here.new()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if judged(header(nonce), there).fits else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    assert "replayed" in judged(header(nonce), here).sentence
    assert judged(header(nonce, nc=2), here).fits


def test_where_there_is_no_room_for_a_nonce_it_is_not_taken_rather_than_taken_twice(clock: Clock) -> None:
    nonces = Nonces(KEY, Counts(1), clock)
    first = [nonces.new() for _ in range(8)]
    assert all(judged(header(nonce), nonces).fits for nonce in first)

    late = nonces.new()
    assert judged(header(late), nonces).stale
    assert not any(judged(header(nonce), nonces).fits for nonce in first)
    clock.now += LIFE + 1
    assert judged(header(nonces.new()), nonces).fits


@pytest.mark.parametrize(
    ("uri", "path", "same"),
    [
        ("http://prov.example.com/805ec0d57d72.cfg", FILE, True),
        ("/805ec0d57d72.cfg?mac=805ec0d57d72", FILE, True),
        (f"/p/{tokens.token(KEY, MAC, 0)}/805ec0d57d72.cfg", FILE, True),
        ("/behind/a/proxy/805ec0d57d72.cfg", FILE, True),
        ("/my%20phone.cfg", "/my phone.cfg", True),
        ("/x805ec0d57d72.cfg", FILE, False),
        ("/805ec0d57d72.cfg/x", FILE, False),
        ("/", FILE, False),
    ],
)
def test_a_digest_is_for_one_file(nonces: Nonces, uri: str, path: str, same: bool) -> None:
    assert judged(header(nonces.new(), uri=uri), nonces, path=path).fits is same


@pytest.mark.parametrize(
    ("way", "secure", "taken"),
    [("off", True, False), ("digest", True, False), ("basic", False, False), ("basic", True, True), ("basic-over-http", False, True), ("basic-over-http", True, True)],
)
def test_basic_is_taken_where_the_site_takes_it_over_this_wire(nonces: Nonces, way: str, secure: bool, taken: bool) -> None:
    proof = judged(basic(), nonces, way, secure)

    assert proof.fits is taken and bool(proof.sentence) is (not taken and way != "off")
    assert not judged(basic(secret="guessed"), nonces, way, secure).fits
    assert not judged(basic(user="admin"), nonces, way, secure).fits


def test_each_way_takes_digest_but_off(nonces: Nonces) -> None:
    assert [judged(header(nonces.new()), nonces, way).fits for way in PASSWORDS] == [False, True, True, True]


def test_a_site_that_takes_no_passwords_uses_no_count_up(nonces: Nonces) -> None:
    nonce = nonces.new()
    judged(header(nonce), nonces, "off")

    assert judged(header(nonce), nonces).fits


def test_the_challenges_name_what_is_taken(nonces: Nonces) -> None:
    md5, sha256 = challenges("digest", False, "aa")
    assert md5 == 'Digest realm="provisioner", nonce="aa", algorithm=MD5, qop="auth"'
    assert sha256 == md5.replace("MD5", "SHA-256")
    assert challenges("digest", True, "aa") == challenges("basic", False, "aa") == (md5, sha256)
    assert challenges("basic", True, "aa") == challenges("basic-over-http", False, "aa") == (md5, sha256, 'Basic realm="provisioner", charset="UTF-8"')
    assert [one.endswith(", stale=true") for one in challenges("basic", True, "aa", stale=True)] == [True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "Bearer abc", "Basic", "Basic !", "Basic " + base64.b64encode(b"no colon").decode(), "Digest", "Digest x", 'Digest username="a"', "x" * 3000,
        'Digest username="a", username="b", realm="r", nonce="n", uri="/", response="0"', 'Digest username="open',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_no_proof_and_the_event_says_why(nonces: Nonces, text: str) -> None:
    proof = judged(text, nonces, "basic-over-http")

    assert not proof.fits and proof.sentence and len(proof.sentence) < 200


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("algorithm=MD5", "algorithm=MD5-sess", "MD5 and SHA-256"),
        ("qop=auth", "qop=auth-int", "only auth"),
        ("nc=00000001", "nc=1", "eight digits"),
        ('cnonce="c0ffee"', 'cnonce=""', "eight digits"),
        ("algorithm=MD5", "algorithm=MD5, userhash=true", "hides the user name"),
    ],
)
def test_what_was_not_offered_is_not_taken(nonces: Nonces, before: str, after: str, word: str) -> None:
    proof = judged(header(nonces.new()).replace(before, after), nonces)

    assert not proof.fits and word in proof.sentence


def test_no_header_is_no_proof_and_no_reproach(nonces: Nonces) -> None:
    assert judged("", nonces) == credentials.NOTHING_SENT


@given(text=st.text(max_size=300) | st.text(max_size=300).map("Digest {}".format) | st.binary(max_size=100).map(lambda raw: "Basic " + base64.b64encode(raw).decode()))
def test_no_header_whatever_is_a_proof_or_a_fault(text: str) -> None:
    assert not judged(text, _NONCES, "basic-over-http").fits


_NONCES = Nonces(KEY, Counts(1))
