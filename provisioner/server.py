"""One command, several processes: opens the doors, starts who stands behind them, and watches.

    serve     the supervisor: binds both doors, and replaces whoever dies
     ├ http       granian's master with its workers (phones' files over HTTP)
     ├ https      the same over TLS
     ├ proxy      reads PROXY headers, and passes connections on to
     ├ http-behind, https-behind    which are as http and https, at local sockets
     ├ console    granian's master for people and programs: the console and the API
     ├ tftp       the TFTP loop, or as many as tftp_workers says
     ├ render     answers a TFTP loop's questions; each loop has its own
     ├ events     the housekeeper, which writes what became of requests
     ├ accounts   goes round the accounts, where an option says so: are they right, what contacts do their providers keep
     └ templates  tries the templates of operators, at the start and at a reload, and ends

The doors are bound here, before privileges are dropped, so the real ports are known, a port that is
taken is said at once, and a process can be replaced while phones wait in the door's queue. All
processes are forks of this one, which holds no thread and no database open, and share the families
that it has read. Each ends with the supervisor, however that ends.

SIGTERM lets what runs come to its end (HTTP 10 seconds, TFTP 5), a second one does not. SIGHUP reads config,
families and certificate again and changes over to new processes. A certificate whose files
change is read again by itself; one that cannot be used leaves the old one in its place.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import logging
import math
import os
import pwd
import re
import resource
import selectors
import shutil
import signal
import socket
import ssl
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509

from provisioner import certificates, dates, families, housekeeper, providers, renderer, rounds
from provisioner.admin import Admin, checks, duties
from provisioner.admin.trials import SERVE_FILE
from provisioner.boot import Booter
from provisioner.boot import Limits as BootLimits
from provisioner.config import Config, Listen, forget_environment
from provisioner.errors import BadConfig, ProvisionerError, StoreTrouble
from provisioner.eventstore import EventStore
from provisioner.families import Catalog, Family
from provisioner.housekeeper import Sender
from provisioner.identify import mac_in
from provisioner.nonces import Counts
from provisioner.providers import Providers
from provisioner.render import Renderer
from provisioner.repeats import Repeats
from provisioner.store import FILE as STORE_FILE
from provisioner.store import Store
from provisioner.tftp import Limits, Loop, open_socket
from provisioner.things import Event, EventRow
from provisioner.web import relay
from provisioner.web.doorman import DRAIN as HTTP_DRAIN
from provisioner.web.doorman import Doorman
from provisioner.web.phones import Door
from provisioner.wire import PhoneRequest

log = logging.getLogger("provisioner.server")

LOCK_FILE = "serve.lock"
COMPILING = 3.0  # seconds before the first answer, where there are phones of dozens of families
BACKLOG = 4096  # phones that wait for an HTTP worker
_TRIER = "templates"  # the process that tries the templates, once
_DATER = "dates"  # the process that gives phones the dates of a new year, once in a while
_STEADY = 5.0  # seconds; who lives longer is replaced at once
_LONGEST_PAUSE = 10.0
_DOORMEN = ("http", "https", "http-behind", "https-behind", "console")
_MEMORY = Path("/dev/shm")  # where local sockets can be named whether the disk is full or not
LOOK_EVERY = 30.0  # seconds; whether the certificate's files have changed
DATES_EVERY = 6 * 3600.0  # seconds; whether phones are due for the dates of a new year
_PR_SET_PDEATHSIG = 1
_M_ARENA_MAX = -8
_NO_WRITES = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
_FIXED = (  # options that are in use before any process starts
    "state", "user", "http_address", "https_address", "proxy_address", "admin_address", "tftp_address", "tftp_workers", "tls_certificate", "tls_key",
)  # fmt: skip
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Running:
    """A server that runs: its process, and where its doors really are (a door that is off is empty)."""

    pid: int
    http: Listen
    https: Listen
    proxy: Listen
    tftp: Listen
    state: Path
    admin: Listen = Listen("", 0)


@dataclass(frozen=True)
class Guest:
    """What is served of another server, a bundle: where its events go, and until when. over: returns a sentence once it may be served no more, else empty."""

    events: housekeeper.EventLog
    over: Callable[[], str]


def serve(config: Config, ready: Callable[[Running], None] | None = None, again: Callable[[], Config] | None = None, guest: Guest | None = None) -> int:
    """Serve phones until SIGTERM or SIGINT, a guest until it is over; return the exit code.

    ready: called once the doors are open; without it their addresses are printed.
    again: reads the config anew at SIGHUP; without it the one that was given stays.
    Raises BadConfig or StoreTrouble with the cure, before any process is started.
    """
    logging.basicConfig(level=config.log_number, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)
    _raise_file_limit()
    _share_one_heap()
    supervisor = _Supervisor(config, again, guest)
    try:
        supervisor.open()
        (ready or _print)(supervisor.running)
        return supervisor.run()
    finally:
        supervisor.close()


def _print(running: Running) -> None:
    if running.http:
        print(f"phones over HTTP: http://{running.http}/", flush=True)
    if running.https:
        print(f"phones over HTTPS: https://{running.https}/", flush=True)
    if running.proxy:
        print(f"proxies with PROXY headers: {running.proxy}", flush=True)
    if running.tftp:
        print(f"phones over TFTP: tftp://{running.tftp}/", flush=True)
    if running.admin:
        print(f"people and programs: http://{running.admin}/", flush=True)


@dataclass
class _Child:
    name: str
    pid: int
    fd: int
    started: float
    told: bool = False  # to end


class _Supervisor:
    def __init__(self, config: Config, again: Callable[[], Config] | None, guest: Guest | None = None) -> None:
        self.config, self._again, self._guest = config, again, guest
        self.catalog, self.providers = Catalog({}), Providers()
        self._templates = Renderer(self.catalog)
        self.running = Running(os.getpid(), Listen("", 0), Listen("", 0), Listen("", 0), Listen("", 0), config.state)
        self._http: socket.socket | None = None
        self._https: socket.socket | None = None
        self._certificate: certificates.Keeper | None = None
        self._proxy: socket.socket | None = None
        self._behind: list[socket.socket] = []
        self._room = Path()
        self._counts = Counts()
        self._admin: socket.socket | None = None
        self._tftp: list[socket.socket] = []
        self._render: list[socket.socket] = []
        self._lock = -1
        self._folder = config.run_folder
        self._sending, self._reading = housekeeper.channel()
        self._children: dict[int, _Child] = {}
        self._pauses: dict[str, float] = {}
        self._due: list[tuple[float, str]] = []
        self._signals: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()

    # Opening and closing

    def open(self) -> None:
        """Bind the doors, become the user, and prepare the state; raises BadConfig or StoreTrouble."""
        config = self.config
        self._http = _bound_http("http_address", config.http_address) if config.http_address else None
        if config.https_address:
            self._https = _bound_http("https_address", config.https_address)
        if config.proxy_address:
            self._proxy = _bound_http("proxy_address", config.proxy_address)
        if self._https or (self._proxy and config.tls_certificate != Path()):
            self._certificate = certificates.Keeper(*config.tls_files)
            self._warn_of_certificate()
        self._admin = self._bound_admin()
        self._tftp = _bound_tftp(config.tftp_address, config.tftp_workers) if config.tftp_address else []
        if config.user:
            _become(config.user)
        os.umask(0o077)
        try:
            self._settle(config.run_folder)
        except OSError as why:
            if why.errno not in _NO_WRITES or not os.path.exists(config.state / STORE_FILE):
                raise BadConfig(f"the folder {config.state} cannot be used ({why.strerror}); make it writable for this user, or name another as `state`") from None
            self._settle(_spare_folder(config.state))
            log.warning("%s takes no writes (%s); phones are answered from what is there, nothing new is kept. Make it writable, and start again", config.state, why.strerror)
        Store.open(config.state).close()
        try:
            EventStore.open(config.state).close()
        except StoreTrouble as why:
            log.warning("phones are answered, but no event is kept until this is mended: %s", why)
        if self._proxy:
            self._room = _room_in_memory(config.state) or Path(tempfile.mkdtemp(dir=self._folder))
            for name in (relay.HTTP_SOCKET, *([relay.HTTPS_SOCKET] if self._certificate else [])):
                self._behind.append(renderer.listen(self._room, name))
                self._behind[-1].listen(BACKLOG)
        self._read_families()
        self.running = Running(
            os.getpid(), _real(config.http_address, self._http), _real(config.https_address, self._https), _real(config.proxy_address, self._proxy),
            _real(config.tftp_address, next(iter(self._tftp), None)), config.state, _real(config.admin_address, self._admin),
        )  # fmt: skip

    def _bound_admin(self) -> socket.socket | None:
        """Bind the admin's door; where nobody has said which and the usual one is taken, phones are served without it."""
        address = self.config.admin_address
        if not address:
            return None
        try:
            return _bound_http("admin_address", address)
        except BadConfig as why:
            if "admin_address" in self.config.said_by:
                raise
            log.warning("%s. Phones are served without a console", why)
            return None

    def _settle(self, folder: Path) -> None:
        """Take a folder for the lock, the render process's socket and what runs now; raises OSError where it takes no writes."""
        _made_for_us(folder)
        lock = _locked(folder / LOCK_FILE, self.config.state)
        try:
            self._render = [renderer.listen(folder, _render_socket(number)) for number in range(1, self.config.tftp_workers + 1)]
        except OSError:
            os.close(lock)
            raise
        self._lock, self._folder = lock, folder

    def _read_families(self) -> None:
        self.catalog = families.load(self.config.phones_path, self.config.base_phones)
        for fault in self.catalog.faults:
            log.warning("%s", fault)
        self._templates = Renderer(self.catalog)
        self.providers = providers.load(self.config.providers_path, self.config.base_providers)
        for fault in self.providers.faults:
            log.warning("%s", fault)
        with contextlib.suppress(StoreTrouble):
            self._compile()

    def _compile(self) -> None:
        """Make the files of one phone of each family that there are phones of, the most frequent first, for at most COMPILING.

        The processes share the templates that were compiled for them; others are compiled when a phone asks.
        """
        until = time.monotonic() + COMPILING
        store = Store.open(self.config.state)
        try:
            booter = Booter(store, self.catalog, lambda event: None, renderer=self._templates)
            for (slug,), _ in store.devices().tally("family").most_common():
                for device in store.devices(family=slug).page(1):
                    with contextlib.suppress(ProvisionerError):  # `check` tells it, and the phone's event
                        for name, _ in booter.files_of(device.mac):
                            if time.monotonic() < until:
                                booter.preview(device.mac, name)
        finally:
            store.close()

    def _try_templates(self) -> None:
        """Name what is wrong with templates that operators wrote, in a process behind all others: it may take seconds, and phones shall not wait for it.

        Those that ship as they are were tried by the tests of their release.
        """
        self._say([child for child in self._children.values() if child.name == _TRIER], signal.SIGTERM)
        shared = any((root / "_shared").is_dir() for root in self.config.phones_path)
        own = [family for family in self.catalog.families.values() if not self._guest and (shared or [folder.parent for folder in family.folders] != [families.shipped()])]
        if own:
            self._start(_TRIER, partial(self._run_trier, own)).told = True

    def _run_trier(self, own: list[Family]) -> None:
        os.nice(19)
        for sentence in dict.fromkeys(finding.sentence for finding in checks.manifests(self.catalog, own)):
            if sentence not in map(str, self.catalog.faults):
                log.warning("%s", sentence)

    def _run_dater(self) -> None:
        """Give phones that take no rule the dates of the new year (F8), in a process behind all others."""
        os.nice(19)
        try:
            count = dates.redate(Store.open(self.config.state), self.catalog, datetime.now(UTC))
        except StoreTrouble as why:
            log.error("phones keep last year's dates of daylight time for now: %s", why)
            return
        if count:
            log.info("%d phones get this year's dates of daylight time", count)

    def close(self) -> None:
        """Take back what `open` left in the state's folder."""
        for name in (SERVE_FILE, housekeeper.WORD_FILE, *(_render_socket(number) for number in range(1, len(self._render) + 1))):
            if self._lock >= 0:
                (self._folder / name).unlink(missing_ok=True)
        if self._room != Path():
            shutil.rmtree(self._room, ignore_errors=True)
        for sock in (self._http, self._https, self._proxy, self._admin, *self._behind, *self._tftp, *self._render, self._sending, self._reading, self._woken, self._waker):
            if sock:
                sock.close()
        if self._certificate:
            self._certificate.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # Processes

    @property
    def _wanted(self) -> dict[str, Callable[[], None]]:
        """Return the processes that shall run, in the order in which they start."""
        wanted = {"events": self._run_events}
        if self.config.account_check_hours or self.config.contacts_hours:
            wanted["accounts"] = self._run_accounts
        if self._http:
            wanted["http"] = lambda: self._run_http(self._http)
        if self._https:
            wanted["https"] = lambda: self._run_http(self._https, self._certificate)
        if self._proxy:
            wanted["http-behind"] = lambda: self._run_http(self._behind[0])
            if self._certificate:
                wanted["https-behind"] = lambda: self._run_http(self._behind[1], self._certificate)
            wanted["proxy"] = self._run_proxy
        if self._admin:
            wanted["console"] = self._run_console
        for number in range(1, len(self._tftp) + 1):
            wanted[_numbered("render", number)] = partial(self._run_render, number)
            wanted[_numbered("tftp", number)] = partial(self._run_tftp, number)
        return wanted

    def _start(self, name: str, work: Callable[[], None] | None = None) -> _Child:
        mine = os.getpid()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self._be_a_child(mine)
                (work or self._wanted[name])()
                code = 0
            except BaseException as why:  # nothing may climb into the supervisor's own stack
                log.critical("%s ends: %s", name, why if isinstance(why, BadConfig) else repr(why), exc_info=log.isEnabledFor(logging.DEBUG))
            finally:
                logging.shutdown()
                os._exit(code)
        child = _Child(name, pid, os.pidfd_open(pid), time.monotonic())
        self._children[pid] = child
        self._selector.register(child.fd, selectors.EVENT_READ, child)
        return child

    def _be_a_child(self, supervisor: int) -> None:
        """Leave what is the supervisor's, end when it ends, and take no key press of its terminal."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        _end_with(supervisor, signal.SIGTERM)
        self._selector.close()
        for child in self._children.values():
            os.close(child.fd)

    def _run_http(self, listening: socket.socket | None, certificate: certificates.Keeper | None = None) -> None:
        assert listening
        master, config = os.getpid(), self.config

        def load() -> Door:
            _end_with(master, signal.SIGKILL)
            forget_environment()  # which granian would copy into the environ of every request
            sender = Sender(self._sending)
            Finalize(None, sender.close, exitpriority=0)  # when granian's worker ends
            booter = self._booter(sender)
            return Door(booter, Repeats(booter.store, sender.put), trusted_proxies=config.trusted_proxies, upload_limit=config.upload_limit)

        Doorman(listening, config.http_workers, certificate.names if certificate else None).run(load)

    def _run_console(self) -> None:
        from provisioner.api.door import api  # here and not above: what the API stands on would make every command start later
        from provisioner.console.door import Door as AdminDoor
        from provisioner.console.door import console

        assert self._admin
        master = os.getpid()

        def load() -> AdminDoor:
            _end_with(master, signal.SIGKILL)
            forget_environment()
            admin = Admin.open(self.config, "server", "console", self.catalog)
            return AdminDoor(console(admin), api(admin))

        Doorman(self._admin, 1).run(load)

    def _run_proxy(self) -> None:
        assert self._proxy
        relay.Relay(self._proxy, self._room, self.config.trusted_proxies).run(HTTP_DRAIN)

    def _run_tftp(self, number: int) -> None:
        config = self.config
        limits = Limits(
            block=config.tftp_block_size, transfers=config.tftp_transfers, per_address=config.tftp_transfers_per_address,
            retries=config.tftp_retries, upload=config.upload_limit, single_port=config.tftp_single_port,
        )  # fmt: skip
        loop = Loop(self._tftp[number - 1], limits)
        sender = Sender(self._sending)
        repeats = Repeats(Store.open(config.state), sender.put)
        loop.answered_by(renderer.Client(loop, self._folder, _render_socket(number), lambda request, why: sender(_failed(request, why)), repeats))
        signal.signal(signal.SIGTERM, lambda *_: None)  # its number comes to the loop through the stopper
        signal.set_wakeup_fd(loop.stopper.fileno())
        loop.run()
        sender.close()

    def _run_render(self, number: int) -> None:
        sender = Sender(self._sending)
        renderer.serve(self._render[number - 1], self._booter(sender))
        sender.close()

    def _run_events(self) -> None:
        housekeeper.keep(self._reading, self._guest.events if self._guest else _Events(self.config.state), self._folder, self.config.events_days)

    def _run_accounts(self) -> None:
        os.nice(10)
        booter = self._booter(lambda event: None)
        rounds.go(duties.wanted(Admin(booter.store, self.catalog, booter, self.config, "rounds", "housekeeper")))

    def _booter(self, sender: Callable[[Event], None]) -> Booter:
        config = self.config
        return Booter(
            Store.open(config.state), self.catalog, sender, assets=config.assets_folder,
            unknown_phones=config.unknown_phones, limits=BootLimits(config.upload_limit, config.uploads_per_phone), counts=self._counts, renderer=self._templates, providers=self.providers,
        )  # fmt: skip

    # Watching

    def run(self) -> int:
        """Keep every process running until told to end; return the exit code."""
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _: self._signals.append(got))
        self._selector.register(self._woken, selectors.EVENT_READ)
        for name in self._wanted:
            self._start(name)
        self._tell()
        self._try_templates()
        look_at = time.monotonic() + LOOK_EVERY if self._certificate or self._guest else math.inf
        dates_at = math.inf if self._guest else time.monotonic()
        while True:
            self._wait(min((look_at, dates_at, *(when for when, _ in self._due))))
            if signal.SIGTERM in self._signals or signal.SIGINT in self._signals:
                break
            if signal.SIGHUP in self._signals:
                self._change_over()
            if time.monotonic() >= look_at:
                self._look_at_certificate()
                look_at = time.monotonic() + LOOK_EVERY
            if time.monotonic() >= dates_at:
                self._start(_DATER, self._run_dater).told = True
                dates_at = time.monotonic() + DATES_EVERY
            over = self._guest.over() if self._guest else ""
            if over:
                log.error("%s", over)
                self._end()
                return 1
            self._start_due()
        self._end()
        return 0

    def _wait(self, until: float = math.inf) -> None:
        """Wait for a signal, for the end of a process, or until a time; and note who has ended."""
        for key, _ in self._selector.select(None if until == math.inf else max(0.0, until - time.monotonic())):
            if key.data is None:
                self._woken.recv(4096)
            else:
                self._ended(key.data)

    def _ended(self, child: _Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        self._selector.unregister(child.fd)
        os.close(child.fd)
        del self._children[child.pid]
        if child.told:
            return
        lived = time.monotonic() - child.started
        pause = 0.0 if lived >= _STEADY else self._pauses.get(child.name, 0.0)
        self._pauses[child.name] = min(max(2 * pause, 0.1), _LONGEST_PAUSE)
        if not self._stopping:
            log.warning("%s has ended (%s) and is started again%s", child.name, _how(status), f" in {pause:.1f} s" if pause else "")
            self._due.append((time.monotonic() + pause, child.name))

    @property
    def _stopping(self) -> bool:
        return signal.SIGTERM in self._signals or signal.SIGINT in self._signals

    def _start_due(self) -> None:
        now = time.monotonic()
        due = [name for when, name in self._due if when <= now]
        self._due = [(when, name) for when, name in self._due if when > now]
        for name in due:
            self._start(name)
        if due:
            self._tell()

    def _change_over(self) -> None:
        """Read the config, the families and the certificate again, and let new processes take over."""
        self._signals = [number for number in self._signals if number != signal.SIGHUP]
        self._read_config()
        self._read_families()
        self._renew_certificate()
        self._say([child for child in self._children.values() if child.name == "accounts" and child.name not in self._wanted and not child.told], signal.SIGTERM)
        self._replace(*(name for name in self._wanted if name not in ("events", "proxy")))
        log.info("config and families were read again; new processes answer")
        self._try_templates()

    def _read_config(self) -> None:
        """Take what the config says now; one that cannot be read, and what takes a restart, leave all as it is."""
        if not self._again:
            return
        try:
            config = self._again()
        except BadConfig as why:
            log.error("%s; the config read before stays in use", why)
            return
        fixed = [name for name in _FIXED if getattr(config, name) != getattr(self.config, name)]
        if fixed:
            log.warning("%s: another value takes a restart; what was said before stays", ", ".join(fixed))
        self.config = replace(config, **{name: getattr(self.config, name) for name in _FIXED})
        logging.getLogger().setLevel(self.config.log_number)

    def _replace(self, *names: str) -> None:
        """Start new processes beside the old ones of these names, and let those come to their end."""
        old = [child for child in self._children.values() if child.name in names]
        for name in names:
            self._start(name)
        doormen = [child for child in old if child.name in _DOORMEN]
        self._say(doormen, signal.SIGHUP)
        self._say([child for child in old if child not in doormen], signal.SIGTERM)
        self._tell()

    def _look_at_certificate(self) -> None:
        """Take a certificate whose files have changed into use."""
        if self._certificate and self._certificate.changed() and self._renew_certificate():
            self._replace(*(name for name in self._wanted if name in ("https", "https-behind")))

    def _renew_certificate(self) -> bool:
        """Read the certificate again; return True where another one is in use now."""
        if not self._certificate:
            return False
        before = self._certificate.trouble
        renewed = self._certificate.renew()
        if renewed:
            log.info("%s was read again and is in use", self.config.tls_certificate)
            self._warn_of_certificate()
        elif self._certificate.trouble and self._certificate.trouble != before:
            log.error("%s; the certificate read before stays in use", self._certificate.trouble)
        return renewed

    def _warn_of_certificate(self) -> None:
        assert self._certificate
        for sentence in self._certificate.certificate.warnings(datetime.now(UTC)):
            log.warning("%s", sentence)

    def _say(self, children: list[_Child], number: int) -> None:
        for child in children:
            child.told = True
            signal.pidfd_send_signal(child.fd, number)

    def _end(self) -> None:
        """Let the doors' processes come to their end, then those behind them, the events last."""
        asked = len(self._signals)
        tftp, render = ([_numbered(kind, number) for number in range(1, len(self._tftp) + 1)] for kind in ("tftp", "render"))
        for names, seconds in (([_TRIER, _DATER, "accounts", "proxy", *_DOORMEN, *tftp], HTTP_DRAIN + 1), (render, 3), (["events"], 5)):
            ending = [child for child in self._children.values() if child.name in names]
            self._say(ending, signal.SIGTERM)
            until = time.monotonic() + seconds
            while any(child.pid in self._children for child in ending) and time.monotonic() < until and len(self._signals) == asked:
                self._wait(until)
            self._say([child for child in ending if child.pid in self._children], signal.SIGKILL)
        while self._children:
            self._wait()

    def _tell(self) -> None:
        """Write down what runs, for `health` and for people."""
        children = [{"name": child.name, "pid": child.pid} for child in self._children.values() if not child.told]
        word = {
            "pid": self.running.pid, "started": datetime.now(UTC).isoformat(timespec="seconds"), "http": str(self.running.http),
            "https": str(self.running.https), "proxy": str(self.running.proxy), "admin": str(self.running.admin), "tftp": str(self.running.tftp), "children": children,
        }  # fmt: skip
        try:
            housekeeper.put_file(self._folder / SERVE_FILE, json.dumps(word, indent=1))
        except OSError as why:  # a full disk
            log.warning("%s cannot be written (%s); `health` will not know", SERVE_FILE, why.strerror)


