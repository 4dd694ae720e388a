"""What an account asks its XCAP server: which applications there are, its contacts, and to keep an edited document of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

from provisioner.errors import Conflict, Declined
from provisioner.things import Account
from provisioner.xcap.link import Answer, Link, Means
from provisioner.xcap.lists import Document, Lists, Services, auids

_CAPS = "xcap-caps/global/index"
_WHO = "@:!$&'()*+,;=-._~"  # what a segment of a path may have as it is (RFC 3986, 3.3)
_Kind = TypeVar("_Kind", bound=Document)


@dataclass(frozen=True)
class Kept(Generic[_Kind]):
    """A document as the server has it. path: behind the root; new: there is none yet, and `lists` is an empty one."""

    path: str
    etag: str
    lists: _Kind = field(repr=False)
    new: bool = False


class Client:
    """Asks the XCAP server of one account."""

    def __init__(self, account: Account, means: Means) -> None:
        """Look the server up; raises Conflict where the account names none, Unreached, Declined."""
        if not account.xcap_root:
            raise Conflict(f"{account.sip_address} has no XCAP root; `provisioner account change {account.sip_address} --xcap-root URL` gives it the provider's")
        self._account, self._link = account, Link(account.xcap_root, account.auth_username, account.password, means)

    def __str__(self) -> str:
        """Return the server as sentences name it."""
        return str(self._link)

    def auids(self) -> tuple[str, ...]:
        """Return the applications that the server has, by its xcap-caps; raises Unreached, Declined."""
        answer = self._link.ask("GET", _CAPS)
        if answer.status != 200:
            raise Declined(f"{self} has no xcap-caps under the account's XCAP root ({answer.words}); correct the root: it is what stands before xcap-caps/ and resource-lists/")
        return auids(answer.body)

    def read(self) -> Kept[Lists]:
        """Return the account's contacts; raises Unreached, Declined.

        The user is written as a SIP URI, and where the server has no such document as other servers have it.
        """
        return self._read(Lists, {}) or self._none(Lists)

    def services(self) -> Kept[Services]:
        """Return the account's lists that can be subscribed to; as `read` does."""
        return self._read(Services, {}) or self._none(Services)

    def read_again(self, etag: str) -> Kept[Lists] | None:
        """Return the account's contacts, or None where they are still those of this ETag; raises as `read` does."""
        return self._read(Lists, {"If-None-Match": etag} if etag else {})

    def _read(self, kind: type[_Kind], known: Mapping[str, str]) -> Kept[_Kind] | None:
        refused: Answer | None = None
        for number, path in enumerate(self._paths(kind)):
            answer = self._link.ask("GET", path, known)
            if answer.status == 304 and known:
                return None
            if answer.status == 200:
                return Kept(path, answer.etag, kind(answer.body))
            if answer.status not in (403, 404, 409, 410):
                raise self._declines(answer, kind)
            if answer.status == 403 and not number:
                refused = answer
        if refused:
            raise self._declines(refused, kind)
        return self._none(kind)

    def _none(self, kind: type[_Kind]) -> Kept[_Kind]:
        return Kept(next(self._paths(kind)), "", kind(), new=True)

    def write(self, kept: Kept[_Kind], lists: _Kind) -> str | None:
        """Put an edited document in the place of the one that was read; return its ETag, or None where that is no longer the one that is there.

        Raises Unreached, Declined; also where the server gives no ETag, for then nobody knows what would be overwritten.
        """
        if not kept.etag and not kept.new:
            raise Declined(f"{self} gives the {lists.what} no ETag, so an edit here could overwrite one made elsewhere; nothing was written. Edit them where that can be seen")
        known = {"If-Match": kept.etag} if kept.etag else {"If-None-Match": "*"}
        answer = self._link.ask("PUT", kept.path, {"Content-Type": lists.media_type, **known}, lists.body)
        if answer.status == 412:
            return None
        if answer.status not in (200, 201, 204):
            raise self._declines(answer, type(lists))
        return answer.etag

    def _declines(self, answer: Answer, kind: type[Document]) -> Declined:
        detail = ""
        if answer.status == 409 and b"xcap-error" in answer.body[:2000]:
            detail = "; it says: " + ascii(" ".join(answer.body[:300].decode("utf-8", "replace").split()))[1:-1]
        return Declined(f"{self} does not take the question for {kind.what} ({answer.words}){detail}; `provisioner account xcap {self._account.sip_address}` shows what it has")

    def _paths(self, kind: type[Document]) -> Iterator[str]:
        """Yield where the document may be: under sip:user@domain (RFC 4825, 6.2), else as some servers write the user."""
        user = self._account.sip_address.rpartition("@")[0]
        for who in (f"sip:{self._account.sip_address}", self._account.sip_address, f"sip:{user}", user):
            yield f"{kind.auid}/users/{quote(who, safe=_WHO)}/index"
