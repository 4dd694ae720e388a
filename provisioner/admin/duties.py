"""What is done for accounts by itself, where an option says how often: their servers are asked whether they are right, and for the contacts that they keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from provisioner.admin import Admin, proofs, xcap
from provisioner.errors import ProvisionerError, StoreTrouble
from provisioner.sip.link import Means as SIPMeans
from provisioner.things import Account
from provisioner.xcap.link import Means as XCAPMeans

PATIENCE = 8.0  # seconds


@dataclass(frozen=True)
class Checks:
    """Asks whether an account is right; none that was refused and is the same since (F27)."""

    admin: Admin
    hours: int
    ways: SIPMeans

    def count(self) -> int:
        """Return how many accounts there are."""
        return self.admin.store.account_count()

    def waiting(self) -> Iterator[Account]:
        """Yield the accounts whose turn it is, those that waited longest first."""
        return self.admin.store.accounts_to_check(_before(self.admin, self.hours))

    def server(self, account: Account) -> str:
        """Return the host that is asked."""
        return proofs.server_of(account)

    def do(self, account: Account) -> str:
        """Ask, and keep what was said."""
        (proof,) = proofs.prove(self.admin, [account], self.ways, again=False)
        return proof.found.verdict


@dataclass(frozen=True)
class Contacts:
    """Fetches the contacts that an account's provider keeps."""

    admin: Admin
    hours: int
    ways: XCAPMeans

    def count(self) -> int:
        """Return how many accounts there are with an XCAP root."""
        return self.admin.store.account_count(with_xcap=True)

    def waiting(self) -> Iterator[Account]:
        """Yield the accounts whose turn it is, those that waited longest first."""
        return self.admin.store.accounts_to_fetch(_before(self.admin, self.hours))

    def server(self, account: Account) -> str:
        """Return the host that is asked."""
        return urlsplit(account.xcap_root).hostname or ""

    def do(self, account: Account) -> str:
        """Fetch them; what became of it is kept."""
        try:
            xcap.fetch(self.admin, account.sip_address, self.ways)
        except StoreTrouble:
            raise
        except ProvisionerError:
            found = self.admin.store.fetch_of(account.sip_address)
            return found.verdict if found else "wrong"
        return "right"


def _before(admin: Admin, hours: int) -> str:
    return (admin.store.now() - timedelta(hours=hours)).isoformat(timespec="seconds")


def wanted(admin: Admin) -> list[Checks | Contacts]:
    """Return what the server's options want to be done, and how often."""
    config = admin.config
    all_: tuple[Checks | Contacts, ...] = (
        Checks(admin, config.account_check_hours, proofs.means(PATIENCE, None)),
        Contacts(admin, config.contacts_hours, xcap.means(admin, PATIENCE, None)),
    )
    return [duty for duty in all_ if duty.hours]
