"""What every command shares: the config, the admin, and how errors end."""

from __future__ import annotations

import functools
import os
import pwd
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import click

from provisioner import config as options
from provisioner.admin import Admin
from provisioner.config import Config
from provisioner.errors import BadConfig, ProvisionerError

OK, FAILURE, USAGE, BAD_CONFIG, INTERRUPTED = 0, 1, 2, 78, 130


class Session:
    """Holds what the options before the command said; opens the config and the store when asked for."""

    def __init__(self, file: Path | None, state: Path | None) -> None:
        """file: of --config; state: of --state."""
        self._file, self._state = file, state

    @cached_property
    def config(self) -> Config:
        """What the server is told; raises BadConfig."""
        found = options.load(self._file)
        if self._state is not None:
            found = replace(found, state=self._state, said_by={**found.said_by, "state": "--state"})
        if os.path.lexists(found.state) and not os.path.isdir(found.state):
            raise BadConfig(f"{found.said_by.get('state', 'state')}: {found.state} is no folder; name a folder, which is made where it is missing")
        return found

    def config_again(self) -> Config:
        """Return what the server is told now, read anew; raises BadConfig."""
        return Session(self._file, self._state).config

    @cached_property
    def admin(self) -> Admin:
        """The operators' verbs, in the name of who runs the command; raises StoreTrouble."""
        return Admin.open(self.config, who(), "cli")

    def close(self) -> None:
        """Close what was opened."""
        if "admin" in self.__dict__:
            self.admin.close()


def who() -> str:
    """Return the name of the user who runs the command."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def session(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the session as its first argument."""

    @functools.wraps(command)
    def with_session(*arguments: Any, **options: Any) -> None:
        here = click.get_current_context().find_object(Session)
        command(here, *arguments, **options)

    return with_session


class Root(click.Group):
    """The group of all commands; turns every error into its sentence and exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run a command and leave with its exit code."""
        extra["standalone_mode"] = False
        sys.exit(_guarded(lambda: super(Root, self).main(args, prog_name or "provisioner", *rest, **extra)))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. click itself would end with 1 where the reader is gone, however much he has read."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _SeenEnough from None


class _SeenEnough(Exception):
    """Whoever read us has seen enough."""


def _guarded(run: Callable[[], object]) -> int:
    """Return the exit code of a command, its error told on stderr."""
    try:
        code = run()
        sys.stdout.flush()
        return code if isinstance(code, int) and not isinstance(code, bool) else OK
    except click.ClickException as fault:
        fault.show()
        return USAGE if isinstance(fault, click.UsageError) else FAILURE
    except BadConfig as fault:
        _tell(fault)
        return BAD_CONFIG
    except ProvisionerError as fault:
        _tell(fault)
        return FAILURE
    except (click.Abort, KeyboardInterrupt):
        click.echo("", err=True)
        return INTERRUPTED
    except (BrokenPipeError, _SeenEnough):  # nothing more can be said to him
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _tell(fault: ProvisionerError) -> None:
    click.echo(f"provisioner: {fault}", err=True)
