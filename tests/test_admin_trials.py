"""A phone that the server plays itself, over its own doors."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.admin import devices, sites, trials
from provisioner.errors import Conflict, NotAllowed, NotHere
from provisioner.rights import Rights
from tests.console import admin_of
from tests.test_server import MAC, furnish, serving


def test_it_asks_the_server_that_runs_here_whatever_the_public_url_is(tmp_path: Path) -> None:
    furnish(tmp_path / "state")  # a phone needs its token, which the trial has
    with serving(tmp_path / "state") as server, admin_of(tmp_path / "state") as admin:
        sites.change(admin, "default", {"public_url": "http://prov.invalid:8080"})
        result = trials.boot(admin, MAC)
        assert result.came_to_rest and result.complete and f"{MAC}.cfg" in result.files
        told = trials.shown(result)
        assert admin.booter.expected_token(admin.device(MAC)) not in str(told) and "s3cret" not in str(told)
        assert server.port("http")
        with pytest.raises(NotAllowed):
            trials.boot(admin.acting("ines", "console", Rights("reader")), MAC)
        devices.retire(admin, MAC)
        with pytest.raises(Conflict, match="retiring"):
            trials.boot(admin, MAC)


def test_without_a_server_it_says_how_to_start_one(tmp_path: Path) -> None:
    furnish(tmp_path / "state")
    with admin_of(tmp_path / "state") as admin, pytest.raises(NotHere, match="provisioner serve"):
        trials.boot(admin, MAC)
