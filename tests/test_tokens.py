"""Tokens and generated passwords: worked out from the server's key, never kept."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from provisioner import tokens

KEY = bytes(range(32))
MAC = "805ec0d57d72"
TOKEN = tokens.token(KEY, MAC, 0)
a_token = st.integers(0, 2**128 - 1).map(lambda number: tokens.token(number.to_bytes(32), MAC, 0))


def test_a_token_is_26_characters_that_a_keypad_can_type() -> None:
    assert len(TOKEN) == 26
    assert set(TOKEN) <= set("abcdefghijkmnpqrstuvwxyz23456789")
    assert not set("01lo") & set(tokens.ALPHABET) and len(set(tokens.ALPHABET)) == 32


def test_a_token_holds_all_of_the_first_128_bits_of_the_digest() -> None:
    number = 0
    for character in TOKEN:
        number = number << 5 | tokens.ALPHABET.index(character)

    assert (number >> 2).to_bytes(16) == hmac.new(KEY, b"token:805ec0d57d72:0", hashlib.sha256).digest()[:16]


def test_another_phone_generation_or_server_has_another_token() -> None:
    others = {tokens.token(KEY, MAC, 0), tokens.token(KEY, MAC, 1), tokens.token(KEY, "805ec0d57d73", 0), tokens.token(bytes(32), MAC, 0)}

    assert len(others) == 4


def test_a_token_typed_in_capitals_is_the_same_and_anything_else_is_not() -> None:
    assert tokens.same(TOKEN.upper(), TOKEN)
    assert not any(tokens.same(other, TOKEN) for other in ("", TOKEN[:-1], TOKEN + "a", "ſ" * 26, "\udcff" * 26))


@given(a_token, st.sampled_from(["/p/", "p/", "/P/", "//p//", "\\p\\", "/prov/p/", "x/y/p/"]), st.sampled_from(["/805ec0d57d72.cfg", "//a/b.xml", "", "/", "805ec0d57d72.cfg"]))
def test_the_token_is_found_wherever_the_phone_puts_it_and_is_taken_out_of_the_path(token: str, before: str, rest: str) -> None:
    found, path = tokens.split(before + token + rest)

    assert found == token
    assert token not in path
    assert path.endswith(rest.strip("/"))


@given(a_token, a_token)
def test_no_second_token_stays_in_the_path(one: str, other: str) -> None:
    found, path = tokens.split(f"/p/{one}/p/{other}/x.cfg")

    assert (found, path) == (one, "/x.cfg")


@given(st.text(max_size=60))
def test_any_path_is_taken_and_one_without_a_token_is_left_as_it_is(path: str) -> None:
    found, rest = tokens.split(path)

    assert found or rest == path


def test_a_name_that_only_looks_like_a_token_is_none() -> None:
    for path in (f"/p/{TOKEN[:-1]}/x.cfg", f"/up/{TOKEN}/x.cfg", f"/{TOKEN}/x.cfg", "/p/x.cfg"):
        assert tokens.split(path) == ("", path)


@given(st.sampled_from(["0123456789", "abcdefghijkmnpqrstuvwxyz23456789"]), st.integers(1, 200))
def test_a_generated_password_keeps_to_its_alphabet_and_length_and_never_changes(alphabet: str, length: int) -> None:
    password = tokens.generated_password(KEY, MAC, "admin", alphabet, length)

    assert len(password) == length and set(password) <= set(alphabet)
    assert password == tokens.generated_password(KEY, MAC, "admin", alphabet, length)


def test_every_phone_and_purpose_has_its_own_password() -> None:
    words = {tokens.generated_password(KEY, mac, purpose, tokens.ALPHABET, 16) for mac in (MAC, "805ec0d57d73") for purpose in ("admin_password", "user_password")}

    assert len(words) == 4


def test_a_long_password_does_not_run_out_of_randomness() -> None:
    assert len(set(tokens.generated_password(KEY, MAC, "admin", tokens.ALPHABET, 200)[-40:])) > 5