class _Events:
    """The event store, opened when it can be: a file that cannot be opened stops events, never phones; it is tried again with every batch."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._store: EventStore | None = None

    def log_rows(self, rows: Sequence[EventRow]) -> None:
        """Keep events; raises StoreTrouble."""
        self._used(lambda store: store.log_rows(rows))

    def prune(self, before: str) -> int:
        """Forget events before a time; raises StoreTrouble."""
        return self._used(lambda store: store.prune(before))

    def _used(self, work: Callable[[EventStore], _Result]) -> _Result:
        self._store = self._store or EventStore.open(self._state)
        try:
            return work(self._store)
        except StoreTrouble:  # it may be another file by the next time: mended, put back, or writable again
            self._store.close()
            self._store = None
            raise


def _spare_folder(state: Path) -> Path:
    """Return where a server says what it is when its state takes no writes: a temporary folder that is this state's alone."""
    return Path(tempfile.gettempdir()) / f"provisioner-{hashlib.sha256(os.fsencode(os.path.realpath(state))).hexdigest()[:16]}"


def _room_in_memory(state: Path) -> Path | None:
    """Return an empty folder in memory that is this state's and ours alone, also where a server that was killed has left it; None where there can be none."""
    room = _MEMORY / _spare_folder(state).name
    try:
        if room.exists() and room.lstat().st_uid == os.geteuid():
            shutil.rmtree(room)
        room.mkdir(mode=0o700)
    except OSError:  # somebody else's, or no such place
        return None
    return room


