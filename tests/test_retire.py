"""A phone that is taken away: in every family and dialect its files can be made, and hold nobody's account (F21)."""

from __future__ import annotations

import pytest

from provisioner.families import Catalog
from provisioner.kinds import Endpoint
from provisioner.store import Store
from provisioner.things import Account, Contact, Key, Line
from tests.test_fixed_points import DIALECTS, Bench, bench_for

ACCOUNT = Account(
    "u7777@zq4domain.example", auth_username="zq2auth", password="82848", display_name="Xaver Quint", voicemail="*7097",
    registrar=Endpoint("zq5registrar.example", 5066), outbound_proxy=Endpoint("zq6proxy.example", 5077),
)  # fmt: skip
TRACES = ("u7777", "zq2auth", "82848", "xaver", "*7097", "zq4domain", "zq5registrar", "zq6proxy", "zenobia", "55512345", "2137777")


def files(bench: Bench) -> dict[str, str]:
    """Return every file that the phone gets, what it asks for in a boot and what it may ask for besides, in small letters."""
    own = {name: bench.booter.preview(bench.phone.mac, name, reveal=True) for name, _ in bench.booter.files_of(bench.phone.mac)}
    asked = {fetch.name: fetch.body for fetch in bench.boot().fetches if fetch.served}
    return {name: body.decode("utf-8", "replace").lower() for name, body in {**own, **asked}.items()}


@pytest.mark.parametrize(("slug", "model", "firmware"), DIALECTS)
def test_the_files_of_a_phone_that_retires_hold_no_trace_of_the_account(slug: str, model: str, firmware: str, store: Store, catalog: Catalog) -> None:
    bench = bench_for(catalog, store, slug, model, firmware)
    with store.change("test", "test") as tx:
        tx.put_account(ACCOUNT)
        tx.put_line(Line(bench.phone.mac, 1, ACCOUNT.sip_address))
        tx.put_key(Key(f"device:{bench.phone.mac}", 1, "line", line=1))
        tx.put_key(Key(f"device:{bench.phone.mac}", 2, "speed-dial", "2137777", label="Zenobia", line=1))
        tx.put_contact(Contact("default", "Zenobia Quirk", (("work", "55512345"),)))
    before = files(bench)

    bench.change(state="retiring")

    after = files(bench)
    assert set(after) == set(before)
    assert [f"{word} in {name}" for name, text in after.items() for word in TRACES if word in text] == []
    assert any("u7777" in text for text in before.values()), "a phone that does not retire has its account"
