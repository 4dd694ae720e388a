"""Reads a SmartWare script as a Patton gateway does: commands, each valid in its mode, modes by indentation.

Written from the maker's configuration guide and two public projects' scripts, apart from the product.
Text in quotes is one word; `#` begins a comment; `no` takes a command back. A mode that is entered
again goes on where it was. `*` before a command below says that it may stand several times.
"""

from __future__ import annotations

import re

# A mode's commands; = stands for a word of the user's, and what opens a mode has its own commands here.
COMMANDS: dict[str, tuple[str, ...]] = {
    "": (
        "cli version =", "clock local default-offset =", "clock local dst-rule = = from = = = = until = = = =", "*timer = now + = minute =", "*timer = now + = minutes every = minutes =",
        "sntp-client", "sntp-client server primary =", "administrator = password =", "operator = password =", "*profile provisioning =", "*profile service-policy =", "*profile voip =",
        "actions", "syslog-client", "system", "context ip router", "context cs switch", "*context sip-gateway =", "*authentication-service =", "*location-service =", "*port ethernet 0 =", "*port fxs 0 =",
    ),
    "profile provisioning": ("destination =", "location 1 =", "activation reload graceful"),
    "profile service-policy": ("source traffic-class default",),
    "source traffic-class default": ("set layer2 cos =",),
    "profile voip": ("*codec = = rx-length = tx-length =",),
    "actions": ("*rule =",),
    "rule": ("condition sip = =", "action ="),
    "syslog-client": ("remote = =",),
    "remote": ("*facility = severity =",),
    "system": ("ic voice 0",),
    "ic voice 0": ("low-bitrate-codec =",),
    "context ip router": ("*interface =",),
    "interface": ("ipaddress dhcp", "tcp adjust-mss rx mtu", "tcp adjust-mss tx mtu", "use profile service-policy = out", "bind interface = port ="),
    "port ethernet 0": ("medium auto", "vlan =", "encapsulation ip", "bind interface = router", "shutdown"),
    "vlan": ("encapsulation ip", "bind interface = router", "shutdown"),
    "port fxs 0": ("encapsulation cc-fxs", "bind interface = switch", "shutdown"),
    "context cs switch": ("digit-collection timeout =", "*routing-table called-uri =", "*routing-table called-e164 =", "*interface sip =", "*interface fxs =", "*service hunt-group =", "shutdown"),
    "routing-table called-uri": ("*route = dest-interface =",),
    "routing-table called-e164": ("*route = dest-interface =", "*route = dest-service =", "*route = dest-table ="),
    "service hunt-group": ("timeout =", "*route call dest-interface ="),
    "interface sip": ("bind context sip-gateway =", "route call dest-table =", "remote = ="),
    "interface fxs": ("route call dest-table =", "message-waiting-indication stutter-dial-tone", "message-waiting-indication frequency-shift-keying", "call-transfer", "subscriber-number ="),
    "authentication-service": ("*realm =", "*username = password ="),
    "location-service": ("*domain =", "*identity ="),
    "identity": ("authentication outbound", "call outbound", "message inbound", "registration outbound"),
    "authentication outbound": ("authenticate authentication-service = username =",),
    "call outbound": ("preferred-transport-protocol =",),
    "message inbound": ("subscribe =",),
    "registration outbound": ("register auto", "registrar = =", "lifetime =", "preferred-transport-protocol ="),
    "context sip-gateway": ("*interface =", "*bind location-service =", "notify check-sync accept", "shutdown"),
}  # fmt: skip


def parse(body: bytes) -> dict[str, str]:
    """Return mode/command = value, such as `location-service[1]/identity[2]/registration outbound/registrar`.

    A command with several values has one name for each, its words up to there; one without has `yes`,
    or `no`. Raises ValueError where the gateway would refuse a line.
    """
    said: dict[str, str] = {}
    met: dict[str, list[tuple[str, ...]]] = {}
    modes = [(-1, "", "")]  # indentation, mode, path
    for number, line in enumerate(body.decode("ascii").split("\n"), 1):
        if re.search(r"[\x00-\x1f\x7f]", line):
            raise ValueError(f"line {number} has a control character")
        if re.sub(r'"[^"]*"(?=\s|$)|[^\s"]+(?=\s|$)|\s', "", line):
            raise ValueError(f"line {number} has a quote that is not one")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = [part[1:-1] if part.startswith('"') else part for part in re.findall(r'"[^"]*"|\S+', line)]
        depth = len(line) - len(line.lstrip(" "))
        while modes[-1][0] >= depth:
            modes.pop()
        _, mode, path = modes[-1]
        taken_back = words[0] == "no"
        pattern = next((one for one in COMMANDS.get(mode, ()) if _fits(one.lstrip("*").split(), words[taken_back:])), None)
        if pattern is None:
            raise ValueError(f"line {number} is no command of {mode or 'the top'}: {line!r}")
        parts = pattern.lstrip("*").split()
        values = tuple(word for word, part in zip(words[taken_back:], parts, strict=True) if part == "=")
        command = " ".join(parts).partition(" =")[0]
        name = f"{path}{command}"
        if pattern.startswith("*"):
            before = met.setdefault(name, [])
            if values not in before:
                before.append(values)
            name = f"{name}[{before.index(values) + 1}]"
        if not values:
            said[name] = "no" if taken_back else "yes"
        for at, value in enumerate(values):
            said[_name(name, parts, at)] = value
        modes.append((depth, command, f"{name}/"))
    return said


def _fits(pattern: list[str], words: list[str]) -> bool:
    return len(pattern) == len(words) and all(part in ("=", word) for part, word in zip(pattern, words, strict=True))


def _name(name: str, parts: list[str], at: int) -> str:
    """Return the name of a command's value: the first has the command's own, later ones the words between, or a number."""
    places = [place for place, part in enumerate(parts) if part == "="]
    between = " ".join(parts[places[at - 1] + 1 : places[at]]) if at else ""
    return f"{name} {between or at + 1}" if at else name
