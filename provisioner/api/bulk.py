"""/bulk, /import, /export/csv: many things at once, all of them or nothing."""

from __future__ import annotations

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import Field, StringConstraints

from provisioner.admin import Admin, bulk
from provisioner.api.shapes import Did, Reveal, Said, Trial
from provisioner.api.views import answers, body, did, document, takes
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.csvfile import LARGEST
from provisioner.rights import CHANGE, LOOK

resource = APIBlueprint("bulk", __name__, tag="many at once")
_NOUN = f"<any({','.join(bulk.FORMS)}):noun>"
Column = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Cell = Annotated[str, StringConstraints(max_length=10_000)]


class Many(Said):
    """Things of one noun, each by its columns, as `export csv` names them."""

    rows: list[dict[Column, Cell | int | None]] = Field(min_length=1, max_length=bulk.MOST_ROWS)


class Brought(Did):
    """What was done. steps: a sentence for each thing that is added or changed."""

    steps: list[str]


@resource.post(f"/bulk/{_NOUN}")
@resource.input(Trial, location="query", arg_name="how")
@resource.input(Many, arg_name="said")
@resource.output(Brought)
@resource.doc(summary="Add or change many things", security="key", responses=answers(404, 409, 422))
@asks(CHANGE)
def put_many(noun: str, how: Trial, said: Many) -> Any:
    """Add or change things, each named by its key columns; a column that is left out stays, null takes it back to its default. Where one row is wrong, `rows` of the problem tells all faults, and nothing is written."""
    admin = visitor().admin
    return _brought(admin, bulk.planned(admin, noun, said.rows), how.dry_run)


@resource.post("/import/csv")
@resource.input(Trial, location="query", arg_name="how")
@resource.output(Brought)
@resource.doc(summary="Import a CSV file", security="key", responses=answers(404, 409, 422))
@asks(CHANGE)
@takes("text/csv")
def import_csv(how: Trial) -> Any:
    """Add and change accounts, devices, assignments or keys as a CSV file says, whose first row tells which; all of it or nothing."""
    admin = visitor().admin
    return _brought(admin, bulk.plan(admin, "the file", body(LARGEST)), how.dry_run)


@resource.get(f"/export/csv/{_NOUN}")
@resource.input(Reveal, location="query", arg_name="said")
@resource.doc(summary="Export a CSV file", security="key", responses={**document("as import reads it again", "text/csv"), **answers(404)})
@asks(LOOK)
def export_csv(noun: str, said: Reveal) -> Response:
    """Return all accounts, devices, assignments or keys; cells of secrets are empty unless they are asked for, and import leaves them as they are."""
    return Response("".join(bulk.exported(visitor().admin, noun, said.reveal)), content_type="text/csv; charset=utf-8")


def _brought(admin: Admin, plan: bulk.Plan, dry: bool) -> dict[str, Any]:
    steps = list(plan.diff())
    done = did(bulk.carry_out(admin, plan, dry))
    return {**done, "notes": [*plan.notes, *done["notes"]], "steps": steps}
