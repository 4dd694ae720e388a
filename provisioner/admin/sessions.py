"""Sessions: what a browser holds after its operator has signed in. They are kept here, so that each can be ended from here."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from provisioner.admin import Admin, Done, did
from provisioner.admin.operators import fits, one
from provisioner.errors import NotAllowed, SlowDown, StoreTrouble
from provisioner.people import Operator, Session
from provisioner.rights import Rights

IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)  # of a session: without an ask, and altogether
_ANSWERS = timedelta(days=1)  # how long an idempotency key counts
_TOUCH = timedelta(minutes=1)  # between two notes of when a session was seen
WRONG = "name or password is wrong"


def sign_in(admin: Admin, name: str, password: str, address: str, agent: str = "") -> str:
    """Begin a session; return the secret for its cookie.

    Raises NotAllowed, in the same words for a name that nobody has, or SlowDown, which holds for this name from this address alone.
    """
    wait = admin.patience.wait(address, name)
    if wait:
        raise SlowDown(wait)
    operator = admin.people.operator(name)
    if not fits(operator, password) or operator is None:
        if admin.patience.wrong(address, name):
            with admin.writing() as tx:
                tx.note("sign-in", operator.name if operator else "unknown name", None, {"address": address, "slowed_down": True})
        raise NotAllowed(WRONG)
    admin.patience.right(address, name)
    return begin(admin, operator, address, agent)


def begin(admin: Admin, operator: Operator, address: str, agent: str = "") -> str:
    """Begin a session of somebody who has proved who he is; return the secret for its cookie, a new one each time."""
    secret = secrets.token_urlsafe(32)
    _sweep(admin)
    with admin.acting(operator.name, admin.door, Rights(operator.role, operator.sites, operator.name)).writing() as tx:
        admin.people.start_session(tx, secret, operator.name, address, agent[:256])
    return secret


def signed_in(admin: Admin, secret: str, keeps: bool = True) -> tuple[Operator, Session] | None:
    """Return whose session it is, where it still counts; keeps: notes that it was used."""
    session = admin.people.session(secret) if secret else None
    if session is None:
        return None
    now = admin.whole.now()
    if _ago(session.made_at, now) > LONGEST or _ago(session.seen_at, now) > IDLE:
        return None
    if keeps and _ago(session.seen_at, now) > _TOUCH:
        with suppress(StoreTrouble):  # a disk that takes no writes still shows what is there
            admin.people.seen(session)
    operator = admin.people.operator(session.operator)
    return (operator, session) if operator else None


def sign_out(admin: Admin, session: Session) -> Done:
    """End a session, here and not only in its browser."""
    with admin.writing() as tx:
        admin.people.end_session(tx, session)
    return Done("you have signed out")


def end(admin: Admin, name: str) -> Done:
    """End all sessions of an operator."""
    operator = one(admin, name)
    with admin.writing() as tx:
        count = admin.people.end_sessions(tx, operator.name)
    return did(count > 0, f"ended {count} session{'s' if count != 1 else ''} of {name}")


def listed(admin: Admin, name: str) -> list[dict[str, Any]]:
    """Return the sessions of an operator, the last seen first."""
    return [
        {"address": session.address, "agent": session.agent, "made_at": session.made_at, "seen_at": session.seen_at}
        for session in admin.people.sessions(one(admin, name).name)
    ]


def _sweep(admin: Admin) -> None:
    now = admin.whole.now()
    admin.people.forget_before(*((now - ago).isoformat(timespec="seconds") for ago in (LONGEST, IDLE, _ANSWERS)))


def _ago(at: str, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(at)