def _made_for_us(folder: Path) -> None:
    """Make a folder where it is missing; raises OSError, or BadConfig where others could put something in a temporary one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if folder.parent == Path(tempfile.gettempdir()) and (not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077):
        raise BadConfig(f"{folder} is not this user's own folder; remove it, or set TMPDIR to another place")


def _failed(request: PhoneRequest, why: str) -> Event:
    """Return the event of a question that ended the render process, which could not leave one itself."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Event(0, now, mac_in(request), "", "", request.wire, request.address, request.path[:255], "", "failed", why, 503, 0, 0.0, "")


def _bound_http(option: str, address: Listen) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, 0, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(found[0], socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if found[0] == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(found[4])
        sock.listen(BACKLOG)
        return sock
    except OSError as why:
        raise BadConfig(_why_not(option, address, why)) from None


def _numbered(kind: str, number: int) -> str:
    """Return the name of one of several processes of a kind."""
    return kind if number == 1 else f"{kind}-{number}"


def _render_socket(number: int) -> str:
    return f"{_numbered('render', number)}.sock"


def _bound_tftp(address: Listen, workers: int) -> list[socket.socket]:
    """Return a socket for each process that serves TFTP; where there are several, the system parts the phones among them."""
    try:
        first = open_socket(address.host, address.port)
        if workers == 1:
            return [first]
        port = first.getsockname()[1]
        first.close()  # alone it has shown that no other program has the port, which several sockets would share with it
        return [open_socket(address.host, port, shared=True) for _ in range(workers)]
    except OSError as why:
        raise BadConfig(_why_not("tftp_address", address, why)) from None


def _why_not(option: str, address: Listen, why: OSError) -> str:
    """Return the sentence for a door that cannot be opened."""
    variable = f"PROVISIONER_{option.upper()}"
    if why.errno == errno.EADDRINUSE:
        return f"{option} {address} is taken by another program (`ss -lnp` names it); stop that one, or listen elsewhere: {variable}={address._replace(port=address.port + 1)}"
    if why.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{option} {address}: ports below 1024 need a privilege; start as root with the option `user`, or give the service"
            f" AmbientCapabilities=CAP_NET_BIND_SERVICE, or listen elsewhere: {variable}={address._replace(port=address.port + 8000)}"
        )
    if why.errno == errno.EADDRNOTAVAIL:
        return f"{option} {address}: this machine has no such address; `ip address` lists them, 0.0.0.0 and [::] mean all"
    return f"{option} {address} cannot be opened ({why.strerror or why}); correct it"


