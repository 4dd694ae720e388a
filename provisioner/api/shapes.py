"""The shapes that several resources share; each resource has its own beside its views."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Said(BaseModel):
    """What a program says; a field that nobody knows is refused, and a number is no text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Asked(BaseModel):
    """What stands behind the ? of an ask: text, of which numbers are read."""

    model_config = ConfigDict(extra="forbid")


Text = Annotated[str, StringConstraints(max_length=1000)]


class Paged(Asked):
    """Which page of a list."""

    cursor: Text = Field("", description="what `next` of the page before said")
    limit: int = Field(50, ge=1, le=500, description="rows of a page")


class Reveal(Asked):
    """Whether secrets are shown."""

    reveal: bool = Field(False, description="with secrets, which takes the right to see them; else they are masked")


class Trial(Asked):
    """Whether it is only tried."""

    dry_run: bool = Field(False, description="try all of it and say what it would do; write nothing")


class Did(BaseModel):
    """What a verb did: its sentence, whether anything changed, and what to look at."""

    sentence: str
    changed: bool
    notes: list[str]


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


Json = dict[str, Any]
