"""Errors as programs read them: application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response

from provisioner.console.door import status_of
from provisioner.errors import BadRows, Conflict, Outdated, ProvisionerError, SlowDown, Unfit


def problem(status: int, detail: str, kind: str = "about:blank", **more: Any) -> Response:
    """Return an error. detail: the sentence with its cure; kind: which error of ours it is; more: fields beside these."""
    known = {"type": kind, "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return Response(json.dumps(known), status, content_type="application/problem+json")


def of(why: ProvisionerError) -> Response:
    """Return an error of ours: its class is its type, its sentence the detail."""
    status = 412 if isinstance(why, Outdated) else 409 if isinstance(why, Conflict) else status_of(why)
    more: dict[str, Any] = {"faults": dict(why.faults)} if isinstance(why, Unfit) else {}
    if isinstance(why, BadRows):
        more = {"rows": [{"row": number, "column": column, "detail": sentence} for number, column, sentence in why.rows]}
    answer = problem(status, str(why), f"tag:provisioner,2026:{type(why).__name__}", **more)
    if isinstance(why, SlowDown):
        answer.headers["Retry-After"] = str(why.seconds)
    return answer