def _real(wanted: Listen, sock: socket.socket | None) -> Listen:
    return Listen(wanted.host, sock.getsockname()[1]) if sock else Listen("", 0)


def _locked(file: Path, state: Path) -> int:
    """Return the lock that one server of this state holds; a lock that forks do not share (fcntl, not flock)."""
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise BadConfig(f"another server runs on {state}; stop it first, or name another folder as `state`") from None
    return fd


def _become(user: str) -> None:
    """Become a user for good; raises BadConfig where there is none, or we are not root."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise BadConfig(f"user: there is no user {user!r} on this machine; make it with `useradd --system {user}`") from None
    if os.getuid() == entry.pw_uid:
        return
    if os.getuid() != 0:
        raise BadConfig(f"user: only root can become {user}; start as root, or leave the option empty")
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets us: each transfer and connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _share_one_heap() -> None:
    """Let the threads of a process share one heap (glibc: mallopt): Python runs one of them at a time, and each heap keeps what was freed in it, 40 MB in a worker."""
    with contextlib.suppress(AttributeError):  # another libc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _end_with(parent: int, number: int) -> None:
    """Get a signal when the parent ends, also where it was killed (Linux: prctl)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could say so
        os._exit(1)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


# Health


def health(config: Config, seconds: float = 5.0) -> list[tuple[str, bool, str]]:
    """Return (part, is it well, sentence) of the server that runs on this state; asks both doors as a phone would."""
    folder, word = next(((folder, word) for folder in (config.run_folder, _spare_folder(config.state)) if (word := _word_of(folder))), (Path(), {}))
    if not word:
        return [("server", False, f"no server runs on {config.state}; start it with `provisioner serve`")]
    found = [("server", True, f"process {word['pid']} since {word['started']}")]
    for name, ask in (("http", _ask_http), ("https", _ask_https), ("admin", _ask_admin), ("tftp", _ask_tftp)):
        address = Listen(*_split(word.get(name, "")))
        if address:
            found.append((name, *_asked(ask, address, seconds)))
    alive = {child["name"]: child["pid"] for child in word["children"]}
    for name in alive:
        if name not in ("http", "https", "console", "tftp", "events"):  # which have answered, or answer below
            found.append((name, _alive(alive[name]), f"process {alive[name]}" if _alive(alive[name]) else "it has ended and is being replaced; look at the server's log"))
    return [*found, _events_health(folder), _store_health(config)]


