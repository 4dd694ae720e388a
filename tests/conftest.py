"""What every test starts from: the shipped families, and a store of its own with a known key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner import families
from provisioner.admin import Admin
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Event
from tests import acme, recorded


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Return the shipped families."""
    return families.load()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store whose server key is the one of the recorded boots."""
    return recorded.open_store(tmp_path / "state")


@pytest.fixture
def events() -> list[Event]:
    """Return the list that the booter's events go to."""
    return []


@pytest.fixture
def booter(store: Store, catalog: Catalog, events: list[Event]) -> Booter:
    """Return a booter over the shipped families and the store of this test."""
    return Booter(store, catalog, events.append)


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Admin]:
    """Return the operators' verbs over an empty store, with a made-up maker beside the shipped families."""
    made = acme.admin(tmp_path)
    yield made
    made.close()
