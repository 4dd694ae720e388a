"""A file that is only looked at: in every family and dialect it can be made, whatever its passwords must look like, and holds none of them."""

from __future__ import annotations

import pytest

from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Account, Line
from tests.test_fixed_points import DIALECTS, bench_for

SECRET = "90871236"  # digits alone, which every family takes


@pytest.mark.parametrize(("slug", "model", "firmware"), DIALECTS)
def test_a_file_that_is_looked_at_has_its_secrets_masked(slug: str, model: str, firmware: str, store: Store, catalog: Catalog) -> None:
    bench = bench_for(catalog, store, slug, model, firmware)
    with store.change("test", "test") as tx:
        tx.put_account(Account("u7777@zq4domain.example", password=SECRET))
        tx.put_line(Line(bench.phone.mac, 1, "u7777@zq4domain.example"))
    device = store.device(bench.phone.mac)
    assert device
    names = [name for name, _ in bench.booter.files_of(bench.phone.mac)]

    masked = [bench.booter.preview(bench.phone.mac, name) for name in names]

    shown = [bench.booter.preview(bench.phone.mac, name, reveal=True) for name in names]
    assert masked and any(SECRET.encode() in body for body in shown), "the password stands in one of the files"
    assert [name for name, body in zip(names, masked, strict=True) if SECRET.encode() in body or bench.booter.password_of(device).encode() in body] == []
