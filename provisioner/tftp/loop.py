"""The TFTP server's loop.

A request walks: listening socket -> read (packets.py) -> asked of the booter, elsewhere, while the
loop goes on -> transfer -> gone. Everything that waits stands in one table, `_transfers`, under the
phone's address and port (its TID, RFC 1350 section 4), so a request that is sent twice is one transfer.

Each transfer has one of PORTS sockets beside the listening one, so that a site that boots needs no thousands of them
and many packets are read in one go; a phone tells its own packets by our port, we tell phones by theirs.

What keeps it alive: time is monotonic; whatever goes wrong with one transfer ends that one; a source
that never answered gets its first packet at most 1 + `retries` times (nobody can be flooded through us);
when the table is full the transfer that was silent longest makes room.
"""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import logging
import random
import select
import socket
import struct
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from provisioner import tokens
from provisioner.tftp import packets
from provisioner.tftp.packets import Ask, Blocks, BodyBlocks, FileBlocks, Terms
from provisioner.wire import PhoneRequest, Reply

log = logging.getLogger("provisioner.tftp")

Done = Callable[[Reply | None], None]
Peer = tuple[Any, ...]  # a socket address, as the system gives it

_IP_PKTINFO = 8  # Linux; Python's socket module names it from 3.12 on
_SOL_UDP, _UDP_SEGMENT = 17, 103  # Linux 4.18; likewise without a name
PORTS = 4  # of each of our addresses that is asked
_BUFFER = 65536
_BURST = 256  # packets taken from one socket before others have their turn
_RECEIVE_BUFFER = 4 << 20
_TRAIN, _TRAIN_BYTES = 64, 65_000  # packets that the system takes as one, at most
_REMEMBERED = 10.0  # seconds in which a packet of a transfer that has ended is no stranger's
_MOVE_EVERY = 1.0  # seconds; a finer order of who was silent longest is not worth its work
_LEAST_WAIT, _MOST_WAIT = 0.25, 2.0  # before a packet is sent again to a phone that has answered
_MOST_FIRST_WAIT = 8.0  # and to one that has not, whose address may be forged
_COPY = 1.0  # seconds after a phone's last word, in which the request that it began with is a copy and no new start
_SILENT = 30.0  # seconds without a word, after which a phone is given up
_NOTE_EVERY = 60.0
_UPLOADS = 64  # at one time; each is held in memory until it is whole


class Asker(Protocol):
    """Who answers, some time later, without ever making the loop wait."""

    def ask(self, request: PhoneRequest, body: bytes | None, done: Done) -> None:
        """Put a question (or, with a body, an upload); `done` is called once in any case, with None where nobody knows."""


@dataclass(frozen=True)
class Limits:
    """What one server allows; see config.py."""

    block: int = 1428
    window: int = 16
    transfers: int = 4096
    per_address: int = 1024
    retries: int = 4
    upload: int = 1_000_000
    single_port: bool = False


class _Transfer:
    """One request of one phone, from its first packet to its end."""

    __slots__ = (
        "acked", "address", "ask", "awaited", "blocks", "body", "due", "first", "heard", "moved", "peer", "planned", "ready", "sent", "sent_at", "sock", "source", "state", "terms", "tries", "wait",
    )  # fmt: skip

    def __init__(self, peer: Peer, address: str, first: bytes, ask: Ask, source: Peer | None, now: float) -> None:
        self.peer, self.address, self.first, self.ask, self.source = peer, address, first, ask, source
        self.state = "asking"  # asking -> sending -> gone, or receiving -> asking -> gone
        self.sock: socket.socket | None = None
        self.blocks: Blocks | None = None
        self.body = bytearray()
        self.terms = Terms()
        self.acked = 0  # blocks that the phone has, or that we have of an upload
        self.sent = 0  # last block on its way
        self.tries = 0
        self.wait = _MOST_WAIT
        self.heard = self.sent_at = now
        self.moved = 0.0
        self.ready: list[bytes] = []  # the packets of a body that goes out block by block
        self.awaited = b""  # and the ACK that lets the next one go
        self.due = self.planned = float("inf")  # when it is late, and the earliest of its entries among the timers

    @property
    def unheard(self) -> bool:
        """Return True until the phone has answered a packet of ours, and so proved its address."""
        return self.acked <= 0