def _word_of(folder: Path) -> dict[str, Any]:
    """Return what a running server has said of itself in its folder, or nothing."""
    try:
        word: dict[str, Any] = json.loads((folder / SERVE_FILE).read_text("utf-8"))
        return word if _alive(word["pid"]) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _split(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port or 0)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _asked(ask: Callable[[tuple[str, int], float], str], address: Listen, seconds: float) -> tuple[bool, str]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    started = time.monotonic()
    try:
        fault = ask((host, address.port), seconds)
    except OSError as why:
        return False, f"{address} does not answer ({why.strerror or 'no answer in time'}); look at the server's log"
    return not fault, f"{address} {fault or f'answers in {(time.monotonic() - started) * 1000:.0f} ms'}"


_NOBODYS = "nobody-has-this-name"
_NOT_OURS = "gives an answer that is not ours; does another program listen there?"


def _ask_http(address: tuple[str, int], seconds: float) -> str:
    with socket.create_connection(address, seconds) as sock:
        return _asked_http(sock)


def _ask_admin(address: tuple[str, int], seconds: float) -> str:
    with socket.create_connection(address, seconds) as sock:
        sock.sendall(b"GET /sign-in HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return "" if re.match(rb"HTTP/1\.[01] 200 ", sock.recv(4096)) else _NOT_OURS


def _asked_http(sock: socket.socket) -> str:
    sock.sendall(f"GET /{_NOBODYS} HTTP/1.0\r\n\r\n".encode())
    return "" if re.match(rb"HTTP/1\.[01] (?:404|401) ", sock.recv(4096)) else _NOT_OURS  # the latter where its site takes passwords


def _ask_https(address: tuple[str, int], seconds: float) -> str:
    """Ask as a phone would that checks no name, and look at how long it still could check the rest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address, seconds) as plain, context.wrap_socket(plain) as sock:
        shown = sock.getpeercert(binary_form=True)
        ends = x509.load_der_x509_certificate(shown or b"").not_valid_after_utc
        if ends <= datetime.now(UTC):
            return f"answers, but its certificate has expired on {ends:%Y-%m-%d}; renew it, the server takes it into use by itself"
        return _asked_http(sock)


def _ask_tftp(address: tuple[str, int], seconds: float) -> str:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(seconds)
        sock.sendto(b"\0\1" + _NOBODYS.encode() + b"\0octet\0", address)
        return "" if sock.recv(512).startswith(b"\0\5\0\1") else _NOT_OURS


def _events_health(folder: Path) -> tuple[str, bool, str]:
    try:
        word = json.loads((folder / housekeeper.WORD_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return "events", False, "the housekeeper has left no word; is the disk full? Look at the server's log"
    age = time.time() - word["at"]
    if word["trouble"]:
        return "events", False, f"events are not written: {word['trouble']}"
    if age > 30:
        return "events", False, f"the housekeeper's last word is {age:.0f} seconds old; is the disk full? Look at the server's log"
    lost = f", {word['dropped']} dropped" if word["dropped"] else ""
    return "events", True, f"{word['written']} written{lost}"


def _store_health(config: Config) -> tuple[str, bool, str]:
    try:
        store = Store.open(config.state)
        try:
            store.site("default")
        finally:
            store.close()
    except Exception as why:
        return "store", False, str(why)
    return "store", True, "can be read"
