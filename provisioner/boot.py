"""One phone's boot, top to bottom: the room to read first.

A phone's request walks downhill and comes back as a file:

    1  identify    who is asking? user agent, file name, MAC -> a sighting
    2  device      what does the inventory say of it?
    3  file rule   which file is meant?
    4  admit       may this phone have it, from here, over this wire?
    5  layers      which settings, lines and keys are its own?
    6  render      the file, each value written by the file's own format
    7  encode      its bytes
    8  reply       the bytes, or an empty no
    9  event       what became of it, in a sentence

`answer` below has the same shape. `receive` is its twin for what phones send to us.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from provisioner import credentials, tokens
from provisioner.admit import TFTPKeepsSecrets, admit, network_of, token_fits
from provisioner.answers import OVERHEAD, Answer, Kept
from provisioner.context import Secrets, SiteUrls, context_for, family_context, said
from provisioner.errors import BadInput, Missing, NotHere, NotServed, ProvisionerError, Refused, RenderFailed, StoreTrouble, Unknown
from provisioner.families import Catalog, Family, FileRule, Model, last_segment
from provisioner.identify import Sighting, identify, mac_in
from provisioner.mac import pretty
from provisioner.nonces import Counts, Nonces
from provisioner.providers import Providers
from provisioner.render import Renderer
from provisioner.store import BootFacts, Store
from provisioner.things import Device, Event, Site
from provisioner.wire import PhoneRequest, Repeat, Reply

KEPT_BYTES = 32_000_000  # of one process; about three thousand phones' files
AT_REST = 3600  # seconds, in which a phone that is taken away fetches the rest of its files, and restarts if it wants to
LONGEST_NAME = 255  # characters; no phone's file has more, and patterns take their time
NO_FILE = FileRule(patterns=())
_NO_SITE = Site("default")
_NOBODY = "000000000000"  # looked up and compared where no phone is named, so that the work is the same (D12)


@dataclass(frozen=True)
class Limits:
    """What phones may send us (D14): bytes of one upload, uploads kept of one phone."""

    upload_bytes: int = 1_000_000
    uploads: int = 10


@dataclass
class _Trail:
    """What is learnt of a request on its way down; the event is made of it."""

    sighting: Sighting = Sighting()
    device: Device | None = None
    rule: str = ""
    policy: str = ""
    sites: int = 0  # the number of what the sites admitted
    password: credentials.Proof = credentials.NOTHING_SENT
    asks_password: str = "off"  # how one is asked for where the request came from, unless the phone is admitted
    repeats: bool = False


class Booter:
    """Answers phones. Holds the store and the families; safe to share between threads."""

    def __init__(
        self, store: Store, catalog: Catalog, log: Callable[[Event], None], *, assets: Path = Path("assets"),
        unknown_phones: str = "hold", limits: Limits = Limits(), kept_bytes: int = KEPT_BYTES, counts: Counts | None = None,
        renderer: Renderer | None = None, providers: Providers = Providers(),
    ) -> None:  # fmt: skip
        """log: takes each event and returns at once; unknown_phones: refuse, hold or add; kept_bytes: of answers in memory.

        counts: shared with other processes; renderer: of this catalog, where some of its templates are compiled already.
        """
        self.store, self.catalog, self.renderer, self.providers = store, catalog, renderer or Renderer(catalog), providers
        self._log, self._assets, self._unknown_phones, self._limits = log, assets, unknown_phones, limits
        self._secrets, self._answers = Secrets(store.server_key), Kept[Answer](kept_bytes)
        self._nonces = Nonces(store.own_key, counts)

    def answer(self, request: PhoneRequest) -> Reply:
        """Return what the phone gets; leaves exactly one event, whatever happens."""
        return self._leaving_one_event(request, lambda trail: self._answer(request, trail))

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        """Take a file that a phone sends, by the family's [[uploads]]; leaves exactly one event."""
        return self._leaving_one_event(request, lambda trail: self._receive(request, body, trail))

    def _answer(self, request: PhoneRequest, trail: _Trail) -> Reply:
        who, device, site, fits = self._recognise(request, trail)  # 1 identify, 2 device
        everyones = self.everyones(request, who)
        if everyones:
            trail.asks_password = "off"
            return self._answer_everyone(request, trail, who, *everyones)
        family, rule = self._file_rule(request, who, device)  # 3 file rule
        trail.rule = rule.match if rule else ""
        try:
            admit(request, device, site, rule or NO_FILE, fits, who.mac, trail.password, self._now())  # 4 admit
        except TFTPKeepsSecrets:
            if not (family and family.bootstrap and device and rule and rule.template):
                raise
            return self._bootstrap(family, rule, device, site)
        except Unknown as why:
            raise self._unknown(request, who, site, why) from None
        trail.asks_password = "off"
        if device is None or family is None or rule is None:
            raise self._missing(request, who, device)
        reply = self._own_file(request, trail, device, family, rule)
        return self._last_files(device, reply, trail) if device.state == "retiring" and rule.template and rule.scope == "phone" else reply

    def _now(self) -> str:
        return self.store.now().isoformat(timespec="seconds")

    def _last_files(self, device: Device, reply: Reply, trail: _Trail) -> Reply:
        """Return the reply for a phone that is taken away, with the word of when it gets nothing more: soon after its first file (F21)."""
        trail.repeats = False  # admission depends on the time
        until = (self.store.now() + timedelta(seconds=AT_REST)).isoformat(timespec="seconds")
        if not device.serves_until or device.serves_until > until:
            try:
                self.store.end_at(device.mac, until)
            except StoreTrouble:  # a disk that takes no write stops nobody
                return reply
        else:
            until = device.serves_until
        return replace(reply, sentence=f"the phone is taken away: its accounts are out of this file, and it gets nothing more after {until}")

    def _recognise(self, request: PhoneRequest, trail: _Trail) -> tuple[Sighting, Device | None, Site, bool]:
        """Steps 1 and 2: the same look-ups and one comparison, whoever asks (D12)."""
        if len(last_segment(request.path)) > LONGEST_NAME:
            raise Missing(f"a file name of {len(last_segment(request.path))} characters; no phone asks for such")
        trail.sighting = who = identify(self.catalog, request)
        mac = who.mac or mac_in(request)
        device = self.store.device(mac or _NOBODY, with_secrets=False)
        whose, generation = (device.mac, device.generation) if device else (_NOBODY, 0)
        fits = token_fits(request, tokens.token(self.store.server_key, whose, generation)) and device is not None
        sites = self.store.sites_now()
        here = sites.of_address(request.address)
        site = sites.get(device.site) if device else here
        if site is None:
            raise StoreTrouble(f"site {device.site if device else 'default'} is gone from the store; restore it from a backup")
        trail.device, trail.policy, trail.sites = device, site.unknown_phones or self._unknown_phones, sites.number
        if here and request.wire != "tftp":
            trail.asks_password = here.passwords  # not the device's own site: that would tell which MACs there are
        if request.authorization:
            trail.password = self._proof(request, whose, generation, site)
        return who, device, site, fits

    def _proof(self, request: PhoneRequest, whose: str, generation: int, site: Site) -> credentials.Proof:
        """Return what became of the password that was sent; the same work whoever asks."""
        password = credentials.password_of(self.store.server_key, whose, generation)
        return credentials.check(request.authorization, site.passwords, request.wire == "https", request.method, request.path, whose, password, self._nonces)

    def everyones(self, request: PhoneRequest, who: Sighting) -> tuple[Family, FileRule] | None:
        """Return the file that is the same for all, if one is meant: chosen by clues alone, so that it tells nothing of the inventory (D12)."""
        name = last_segment(request.path)
        found = [(family, hit[0]) for slug in who.candidates if (hit := (family := self.catalog.families[slug]).file_for(name, who.model, who.firmware))]
        shared = [(family, rule) for family, rule in found if rule.scope == "family" and rule.answers]
        if len(shared) > 1:
            raise Refused(f"more than one family could be asking for {_short(name)}: {', '.join(family.slug for family, _ in shared)}; name the file in one of them alone")
        return shared[0] if shared else None

    def _answer_everyone(self, request: PhoneRequest, trail: _Trail, who: Sighting, family: Family, rule: FileRule) -> Reply:
        """Answer with a family's file: no device, no secret, and the site by the address alone."""
        trail.rule = rule.match
        site = self.store.sites_now().of_address(request.address) or _NO_SITE
        admit(request, None, site, rule, False, "")
        if rule.asset:
            return self._asset(rule, request)
        model = family.model(who.model) if who.model else None
        key = (rule.match, rule.template, model.name if model else "", site.public_url, family.fingerprint)
        answer = self._answers.get(key)
        if answer is None:
            body = self.renderer.render(family, rule, family_context(family, model, site.public_url))
            answer = Answer(body, _etag(body))
            self._answers.put(key, answer, len(body) + OVERHEAD)
        return _reply(answer, rule, request, None)

    def _file_rule(self, request: PhoneRequest, who: Sighting, device: Device | None) -> tuple[Family | None, FileRule | None]:
        """Return step 3: the rule of the device's own family; where nobody added it, that of any family that could be asking."""
        name = last_segment(request.path)
        for slug in [device.family] if device else who.candidates:
            family = self.catalog.families.get(slug)
            if family is None:
                continue
            firmware = self._own_firmware(family, request, who) or (device.firmware if device else "")
            found = family.file_for(name, device.model if device else who.model, firmware)
            if found:
                return family, found[0]
        return (self.catalog.families.get(device.family) if device else None), None

    def _own_firmware(self, family: Family, request: PhoneRequest, who: Sighting) -> str:
        """Return the firmware that the phone says, as its own family reads it."""
        if who.family == family.slug:
            return who.firmware
        caught = next((caught for pattern in family.user_agents if (caught := pattern.match(request.user_agent.strip()))), None)
        return caught.get("firmware", "") if caught else ""

    def _unknown(self, request: PhoneRequest, who: Sighting, site: Site, why: Unknown) -> NotServed:
        """Hold, add or refuse a phone that nobody added, as the site or the server says."""
        policy = site.unknown_phones or self._unknown_phones
        if not who.candidates and not who.stranger:
            return Missing(f"no family knows a file {_short(last_segment(request.path))!r}")
        if who.stranger:
            return Unknown(f"{why} ({who.stranger})")
        if len(who.candidates) > 1:
            return Unknown(f"two families could be asking: {', '.join(who.candidates)}; say which: `provisioner device add {who.mac} --model FAMILY/MODEL`")
        family = self.catalog.families.get(who.family)
        model = family.model(who.model) if family else None
        if policy == "add" and family and model and who.mac and network_of(site, request.address):
            try:
                with self.store.change("phone", "boot") as tx:
                    tx.put_device(Device(who.mac, family.slug, model.name, site=site.slug, firmware=who.firmware[:64]))
            except (BadInput, StoreTrouble) as fault:
                return Unknown(f"{why} (it could not be added by itself: {fault})")
            return Unknown(f"phone {pretty(who.mac)} was not in the inventory and has been added to site {site.slug}; its next boot gets its file")
        if policy == "refuse":
            return Unknown(f"phone {pretty(who.mac)} is not in the inventory, and unknown phones are refused here")
        return why

    def _missing(self, request: PhoneRequest, who: Sighting, device: Device | None) -> ProvisionerError:
        """Return why an admitted phone gets no file; our own fault where its family cannot be used (F3)."""
        name = _short(last_segment(request.path))
        if device and device.family not in self.catalog.families:
            return RenderFailed(f"the family {device.family} cannot be used; `provisioner check` says why")
        if device:
            return Missing(f"the family {device.family} has no file {name!r}; `provisioner why {name}` says what it has")
        return Missing(f"no family knows a file {name!r}")

    def _own_file(self, request: PhoneRequest, trail: _Trail, device: Device, family: Family, rule: FileRule) -> Reply:
        """Steps 5 to 8, for an admitted phone: from memory where nothing has changed, else rendered."""
        if rule.asset:
            return self._asset(rule, request)
        if not rule.template:
            return self._kept_upload(family, device, request, rule)
        trail.repeats = not rule.seeds  # what seeds a phone's own file depends on what the phone sent, too
        firmware = self._own_firmware(family, request, trail.sighting)
        self._remember_firmware(device, firmware, request)
        known = self._answers.get(_key(family, rule, device, firmware))
        if known:
            return _reply(known, rule, request, device)
        facts = self._facts_for(device.mac)
        if facts is None:
            raise Unknown(f"phone {pretty(device.mac)} was removed while it asked; add it again")
        if rule.seeds and not self._is_ours(family, request, facts):
            return self._kept_upload(family, device, request, rule)
        body = self._render(family, rule, facts, firmware)  # 5 layers, 6 render, 7 encode
        answer = Answer(body, _etag(body), self.climb(family, facts, firmware))
        if not rule.seeds:
            self._answers.put(_key(family, rule, facts.device, firmware), answer, len(body) + OVERHEAD)
        return _reply(answer, rule, request, facts.device)  # 8 reply

    def _is_ours(self, family: Family, request: PhoneRequest, facts: BootFacts) -> bool:
        """Return True where a directory comes from our phone book: there is one, and the phone keeps none of its own (F5, D14)."""
        values = said(family, self._model(family, facts.device), facts)
        if not values["phonebook"].value or not facts.contacts:
            return False
        return not values["keep_user_changes"].value or self.store.upload(facts.device.mac, last_segment(request.path).lower()) is None

    def _facts_for(self, mac: str) -> BootFacts | None:
        """Return what is stored of a phone, with what ships for the providers of its accounts."""
        facts = self.store.facts_for(mac)
        return facts and replace(facts, by_provider=self.providers.layers(account.provider for _, account, *_ in facts.lines if account.provider))

    def _remember_firmware(self, device: Device, firmware: str, request: PhoneRequest) -> None:
        """Keep the firmware that an admitted phone says it has; a disk that takes no write stops nobody."""
        if firmware and firmware != device.firmware:
            try:
                self.store.seen(device.mac, request.address, firmware)
            except StoreTrouble:
                pass

    def _render(self, family: Family, rule: FileRule, facts: BootFacts, firmware: str, secrets: Secrets | None = None) -> bytes:
        """Steps 5 to 7."""
        model = self._model(family, facts.device)
        return self.renderer.render(family, rule, context_for(family, model, facts, secrets or self._secrets, firmware))

    def _model(self, family: Family, device: Device) -> Model:
        model = family.model(device.model)
        if model is None:
            raise RenderFailed(f"the family {family.slug} has no model {device.model}; `provisioner device change {device.mac} --model …`")
        return model

    def _bootstrap(self, family: Family, rule: FileRule, device: Device, site: Site) -> Reply:
        """Return the file that holds the provisioning URL alone, without a token: the wire is open (F16)."""
        context = family_context(family, family.model(device.model), site.public_url)
        context["phone"].mac = device.mac
        body = self.renderer.render(family, rule, {**context, "url": SiteUrls(family, site.public_url, site.slug)}, family.bootstrap)
        return Reply("served", body=body, media_type=rule.media_type, etag=_etag(body), sentence="bootstrap: the provisioning URL alone, since secrets do not go over TFTP here")

    def _asset(self, rule: FileRule, request: PhoneRequest) -> Reply:
        name = last_segment(request.path)
        folder = self._assets / rule.asset
        file = next((one for one in folder.iterdir() if one.name.lower() == name.lower() and one.is_file()), None) if folder.is_dir() else None
        if file is None:
            raise Missing(f"{name} is not in {folder}; copy it there")
        status = file.stat()
        etag = hashlib.sha256(f"{file.name} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()
        if etag in request.etags:
            return Reply("not-modified", media_type=rule.media_type, etag=etag, sentence="the phone has this file already")
        return Reply("served", file=file, media_type=rule.media_type, etag=etag, revised_at=datetime.fromtimestamp(int(status.st_mtime), UTC))

    def _kept_upload(self, family: Family, device: Device | None, request: PhoneRequest, rule: FileRule) -> Reply:
        """Give a phone back what it sent us itself (D14); logs never."""
        found = family.upload_for(request.path)
        body = self.store.upload(device.mac, last_segment(request.path).lower()) if found and device and found[0].kind != "log" else None
        if body is None:
            raise Missing(f"{rule.match} is asked for by these phones, and there is none: that is as it should be")
        return _reply(Answer(body, _etag(body)), replace(rule, media_type="application/octet-stream"), request, None)

    def _receive(self, request: PhoneRequest, body: bytes, trail: _Trail) -> Reply:
        who, device, site, fits = self._recognise(request, trail)
        family = self.catalog.families.get(device.family) if device else None
        found = family.upload_for(request.path) if family else None
        pattern = found[0].pattern if found else None
        admit(request, device, site, FileRule(patterns=(pattern,) if pattern else ()), fits, who.mac, trail.password, self._now())
        trail.asks_password = "off"
        if device is None or pattern is None:
            raise Missing(f"the family {who.family or '?'} sends no file {_short(last_segment(request.path))!r}")
        trail.rule = pattern.text
        if len(body) > self._limits.upload_bytes:
            raise Refused(f"{last_segment(request.path)} is {len(body)} bytes; the most is {self._limits.upload_bytes}")
        name = last_segment(request.path).lower()
        kept = self.store.uploads_of(device.mac)
        if name not in kept and len(kept) >= self._limits.uploads:
            raise Refused(f"phone {pretty(device.mac)} has {len(kept)} files here already, which is the most")
        self.store.put_upload(device.mac, name, body)
        return Reply("uploaded", sentence=f"{len(body)} bytes kept as {name}")

    def _leaving_one_event(self, request: PhoneRequest, work: Callable[[_Trail], Reply]) -> Reply:
        """Steps 8 and 9: whatever happens becomes one reply and one event."""
        started, trail = time.perf_counter(), _Trail()
        try:
            reply = work(trail)
        except NotServed as why:
            reply = Reply(why.outcome, sentence=str(why), challenges=self._challenges(request, trail))
        except ProvisionerError as why:
            reply = Reply("failed", sentence=str(why))
        except Exception as fault:  # a fault of ours must reach neither the wire nor another phone
            reply = Reply("failed", sentence=f"a fault of ours ({type(fault).__name__} in {_where(fault)}); please report it")
        event = _event(request, reply, trail, time.perf_counter() - started)
        self._log(event)
        return replace(reply, repeat=_repeat(event, trail)) if trail.repeats and reply.status in (200, 304) else reply

    def _challenges(self, request: PhoneRequest, trail: _Trail) -> tuple[str, ...]:
        """Return how a request that was not admitted may prove itself: alike for phones and files that are there and that are not (D12)."""
        if trail.asks_password == "off":
            return ()
        return credentials.challenges(trail.asks_password, request.wire == "https", self._nonces.new(), trail.password.stale)

    # What operators ask: the same code, without the wire and the event.

    def facts(self, mac: str) -> tuple[Family, Model, BootFacts]:
        """Return what the files of a phone are made of; raises NotHere or RenderFailed."""
        facts = self._facts_for(mac)
        if facts is None:
            raise NotHere(f"phone {pretty(mac)} is not in the inventory; add it with `provisioner device add {mac} --model FAMILY/MODEL`")
        family = self.catalog.family(facts.device.family)
        return family, self._model(family, facts.device), facts

    def files_of(self, mac: str) -> list[tuple[str, FileRule]]:
        """Return (name, rule) of every file that this phone asks for and gets from us, in its order."""
        family, model, facts = self.facts(mac)
        device = facts.device
        values = {"mac": mac, "model": model.name, "code": model.code or model.name.lower(), "firmware": device.firmware, "serial": device.serial}
        named = [(rule.name(values), rule) for rule in family.rules(model.name, device.firmware) if rule.template and rule.patterns[0].generates]
        return [(name, rule) for name, rule in named if (found := family.file_for(name, model.name, device.firmware)) and found[0] is rule]  # not those behind another

    def preview(self, mac: str, name: str, reveal: bool = False) -> bytes:
        """Return the bytes that this phone would get, secrets masked unless `reveal`."""
        family, model, facts = self.facts(mac)
        found = family.file_for(name, model.name, facts.device.firmware)
        if not found or not found[0].template:
            raise NotHere(f"{pretty(mac)} gets no file {name!r}; its files are {', '.join(known for known, _ in self.files_of(mac))}")
        if found[0].scope == "family":
            return self.renderer.render(family, found[0], family_context(family, model, facts.site.public_url))
        return self._render(family, found[0], facts, facts.device.firmware, replace(self._secrets, shown=reveal))

    def climb(self, family: Family, facts: BootFacts, firmware: str) -> str:
        """Return which firmware comes before the wanted one, where the maker requires it."""
        if not family.ladder:
            return ""
        model = self._model(family, facts.device)
        return family.climb(model.name, firmware or facts.device.firmware, said(family, model, facts)["firmware"].value or "")

    def try_all(self, mac: str) -> None:
        """Render every file of a phone and keep none; raises what its next boot would meet (D6)."""
        family, model, facts = self.facts(mac)
        for rule in family.rules(model.name, facts.device.firmware):
            if rule.template and rule.scope == "phone":
                self._render(family, rule, facts, facts.device.firmware)

    def password_of(self, device: Device) -> str:
        """Return the password with which a device proves itself, its MAC being the user."""
        return credentials.password_of(self.store.server_key, device.mac, device.generation)

    def expected_token(self, device: Device) -> str:
        """Return the token of a device (D10)."""
        return tokens.token(self.store.server_key, device.mac, device.generation)

    @property
    def secrets(self) -> Secrets:
        """What `explain` needs to render as a boot does."""
        return self._secrets


def _key(family: Family, rule: FileRule, device: Device, firmware: str) -> tuple[object, ...]:
    """Return all that the bytes of a phone's file depend on (D4); time zone data is of this process."""
    return device.mac, device.revision, rule.match, rule.template, firmware or device.firmware, family.fingerprint


def _reply(answer: Answer, rule: FileRule, request: PhoneRequest, device: Device | None) -> Reply:
    """Step 8."""
    body, etag = answer.body, answer.etag
    revised_at = datetime.fromisoformat(device.revised_at) if device and device.revised_at else None
    if etag in request.etags:
        return Reply("not-modified", media_type=rule.media_type, etag=etag, revised_at=revised_at, sentence="; ".join(filter(None, ("the phone has this file already", answer.sentence))))
    return Reply("served", body=body, media_type=rule.media_type, etag=etag, revised_at=revised_at, sentence=answer.sentence)


def _etag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _event(request: PhoneRequest, reply: Reply, trail: _Trail, seconds: float) -> Event:
    """Step 9."""
    who = trail.sighting
    waits = reply.outcome == "unknown" and trail.device is None and trail.policy != "refuse"
    size = len(reply.body) if not reply.file else _size(reply.file)
    return Event(
        id=0, at=datetime.now(UTC).isoformat(timespec="milliseconds"), mac=trail.device.mac if trail.device else who.mac,
        family=trail.device.family if trail.device else who.family, model=trail.device.model if trail.device else who.model, wire=request.wire, address=request.address, path=_logged(request.path), rule=trail.rule,
        outcome=reply.outcome, sentence=reply.sentence[:500], status=reply.status, bytes=size, ms=round(seconds * 1000, 2), sha256=reply.etag, times=1,
        firmware=who.firmware, known=trail.device is not None, held=who.candidates if waits else None,
    )  # fmt: skip


def _repeat(event: Event, trail: _Trail) -> Repeat | None:
    """Return what it takes to give the reply of this event once more."""
    device = trail.device
    if device is None:
        return None
    return Repeat(device.mac, (device.revision, device.generation, device.state, device.site, trail.sites), json.dumps(event.row[2:])[1:])


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # taken away since
        return 0


def _logged(path: str) -> str:
    """Return a path as events keep it: a long segment before the last may be a token that somebody typed almost right (D10)."""
    *before, last = path.replace("\\", "/").split("/")
    return "/".join([*("…" if len(segment) >= 12 else segment for segment in before[-8:]), last])[-255:]


def _short(name: str) -> str:
    """Return a name that a stranger chose, short enough for a sentence."""
    return name if len(name) <= 80 else f"{name[:80]}…"


def _where(fault: BaseException) -> str:
    trace, place = fault.__traceback__, "?"
    while trace:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