class Loop:
    """Serves one listening socket until told to stop."""

    def __init__(self, listening: socket.socket, limits: Limits = Limits(), clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that never go back."""
        self.limits = limits
        self.counts: Counter[str] = Counter()
        self._listening, self._clock = listening, clock
        self._asker: Asker | None = None
        self._poll = select.epoll()
        self._ready: dict[int, Callable[[], None]] = {}
        self._transfers: OrderedDict[Peer, _Transfer] = OrderedDict()  # the one that was silent longest comes first
        self._of_address: dict[str, OrderedDict[Peer, _Transfer]] = {}
        self._timers: list[tuple[float, int, _Transfer | Callable[[], None]]] = []
        self._order = itertools.count()
        self._uploads = 0
        self._ports: dict[Peer, list[socket.socket]] = {}  # by our address
        self._ended: OrderedDict[Peer, float] = OrderedDict()  # transfers that have ended lately, and when
        self._trains = True
        self._most_bytes = max(limits.block, 1500) + 5
        self._bodies: weakref.WeakValueDictionary[tuple[bytes, int], BodyBlocks] = weakref.WeakValueDictionary()
        self._stop_at: float | None = None
        self._here = (*listening.getsockname()[:1], 0, *listening.getsockname()[2:])
        self._wildcard = ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_unspecified
        listening.setblocking(False)
        self.stopper, self._stopped = socket.socketpair()  # what comes here from a signal or a thread wakes the loop
        self.stopper.setblocking(False)
        self.watch(self._stopped, self._woken)
        self.watch(listening, self._arrivals)
        self.later(_NOTE_EVERY, self._note)

    # What the render process's client uses as well

    def watch(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """Call `ready` when the socket has something to read."""
        self._ready[sock.fileno()] = ready
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def watch_writing(self, sock: socket.socket, writing: bool) -> None:
        """Call `ready` also when the socket takes more, or no longer."""
        self._poll.modify(sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if writing else 0))

    def unwatch(self, sock: socket.socket) -> None:
        """Forget a socket, before it is closed."""
        if self._ready.pop(sock.fileno(), None):
            self._poll.unregister(sock.fileno())

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call once, after these seconds."""
        heapq.heappush(self._timers, (self._clock() + seconds, next(self._order), call))

    def nudge(self) -> None:
        """Make `run` look at its timers; from any thread."""
        self.stopper.send(b"n")

    @property
    def open_transfers(self) -> list[str]:
        """Return the names of the files that are on their way, or asked for."""
        return [transfer.ask.name for transfer in self._transfers.values()]

    def answered_by(self, asker: Asker) -> None:
        """Say who answers; before `run`."""
        self._asker = asker

    # The loop

    def stop(self, within: float = 5.0) -> None:
        """Take no more requests, let running transfers end, and leave `run` within these seconds."""
        if self._stop_at is None:
            self._stop_at = self._clock() + within
            if not self.limits.single_port:  # which goes on reading, for its transfers' sake
                self.unwatch(self._listening)

    def run(self) -> None:
        """Serve until `stop` and all transfers are done, or its time is over."""
        while not self._over():
            for fd, _ in self._poll.poll(self._patience()):
                ready = self._ready.get(fd)
                if ready:
                    self._guarded(None, ready)
            self._overdue()
        for transfer in list(self._transfers.values()):
            self._end(transfer)
        for sock in itertools.chain.from_iterable(self._ports.values()):
            sock.close()
        self.stopper.close()
        self._stopped.close()
        self._poll.close()

    def _woken(self) -> None:
        if self._stopped.recv(4096).strip(b"n"):
            self.stop()

    def _over(self) -> bool:
        return self._stop_at is not None and (not self._transfers or self._clock() >= self._stop_at)

    def _patience(self) -> float:
        until = [when for when in (self._timers[0][0] if self._timers else None, self._stop_at) if when is not None]
        return max(0.0, min(until) - self._clock()) + 0.001 if until else 60.0

    def _guarded(self, transfer: _Transfer | None, step: Callable[..., None], *values: Any) -> None:
        """Take one step; a fault of ours ends its transfer and is told, and the loop goes on."""
        try:
            step(*values)
        except Exception:
            self._fault(transfer)

    def _fault(self, transfer: _Transfer | None) -> None:
        """Tell the fault that is being handled; its transfer ends."""
        self.counts["faults"] += 1
        log.exception("a fault of ours in the TFTP door; the other phones are served on")
        if transfer:
            self._end(transfer)

    def _overdue(self) -> None:
        now = self._clock()
        while self._timers and self._timers[0][0] <= now:
            when, _, what = heapq.heappop(self._timers)
            if not isinstance(what, _Transfer):
                self._guarded(None, what)
                continue
            if what.state == "gone" or when != what.planned:
                continue
            what.planned = float("inf")
            if what.due <= now:
                self._guarded(what, self._late, what, now)
            if what.state != "gone":
                self._plan(what, what.due)

    def _plan(self, transfer: _Transfer, due: float) -> None:
        """Say when the transfer is late. A later word costs nothing: the earlier entry is looked at and put back."""
        transfer.due = due
        if due < transfer.planned:
            transfer.planned = due
            heapq.heappush(self._timers, (due, next(self._order), transfer))

    def _note(self) -> None:
        """Tell, once a minute, how many packets nobody could make sense of."""
        odd = {name: self.counts[name] for name in ("unreadable", "unnamed") if self.counts[name]}
        if odd:
            log.warning("requests without a name that can be read were answered by nothing or File not found: %s", ", ".join(f"{count} {name}" for name, count in odd.items()))
            for name in odd:
                self.counts[name] = 0
        self.later(_NOTE_EVERY, self._note)

    # What arrives at the listening socket

    def _arrivals(self) -> None:
        for _ in range(_BURST):
            try:
                packet, ancillary, _, peer = self._listening.recvmsg(_BUFFER, 128)
            except (BlockingIOError, ConnectionError):  # the latter: an ICMP error of an earlier answer
                return
            self._guarded(None, self._arrived, packet, peer, ancillary)

    def _arrived(self, packet: bytes, peer: Peer, ancillary: list[tuple[int, int, bytes]]) -> None:
        if len(packet) < 4 or packet[0]:
            self.counts["unreadable"] += 1
            return
        kind = packet[1]
        transfer = self._transfers.get(peer)
        if kind in (packets.RRQ, packets.WRQ):
            source, to_many = _asked_at(ancillary)
            if not to_many:  # a request to a broadcast address is not answered (RFC 1123, 4.2.3.3)
                self._asked(packet, peer, source if self._wildcard else None, transfer)
        elif transfer and not transfer.sock:
            self._guarded(transfer, self._heard, transfer, packet, self._clock())
        elif kind in (packets.DATA, packets.ACK) and peer not in self._ended:
            self._send(None, peer, packets.STRANGER, _asked_at(ancillary)[0] if self._wildcard else None)

    def _asked(self, packet: bytes, peer: Peer, source: Peer | None, before: _Transfer | None) -> None:
        if before:
            if before.first == packet and (before.unheard or self._clock() - before.heard < _COPY):
                return  # the phone was impatient, or the network made a copy that comes late; this is the same request
            self._end(before)
        if self._stop_at is not None:
            return
        self.counts["requests"] += 1
        ask = packets.read_ask(packet)
        if ask is None:
            self.counts["unreadable"] += 1
            return
        if ask.mode not in ("octet", "netascii"):
            self._send(None, peer, packets.NO_MAIL, source)
            return
        if not ask.name or len(ask.name) > packets.MOST_NAME:
            self.counts["unnamed"] += 1
            self._send(None, peer, packets.NOT_FOUND, source)
            return
        transfer = _Transfer(peer, _address(str(peer[0])), packet, ask, source, self._clock())
        self._enter(transfer)
        self._guarded(transfer, self._begin, transfer)

    def _begin(self, transfer: _Transfer) -> None:
        if not transfer.ask.write:
            self._question(transfer, None)
            return
        terms = packets.agree(transfer.ask, most_block=self.limits.block, most_window=1, size=None)
        if self._uploads >= _UPLOADS or (terms.tsize or 0) > self.limits.upload:
            self._refuse(transfer, packets.TOO_LARGE)
            return
        self._uploads += 1
        transfer.terms, transfer.state = terms, "receiving"
        transfer.sock = self._port(transfer)
        self._transmit(transfer)

    def _question(self, transfer: _Transfer, body: bytes | None) -> None:
        assert self._asker is not None, "answered_by comes before run"
        self._asker.ask(_request(transfer.ask.name, transfer.address), body, lambda reply: self._guarded(transfer, self._answered, transfer, reply))

    def _answered(self, transfer: _Transfer, reply: Reply | None) -> None:
        if transfer.state != "asking":
            return
        if reply is None or reply.outcome == "failed":
            self.counts["failed"] += 1
            self._end(transfer)  # silence, so that the phone asks again (F3)
        elif reply.outcome == "uploaded" and transfer.ask.write:
            self._send(transfer.sock, transfer.peer, packets.ack(transfer.acked), transfer.source)
            self.counts["done"] += 1
            self._end(transfer)
        elif reply.outcome == "served" and not transfer.ask.write:
            self._serve(transfer, reply)
        else:
            self._refuse(transfer, packets.NOT_FOUND)

    def _serve(self, transfer: _Transfer, reply: Reply) -> None:
        """Begin to send what the booter gave."""
        netascii = transfer.ask.mode == "netascii"
        if reply.file and netascii:
            self._refuse(transfer, packets.NO_MAIL)
            return
        try:
            length = reply.file.stat().st_size if reply.file else len(reply.body)
            terms = packets.agree(transfer.ask, most_block=self.limits.block, most_window=self.limits.window, size=None if netascii else length)
            blocks = FileBlocks(reply.file, terms.block) if reply.file else self._shared(packets.to_netascii(reply.body) if netascii else reply.body, terms.block)
        except OSError as why:
            log.warning("%s cannot be read: %s", reply.file, why.strerror)
            self._end(transfer)
            return
        transfer.blocks, transfer.terms, transfer.state = blocks, terms, "sending"
        if terms.window == 1 and not terms.timeout and isinstance(blocks, BodyBlocks) and not self.limits.single_port:
            transfer.ready = blocks.ready
        transfer.acked = -1 if terms.said else 0  # an OACK is acknowledged as block 0
        transfer.sent = 0 if terms.said else min(terms.window, blocks.count)
        transfer.sock = self._port(transfer)
        self._transmit(transfer)

    def _shared(self, body: bytes, size: int) -> BodyBlocks:
        """Return the packets of a body, the same ones for all who are sent the same bytes now."""
        blocks = self._bodies.get((body, size))
        if blocks is None:
            blocks = self._bodies[body, size] = BodyBlocks(body, size)
        return blocks

    # A transfer

    def _port(self, transfer: _Transfer) -> socket.socket | None:
        """Return the socket, and so the TID, of a transfer, at the address that the phone asked; None for the listening one."""
        if self.limits.single_port:
            return None
        here = transfer.source or self._here
        ports = self._ports.setdefault(here, [])
        if len(ports) < PORTS:
            ports.append(self._opened(here))
        return random.choice(ports)

    def _opened(self, here: Peer) -> socket.socket:
        """Return a socket at an address of ours, at a port that the system chooses; raises OSError."""
        family = self._listening.family
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            sock.bind(here)
            sock.setblocking(False)
        except OSError:
            sock.close()
            raise
        self.watch(sock, lambda: self._readable(sock))
        return sock

    def _readable(self, sock: socket.socket) -> None:
        get, receive, most, now = self._transfers.get, sock.recvfrom, self._most_bytes, self._clock()
        for _ in range(_BURST):
            try:
                packet, peer = receive(most)
            except (BlockingIOError, ConnectionError):  # the latter: a phone's port is closed; its timer ends it
                return
            transfer = get(peer)
            if transfer is None or transfer.sock is not sock:
                self._stranger(sock, packet, peer)
                continue
            try:
                if packet != transfer.awaited or not self._went_on(transfer, sock, now):
                    self._heard(transfer, packet, now)
            except Exception:
                self._fault(transfer)

    def _went_on(self, transfer: _Transfer, sock: socket.socket, now: float) -> bool:
        """Send the next block of a short body at once where its ACK came in time and in order, as nearly all do; False where that is not so.

        What `_acknowledged` does, for the one case that a site that boots consists of: no window, no loss, not the last block.
        """
        ready, acked = transfer.ready, transfer.acked + 1
        if transfer.tries or acked >= len(ready) - 1:
            return False
        transfer.acked, transfer.sent = acked, acked + 1
        transfer.awaited = packets.ACKS[acked + 1]
        took = 4 * (now - transfer.sent_at)
        transfer.wait = _LEAST_WAIT if took < _LEAST_WAIT else min(took, _MOST_WAIT)
        transfer.heard = transfer.sent_at = now
        transfer.due = due = now + transfer.wait
        if due < transfer.planned:  # where the way was slower before; mostly its timer is set already, for an earlier time
            self._plan(transfer, due)
        sock.sendto(ready[acked], transfer.peer)
        return True

    def _stranger(self, sock: socket.socket, packet: bytes, peer: Peer) -> None:
        """Tell whoever has no transfer here that he has none, unless it has just ended."""
        if peer in self._ended:
            return
        self.counts["strangers"] += 1
        if len(packet) >= 4 and packet[1] != packets.ERROR:
            self._send(sock, peer, packets.STRANGER)

    def _heard(self, transfer: _Transfer, packet: bytes, now: float) -> None:
        """One packet from the phone itself."""
        if len(packet) < 4 or packet[0]:
            return
        kind = packet[1]
        if kind == packets.ACK and transfer.state == "sending":
            self._acknowledged(transfer, packet[2] << 8 | packet[3], now)
        elif kind == packets.ERROR:
            self.counts["given up by the phone"] += 1
            self._end(transfer)
        elif kind == packets.DATA and transfer.state == "receiving":
            self._received(transfer, packet, now)

    def _acknowledged(self, transfer: _Transfer, number: int, now: float) -> None:
        """Go on after an ACK that is new; one that is old is silence, or each DATA would come twice for ever after."""
        news = (number - transfer.acked) & 0xFFFF
        if not 0 < news <= transfer.sent - transfer.acked:
            return
        assert transfer.blocks is not None
        transfer.acked += news
        self._touch(transfer, now)
        if transfer.acked == transfer.blocks.count:
            self.counts["done"] += 1
            self._end(transfer)
            return
        transfer.sent = min(transfer.acked + transfer.terms.window, transfer.blocks.count)
        self._send_blocks(transfer, now)
        if transfer.ready and transfer.acked + 1 < len(packets.ACKS):
            transfer.awaited = packets.ACKS[transfer.acked + 1]

    def _received(self, transfer: _Transfer, packet: bytes, now: float) -> None:
        """Take one block of an upload; one that came before is acknowledged again, since our ACK was lost."""
        news = (packets.number_of(packet) - transfer.acked) & 0xFFFF
        block = packet[4:]
        if news > 1 or len(block) > transfer.terms.block:
            if news == 0 or news > 0xFF00:
                self._send(transfer.sock, transfer.peer, packets.ack(transfer.acked), transfer.source)
            return
        if news == 0:
            if transfer.acked:
                self._send(transfer.sock, transfer.peer, packets.ack(transfer.acked), transfer.source)
            return
        if len(transfer.body) + len(block) > self.limits.upload:
            self._refuse(transfer, packets.TOO_LARGE)
            return
        transfer.body += block
        transfer.acked += 1
        self._touch(transfer, now)
        if len(block) < transfer.terms.block:
            transfer.state, transfer.due = "asking", float("inf")
            self._uploads -= 1
            body = bytes(transfer.body)
            self._question(transfer, packets.from_netascii(body) if transfer.ask.mode == "netascii" else body)
        else:
            self._transmit(transfer)

    def _transmit(self, transfer: _Transfer) -> None:
        """Send what is on its way now: the OACK, a window of blocks, or an upload's ACK."""
        now = self._clock()
        if transfer.state != "receiving" and transfer.acked >= 0:
            self._send_blocks(transfer, now)
            return
        self._await(transfer, now)
        if transfer.state == "receiving":
            opening = transfer.acked == 0 and transfer.terms.said
            self._send(transfer.sock, transfer.peer, packets.oack(opening) if opening else packets.ack(transfer.acked), transfer.source)
        else:
            self._send(transfer.sock, transfer.peer, packets.oack(transfer.terms.said or {}), transfer.source)

    def _await(self, transfer: _Transfer, now: float) -> None:
        """Say until when the phone has time to answer what is sent now."""
        transfer.sent_at = now
        if transfer.acked <= 0:
            wait = min(transfer.terms.timeout or 2.0**transfer.tries, _MOST_FIRST_WAIT)
        else:
            wait = transfer.terms.timeout or min(transfer.wait * 2**transfer.tries, _MOST_WAIT)
        self._plan(transfer, now + wait)

    def _send_blocks(self, transfer: _Transfer, now: float) -> None:
        """Send the window of blocks that is on its way now."""
        blocks, first, last = transfer.blocks, transfer.acked + 1, transfer.sent
        assert blocks is not None
        self._await(transfer, now)
        wanted = blocks.packets(first, last)
        if wanted is None:
            self._refuse(transfer, packets.ENDED)
        elif len(wanted) > 1 and transfer.sock and self._trains:
            self._send_trains(transfer.sock, transfer.peer, wanted)
        else:
            for packet in wanted:
                self._send(transfer.sock, transfer.peer, packet, transfer.source)

    def _send_trains(self, sock: socket.socket, peer: Peer, wanted: list[bytes]) -> None:
        """Send packets of one size, the last one perhaps shorter, many to a call: the system cuts them apart (UDP_SEGMENT)."""
        size = len(wanted[0])
        most = min(_TRAIN, _TRAIN_BYTES // size)
        for place in range(0, len(wanted), most):
            train = wanted[place : place + most]
            try:
                sock.sendmsg(train, [(_SOL_UDP, _UDP_SEGMENT, struct.pack("@H", size))], 0, peer)
            except BlockingIOError:
                self.counts["not sent"] += 1
            except OSError:  # a network card that cannot, or an older Linux
                self._trains = False
                for packet in wanted[place:]:
                    self._send(sock, peer, packet)
                return

    def _late(self, transfer: _Transfer, now: float) -> None:
        """The phone has not answered in time: say it again, or give it up."""
        transfer.tries += 1
        patience = _SILENT if transfer.unheard else max(_SILENT, 2.0 * transfer.terms.timeout)
        if (transfer.unheard and transfer.tries > self.limits.retries) or now - transfer.heard > patience:
            self.counts["given up"] += 1
            self._end(transfer)
            return
        self.counts["sent again"] += 1
        self._transmit(transfer)

    def _touch(self, transfer: _Transfer, now: float) -> None:
        """The phone is alive: it is no longer the one that was silent longest, and its round trip is known."""
        if not transfer.tries:  # a packet that was sent twice tells no round trip (Karn's algorithm, RFC 6298 section 3)
            transfer.wait = min(max(_LEAST_WAIT, 4 * (now - transfer.sent_at)), _MOST_WAIT)
        transfer.tries, transfer.heard = 0, now
        if now - transfer.moved > _MOVE_EVERY:
            transfer.moved = now
            self._transfers.move_to_end(transfer.peer)
            self._of_address[transfer.address].move_to_end(transfer.peer)

    def _enter(self, transfer: _Transfer) -> None:
        """Put a transfer into the table; where it is full the one that was silent longest makes room."""
        own = self._of_address.setdefault(transfer.address, OrderedDict())
        while own and len(own) >= self.limits.per_address:
            self.counts["evicted"] += 1
            self._end(next(iter(own.values())))
        while len(self._transfers) >= self.limits.transfers:
            self.counts["evicted"] += 1
            self._end(next(iter(self._transfers.values())))
        self._of_address.setdefault(transfer.address, own)[transfer.peer] = transfer
        self._transfers[transfer.peer] = transfer

    def _refuse(self, transfer: _Transfer, packet: bytes) -> None:
        self.counts["refused"] += 1
        self._send(transfer.sock, transfer.peer, packet, transfer.source)
        self._end(transfer)

    def _end(self, transfer: _Transfer) -> None:
        """Forget a transfer and let go of all that it holds; twice is once."""
        if transfer.state == "gone":
            return
        if transfer.state == "receiving":
            self._uploads -= 1
        transfer.state = "gone"
        self._transfers.pop(transfer.peer, None)
        own = self._of_address.get(transfer.address, OrderedDict())
        own.pop(transfer.peer, None)
        if not own:
            self._of_address.pop(transfer.address, None)
        transfer.sock = None
        self._remember(transfer.peer)
        if transfer.blocks:
            transfer.blocks.close()
            transfer.blocks = None
        transfer.body = bytearray()

    def _remember(self, peer: Peer) -> None:
        """Know a transfer that has ended for a while: its last packets may still be on their way, and a phone that has gone on must not meet an ERROR."""
        now = self._clock()
        self._ended[peer] = now
        self._ended.move_to_end(peer)
        while self._ended and (next(iter(self._ended.values())) < now - _REMEMBERED or len(self._ended) > 2 * self.limits.transfers):
            self._ended.popitem(last=False)

    def _send(self, sock: socket.socket | None, peer: Peer, packet: bytes, source: Peer | None = None) -> None:
        """Send one packet; what the network does not take is as if it had been lost on its way.

        sock: None for the listening one, which then speaks from the address that was asked.
        """
        try:
            if sock:
                sock.sendto(packet, peer)
            elif source:
                self._listening.sendmsg([packet], [_from(source, self._listening.family)], 0, peer)
            else:
                self._listening.sendto(packet, peer)
        except OSError:
            self.counts["not sent"] += 1


def open_socket(host: str, port: int, shared: bool = False) -> socket.socket:
    """Return a bound UDP socket that tells which of our addresses was asked; raises OSError.

    shared: others of this user may be bound to the same port, and each phone's packets come to one of them (SO_REUSEPORT).

    An IPv6 wildcard takes IPv4 as well. The receive buffer is large: a whole site's first packets
    may come at once.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.getaddrinfo(host, port, family if ":" in host else 0, socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(found[0], socket.SOCK_DGRAM)
    try:
        if found[0] == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(found[4])
    except OSError:
        sock.close()
        raise
    return sock


def _asked_at(ancillary: list[tuple[int, int, bytes]]) -> tuple[Peer | None, bool]:
    """Return our address that was asked, as one to bind to, and whether it was a broadcast or multicast address."""
    for level, kind, value in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            _, ours, asked = struct.unpack("@I4s4s", value[:12])
            return (socket.inet_ntoa(ours), 0), ours != asked
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            address, interface = ipaddress.IPv6Address(value[:16]), struct.unpack("@I", value[16:20])[0]
            return (str(address), 0, 0, interface if address.is_link_local else 0), address.is_multicast
    return None, False


def _from(source: Peer, family: int) -> tuple[int, int, bytes]:
    """Return the ancillary data that sends a packet from one of our addresses."""
    if family == socket.AF_INET6:
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("@16sI", socket.inet_pton(socket.AF_INET6, source[0]), source[3])
    return socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("@I4s4s", 0, socket.inet_aton(source[0]), b"\0" * 4)


@lru_cache(maxsize=4096)  # phones ask the same each time
def _request(name: str, address: str) -> PhoneRequest:
    """Return what a phone asks in our words."""
    token, path = tokens.split(name)
    return PhoneRequest(path, address, "tftp", token=token)


@lru_cache(maxsize=4096)
def _address(host: str) -> str:
    """Return the phone's address as text, IPv4-mapped IPv6 unmapped, without an interface."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
