"""Every family comes to rest (F4), and a phone that is refused for one boot loses nothing (F2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from bench.fleet import firmware_of
from provisioner import families, tokens
from provisioner.boot import Booter
from provisioner.families import Catalog, Family
from provisioner.kinds import Endpoint
from provisioner.simulator import Answer, Ask, Boot, Phone, play
from provisioner.store import Store
from provisioner.things import Account, Device, Key, Line, Network
from provisioner.wire import PhoneRequest
from tests import recorded

PUBLIC = "http://prov.example.com:8080"
FAMILIES = sorted(families.load().families)


@dataclass
class Bench:
    """A store with one phone, and the wires in the mind only; `address` is where the phone stands."""

    store: Store
    booter: Booter
    phone: Phone
    address: str = "127.0.0.1"
    asked: list[Ask] = field(default_factory=list)

    def answer(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        scheme, _, rest = ask.url.partition("://")
        token, path = tokens.split("/" + rest.partition("/")[2])
        request = PhoneRequest(path, self.address, scheme, ask.user_agent if scheme != "tftp" else "", token)
        reply = self.booter.answer(request) if ask.body is None else self.booter.receive(request, ask.body)
        return Answer(reply.status, reply.body)

    def boot(self, url: str = PUBLIC + "/", uploads: bool = False) -> Boot:
        return play(self.phone, url, self.answer, PUBLIC, uploads)

    def change(self, **facts: object) -> None:
        device = self.store.device(self.phone.mac)
        assert device
        with self.store.change("test", "test") as tx:
            tx.put_device(replace(device, **facts))

    def change_site(self, **facts: object) -> None:
        site = self.store.site("default")
        assert site
        with self.store.change("test", "test") as tx:
            tx.put_site(replace(site, **facts))


def some_models(family: Family) -> list[str]:
    """Return the first, the last and some models between, and one of each count of lines."""
    names = list(family.models)
    spread = names[:: max(1, len(names) // 4)]
    return list(dict.fromkeys([*spread, names[-1], *{family.models[name].lines: name for name in names}.values()]))


def dialects(family: Family) -> list[tuple[str, str]]:
    """Return (model, firmware) for each set of templates that the family's phones get: a model with few lines and keys, and the usual firmware where it will do."""
    guarded = any(rule.guard.firmware for rule in family.files)
    models = sorted(family.models.values(), key=lambda model: (model.lines == 0, (model.lines or 1) + (model.keys or 0)))
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for firmware in (firmware_of(family), *(("0.0.0.1", "99.99.99.99") if guarded else ())):
        for model in models:
            found.setdefault(tuple(rule.template for rule in family.rules(model.name, firmware)), (model.name, firmware))
    return sorted(found.values())


def stays(family: Family) -> bool:
    """Return True where these phones can be told no provisioning URL, so that they always ask where DHCP sends them."""
    return any(row.name == "provisioning" for row in family.cannot)


DIALECTS = [(slug, *dialect) for slug in FAMILIES for dialect in dialects(families.load().families[slug])]
CASES = [(slug, model) for slug in FAMILIES for model in some_models(families.load().families[slug])]


def bench_for(catalog: Catalog, store: Store, slug: str, model: str = "", firmware: str = "") -> Bench:
    family = catalog.families[slug]
    phone = Phone(family, model or next(iter(family.models)), f"{(family.ouis or ('0a1b2c',))[0]}a1b2c4", firmware or firmware_of(family), "CCQ12345678")
    bench = Bench(store, Booter(store, catalog, lambda event: None), phone)
    bench.change_site(public_url=PUBLIC)
    with store.change("test", "test") as tx:
        tx.put_device(Device(phone.mac, slug, phone.model, firmware=phone.firmware, serial=phone.serial))
        tx.put_account(Account("212@sip.example.com", password="s3cret-of-212", display_name="Anna", voicemail="*97", outbound_proxy=Endpoint("proxy.example.com", 5080)))
        tx.put_line(Line(phone.mac, 1, "212@sip.example.com"))
        tx.put_key(Key(f"device:{phone.mac}", 1, "line", line=1))
    return bench


@pytest.mark.parametrize(("slug", "model"), CASES)
def test_from_factory_state_a_phone_comes_to_rest(catalog: Catalog, store: Store, slug: str, model: str) -> None:
    bench = bench_for(catalog, store, slug, model)
    for start in (f"{PUBLIC}/", "tftp://prov.example.com/"):
        if start.partition(":")[0] not in bench.phone.family.wires:
            continue
        boot = bench.boot(start)
        assert boot.came_to_rest and boot.complete, boot.sentences
        assert boot.rounds <= 3 and boot.reboots <= 2
        device = store.device(bench.phone.mac)
        assert device
        own = f"{PUBLIC}/p/{bench.booter.expected_token(device)}/"
        assert boot.url == own or (stays(bench.phone.family) and boot.url == start)  # the address of a phone book holds the token, too


