"""Every error of ours; each is a sentence with a cure.

    ProvisionerError
    ├── BadInput                 somebody said something that cannot be
    │   ├── BadMAC               not a MAC address
    │   ├── BadValue             a fact or setting outside its type or bounds
    │   │   ├── Unfit            phones that it touches could not get their files
    │   │   └── BadRows          rows of many that cannot be, each with what is wrong of it
    │   ├── UnknownName          no such option, setting, model, family; names the nearest
    │   ├── Conflict             true by itself, but at odds with what is stored
    │   ├── NotHere              no such account, device, site, group, line
    │   ├── BadConfig            config.toml or the environment
    │   └── BadManifest          a family's folder: manifest or template
    ├── NotAllowed               the operator's role or sites do not reach that far
    ├── Outdated                 somebody else has changed it since it was read
    ├── SlowDown                 too many wrong passwords from there; says when to try again
    ├── Unsayable                a value that this file format cannot carry unchanged
    ├── NotServed                the phone gets the same empty 404 for all three
    │   ├── Unknown              nobody has added this phone
    │   ├── Refused              known, but not from here, not this way, not now
    │   └── Missing              no file of that name
    ├── RenderFailed             our own fault: the phone gets 503, or silence over TFTP
    ├── Unreached                a SIP server or phone that was not found, or did not answer
    ├── Declined                 another server answered, and not with what was asked of it
    └── StoreTrouble             the disk: full, locked, read-only, damaged
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence


class ProvisionerError(Exception):
    """The root of the tree; str() of it is the sentence, and never holds a secret."""


class BadInput(ProvisionerError):
    """Somebody said something that cannot be."""


class BadMAC(BadInput):
    """Not a MAC address of one device."""


class BadValue(BadInput):
    """A fact or a setting that is outside its type or its bounds."""


class Unfit(BadValue):
    """True by itself, but phones that it touches could not get their files."""

    def __init__(self, sentence: str, faults: Mapping[str, str]) -> None:
        """faults: why, by the MAC of each phone that was tried."""
        super().__init__(sentence)
        self.faults = faults


class BadRows(BadValue):
    """Rows of many that cannot be; nothing was written."""

    def __init__(self, sentence: str, rows: Sequence[tuple[int, str, str]]) -> None:
        """rows: number of the row (0 is all of them), its column or nothing, and what is wrong there."""
        super().__init__(sentence)
        self.rows = tuple(rows)


class UnknownName(BadInput):
    """A name that nobody knows; the sentence gives the nearest known one."""


class Conflict(BadInput):
    """True by itself, but at odds with what is stored."""


class NotHere(BadInput):
    """Asked for something that has not been added."""


class BadConfig(BadInput):
    """A fault in config.toml or in the environment."""


class BadManifest(BadInput):
    """A fault in a family's folder, in its manifest or in a template."""


class NotAllowed(ProvisionerError):
    """The operator's role or sites do not reach that far."""


class Outdated(ProvisionerError):
    """Somebody else has changed it since it was read; nothing was written."""


class SlowDown(ProvisionerError):
    """Too many wrong passwords from one address for one name."""

    def __init__(self, seconds: int) -> None:
        """seconds: until the next try counts."""
        super().__init__(f"too many wrong passwords; try again in {seconds} seconds")
        self.seconds = seconds


class Unsayable(ProvisionerError):
    """A value that a file format cannot carry so that it is read back unchanged."""

    def __init__(self, format: str, setting: str, why: str) -> None:
        """format: the name in formats.py; setting: whose value; why: a clause, without the value."""
        super().__init__(f"{setting} cannot be written in the phone's {format} file: {why}")
        self.format, self.setting, self.why = format, setting, why


class NotServed(ProvisionerError):
    """A request that ends in the one empty 404; `outcome` is the event's word for it."""

    outcome = "refused"


class Unknown(NotServed):
    """Nobody has added this phone, or its request does not say which phone it is."""

    outcome = "unknown"


class Refused(NotServed):
    """The phone is known, but does not get this file from here, this way, now."""

    outcome = "refused"


class Missing(NotServed):
    """There is no file of that name for this phone."""

    outcome = "missing"


class RenderFailed(ProvisionerError):
    """Our own fault while making the file of an admitted phone."""


class Unreached(ProvisionerError):
    """A SIP server or phone that was not found, or did not answer."""

    def __init__(self, sentence: str, verdict: str = "unreachable") -> None:
        """verdict: `unreachable`, or `wrong` where no waiting would help (things.VERDICTS)."""
        super().__init__(sentence)
        self.verdict = verdict


class Declined(ProvisionerError):
    """Another server answered, and not with what was asked of it; what it was asked to keep it did not."""

    def __init__(self, sentence: str, verdict: str = "wrong") -> None:
        """verdict: `refused` where the password is, so that nobody asks on until he is locked out (things.VERDICTS)."""
        super().__init__(sentence)
        self.verdict = verdict


class StoreTrouble(ProvisionerError):
    """The disk is full, locked, read-only or damaged; nothing was half-written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` for the known name that is nearest, or nothing.

    >>> nearest("timezome", ["timezone", "language"])
    '; did you mean timezone?'
    >>> nearest("zzz", ["timezone"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
