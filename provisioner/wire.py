"""The two values that cross a door: what a phone asked, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

STATUS = {"served": 200, "not-modified": 304, "uploaded": 201, "unknown": 404, "refused": 404, "missing": 404, "failed": 503}


@dataclass(frozen=True)
class PhoneRequest:
    """One request, in no wire's words.

    path:      as the phone asked, decoded, its token taken out.
    address:   of the phone, IPv4-mapped IPv6 unmapped; empty where it came from nowhere (F18).
    wire:      http, https or tftp.
    etags:     digests that the phone says it has (If-None-Match), without quotes.
    forwarded: a proxy that nobody named spoke for it; peer: which one, where that is so.
    method, authorization: as HTTP has them; with them a phone proves that it knows its password.
    """

    path: str
    address: str
    wire: str
    user_agent: str = ""
    token: str = field(default="", repr=False)
    forwarded: bool = False
    etags: tuple[str, ...] = ()
    method: str = "GET"
    authorization: str = field(default="", repr=False)
    peer: str = ""


@dataclass(slots=True)
class Repeat:
    """What it takes to give a reply once more to the very same request; see repeats.py.

    mac:      of the phone.
    standing: what admission and the bytes depended on, as the store tells it.
    event:    the event's values behind time and duration, as JSON without the opening bracket.
    at:       the store's stamp at which all this held; 0 where that has not been looked at.
    """

    mac: str
    standing: tuple[object, ...]
    event: str
    at: int = 0


@dataclass(frozen=True)
class Reply:
    """What the phone gets, in no wire's words.

    outcome:    served, not-modified, uploaded, unknown, refused, missing or failed.
    body, file: the bytes, or the file that holds them; at most one of the two.
    etag:       the digest of the bytes, without quotes.
    revised_at: time of the revision, UTC.
    sentence:   why, for the event; it never reaches the wire.
    challenges: how a phone that is not admitted may prove itself, as HTTP writes it; empty where it is not asked to.
    repeat:     where the very same request may have the very same reply again, without asking `boot`.
    """

    outcome: str
    body: bytes = field(default=b"", repr=False)
    file: Path | None = None
    media_type: str = ""
    etag: str = ""
    revised_at: datetime | None = None
    sentence: str = ""
    challenges: tuple[str, ...] = ()
    repeat: Repeat | None = field(default=None, repr=False)

    @property
    def status(self) -> int:
        """The HTTP status: unknown, refused and missing are one 404, or one 401 where passwords are asked for (D12)."""
        return 401 if self.challenges else STATUS[self.outcome]