@pytest.mark.parametrize("slug", FAMILIES)
def test_the_discovery_url_and_the_steady_url_give_the_same_bytes(catalog: Catalog, store: Store, slug: str) -> None:
    boot = bench_for(catalog, store, slug).boot()
    first = [(fetch.name, fetch.status, fetch.sha256) for fetch in boot.fetches if fetch.round == 1]
    assert first == [(fetch.name, fetch.status, fetch.sha256) for fetch in boot.fetches if fetch.round == 2]
    assert boot.rounds == 2


@pytest.mark.parametrize("slug", FAMILIES)
def test_a_phone_rests_where_our_url_is_not_to_be_written(catalog: Catalog, store: Store, slug: str) -> None:
    bench = bench_for(catalog, store, slug)
    with store.change("test", "test") as tx:
        tx.say(f"device:{bench.phone.mac}", {"provisioning": False})
    boot = bench.boot()
    assert boot.came_to_rest and boot.complete


@pytest.mark.parametrize("slug", FAMILIES)
def test_a_phone_that_asks_with_its_own_overrides_kept_here_rests(catalog: Catalog, store: Store, slug: str) -> None:
    boot = bench_for(catalog, store, slug).boot(uploads=True)
    assert boot.came_to_rest and boot.complete, boot.sentences
    assert all(fetch.status == 201 for fetch in boot.fetches if fetch.sent)


@pytest.mark.parametrize("slug", [slug for slug in FAMILIES if "tftp" in families.load().families[slug].wires])
def test_over_tftp_without_secrets_a_phone_is_led_to_http_and_rests_there_or_gets_nothing(catalog: Catalog, store: Store, slug: str) -> None:
    bench = bench_for(catalog, store, slug)
    bench.change_site(networks=(Network("192.0.2.0/24", mac_is_enough=True, tftp_serves_secrets=False),))
    bench.address = "192.0.2.7"
    boot = bench.boot("tftp://prov.example.com/")
    over_tftp = [fetch for fetch in boot.fetches if fetch.url.startswith("tftp:") and fetch.served]
    assert all(b"s3cret-of-212" not in fetch.body and b"212@" not in fetch.body for fetch in over_tftp)
    if catalog.families[slug].bootstrap:
        assert over_tftp
        assert boot.came_to_rest and boot.complete and boot.url.startswith(f"{PUBLIC}/p/"), boot.sentences
        assert b"s3cret-of-212" in b"".join(fetch.body for fetch in boot.fetches if fetch.round == boot.rounds)


def account_parameters(bench: Bench) -> set[str]:
    """Return the parameters of the phone's files that say anything of its account: those that change with it."""

    def said() -> dict[str, str]:
        return parameters(bench.phone.family.slug, [fetch.body for fetch in bench.boot().fetches if fetch.served])

    with_account = said()
    with bench.store.change("test", "test") as tx:
        tx.remove_line(bench.phone.mac, 1)
    without = said()
    with bench.store.change("test", "test") as tx:
        tx.put_line(Line(bench.phone.mac, 1, "212@sip.example.com"))
    return {name for name in with_account.keys() | without.keys() if with_account.get(name) != without.get(name)}


def parameters(slug: str, bodies: list[bytes]) -> dict[str, str]:
    """Return the parameters of some files as the family's own parser reads them."""
    case = next(case for case in recorded.cases(slug) if case.table.get("says"))
    return {name: value for body in bodies for name, value in recorded.parse(case, body).items()}


@pytest.mark.parametrize(("slug", "model", "firmware"), DIALECTS)
@pytest.mark.parametrize("enrols", [False, True])
def test_provisioned_then_refused_for_one_boot_a_phone_is_still_registered(catalog: Catalog, store: Store, slug: str, model: str, firmware: str, enrols: bool) -> None:
    bench = bench_for(catalog, store, slug, model, firmware)
    bench.change_site(enrols=enrols)
    own = account_parameters(bench)
    assert own
    before = bench.boot()
    for refusal in ("blocked", "elsewhere"):
        bench.address = "127.0.0.1" if refusal == "blocked" else "198.51.100.9"
        bench.change(state="blocked" if refusal == "blocked" else "approved")
        refused = bench.boot(before.url if refusal == "blocked" else f"{PUBLIC}/")
        bodies = [fetch.body for fetch in refused.fetches if fetch.served]
        assert not own & parameters(slug, bodies).keys()
        assert not any(fetch.failed for fetch in refused.fetches)
        assert not any(b"s3cret-of-212" in body for body in bodies)
    bench.address = "127.0.0.1"
    after = bench.boot(before.url)
    assert after.files == before.files
