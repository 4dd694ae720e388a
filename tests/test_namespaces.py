"""TFTP across real networks, made of the kernel's own parts: a phone behind a router that translates addresses (F15), a server with several addresses.

    phone 10.0.0.2 ── 10.0.0.1 router 192.0.2.254 ── 192.0.2.1, 192.0.2.2, 2001:db8::1, 2001:db8::2 server
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.store import Store
from provisioner.things import Network
from tests.samples import another
from tests.test_server import MAC, Server, furnish, serving

NAME = f"{MAC}.cfg"
SERVERS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")
# Only what a phone has asked for comes back in, from where it was asked: the filter of every home router, and of netfilter by itself.
ROUTER = """
table ip nat {
  chain out {
    type nat hook postrouting priority 100
    oifname "outside" masquerade
  }
}
table ip filter {
  chain through {
    type filter hook forward priority 0; policy drop
    iifname "inside" accept
    ct state established,related accept
  }
}
"""
ASK = """
import socket, sys
for host in sys.argv[2:]:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(b"\\0\\1" + sys.argv[1].encode() + b"\\0octet\\0", (host, 69))
        got, peer = sock.recvfrom(600)
        sock.sendto(b"\\0\\5\\0\\0\\0", peer)
        print(peer[0], peer[1] == 69, got[:4].hex())
"""


@dataclass(frozen=True)
class Net:
    """Three network namespaces by their names."""

    phone: str
    router: str
    server: str

    def run(self, where: str, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in one of them."""
        return subprocess.run(["ip", "netns", "exec", where, *command], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def _ip(words: str) -> None:
    """Run `ip`; skips the test where the kernel does not let us."""
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this kernel gives us no networks of our own: `ip {words}` says {done.stderr.strip()}")


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    """Make the networks, and take them away again."""
    if os.geteuid() != 0:
        pytest.skip("networks of its own are root's to make; run this test as root")
    net = Net(*(f"{kind}-{os.getpid()}" for kind in ("phone", "router", "server")))
    with ExitStack() as made:
        for name in (net.phone, net.router, net.server):
            _ip(f"netns add {name}")
            made.callback(subprocess.run, ["ip", "netns", "del", name], check=True)
            _ip(f"-n {name} link set lo up")
        for inner, name, outer in (("eth0", net.phone, "inside"), ("eth0", net.server, "outside")):
            _ip(f"-n {net.router} link add {outer} type veth peer name {inner} netns {name}")
            _ip(f"-n {net.router} link set {outer} up")
            _ip(f"-n {name} link set {inner} up")
        _ip(f"-n {net.phone} address add 10.0.0.2/24 dev eth0")
        _ip(f"-n {net.router} address add 10.0.0.1/24 dev inside")
        _ip(f"-n {net.router} address add 192.0.2.254/24 dev outside")
        _ip(f"-n {net.router} -6 address add 2001:db8::254/64 dev outside nodad")
        for address in SERVERS:
            _ip(f"-n {net.server} address add {address}/{'64 dev eth0 nodad' if ':' in address else '24 dev eth0'}")
        _ip(f"-n {net.phone} route add default via 10.0.0.1")
        for command in (("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"), ("nft", ROUTER)):
            done = net.run(net.router, *command)
            if done.returncode:
                pytest.skip(f"this kernel translates no addresses: {done.stderr.strip()}")
        yield net


@contextmanager
def serving_there(net: Net, folder: Path, listen: str, single_port: bool) -> Iterator[Server]:
    """Run a server that takes phones of 192.0.2.0/24 and 2001:db8::/64 at their word."""
    state = folder / "state"
    furnish(state, mac_is_enough=True, tftp_serves_secrets=True)
    with closing(Store.open(state)) as store, store.change("test", "test") as tx:
        networks = tuple(Network(network, mac_is_enough=True, tftp_serves_secrets=True) for network in ("192.0.2.0/24", "2001:db8::/64"))
        tx.put_site(another(store.site("default"), networks=networks))
    options = {"PROVISIONER_TFTP_ADDRESS": listen, "PROVISIONER_TFTP_SINGLE_PORT": "on" if single_port else "off"}
    with serving(state, "ip", "netns", "exec", net.server, **options) as server:
        yield server


CLIENTS = {
    "curl": ("curl", "-sS", "-m", "20", f"tftp://192.0.2.1/{NAME}", "-o", "got-by-curl"),
    "tftp-hpa": ("tftp", "-m", "binary", "192.0.2.1", "-c", "get", NAME, "got-by-tftp-hpa"),
    "busybox": ("busybox", "tftp", "-g", "-b", "1400", "-r", NAME, "-l", "got-by-busybox", "192.0.2.1"),
}


def test_phones_behind_a_router_fetch_from_a_single_port(net: Net, tmp_path: Path) -> None:
    with serving_there(net, tmp_path, "192.0.2.1:69", single_port=True):
        said = {name: net.run(net.phone, *command, cwd=tmp_path) for name, command in CLIENTS.items()}
    got = {name: (tmp_path / f"got-by-{name}").read_bytes() for name in CLIENTS}
    assert b"s3cret" in got["curl"] and set(got.values()) == {got["curl"]}, said


def test_a_port_for_each_transfer_does_not_come_through_such_a_router(net: Net, tmp_path: Path) -> None:
    """What the option is for: the answer comes from a port that nobody behind the router has asked."""
    file = tmp_path / "got-by-curl"
    with serving_there(net, tmp_path, "192.0.2.1:69", single_port=False) as server:
        assert net.run(net.phone, *("3" if word == "20" else word for word in CLIENTS["curl"]), cwd=tmp_path).returncode != 0
        assert not file.exists() or file.read_bytes() == b""
        assert net.run(net.router, *CLIENTS["curl"], cwd=tmp_path).returncode == 0  # from outside of it, it does
        assert b"s3cret" in file.read_bytes()
        server.process.terminate()  # then comes a second signal: nobody waits for the client that has left


@pytest.mark.parametrize("single_port", [False, True])
def test_the_answer_comes_from_the_address_that_was_asked(net: Net, tmp_path: Path, single_port: bool) -> None:
    with serving_there(net, tmp_path, "[::]:69", single_port):
        said = net.run(net.router, sys.executable, "-c", ASK, NAME, *SERVERS)
        assert said.stdout.splitlines() == [f"{address} {single_port} 00030001" for address in SERVERS], said.stderr
