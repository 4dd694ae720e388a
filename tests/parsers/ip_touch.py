"""Reads what Alcatel's IP Touch phones fetch: lanpbx.cfg, a line that tells the kind of firmware, and files with sections."""

from __future__ import annotations

import re

from tests.parsers import ini_sections


def parse(body: bytes) -> dict[str, str]:
    """Return `section/name` = value, or `APPLICATION_TYPE` = value; raises ValueError as ini_sections does."""
    kind = re.fullmatch(rb"APPLICATION_TYPE=(APPL_SIP|APPL_NOE)\n", body)
    return {"APPLICATION_TYPE": kind[1].decode()} if kind else ini_sections.parse(body)
