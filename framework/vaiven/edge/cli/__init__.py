"""The command line. Plural nouns list, verbs act; exit codes: 0 well, 1 findings, 2 usage, 3 the environment (130: interrupted).

A command's module is imported when it is asked for, and what it needs when it runs, so that ``--help`` answers at once.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from vaiven import __version__
from vaiven.model.errors import FlowError, SettingsError, StoreError, StoreInUse, VaivenError

FINDINGS = 1
USAGE = 2
ENVIRONMENT = 3
INTERRUPTED = 130

_COMMANDS = {
    "demo": "vaiven.edge.cli.serve:demo",
    "new": "vaiven.edge.cli.new:new",
    "talk": "vaiven.edge.cli.talk:talk",
    "check": "vaiven.edge.cli.check:check",
    "test": "vaiven.edge.cli.test:test",
    "fmt": "vaiven.edge.cli.fmt:fmt",
    "draw": "vaiven.edge.cli.draw:draw",
    "schema": "vaiven.edge.cli.schema:schema",
    "dev": "vaiven.edge.cli.dev:dev",
    "run": "vaiven.edge.cli.serve:run",
    "diff": "vaiven.edge.cli.publish:diff",
    "publish": "vaiven.edge.cli.publish:publish",
    "replay": "vaiven.edge.cli.replay:replay",
    "status": "vaiven.edge.cli.status:status",
    "tokens": "vaiven.edge.cli.tokens:tokens",
    "inbox": "vaiven.edge.cli.inbox:inbox",
    "bookings": "vaiven.edge.cli.bookings:bookings",
    "dead": "vaiven.edge.cli.dead:dead",
    "votes": "vaiven.edge.cli.votes:votes",
    "doctor": "vaiven.edge.cli.doctor:doctor",
}


class _Commands(click.Group):
    """Commands that are imported when they are asked for, in the order a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="vaiven %(version)s")
def cli() -> None:
    """Two-way conversations over SMS, WhatsApp and Messenger.

    A conversation is a flow file. A bot is a folder with a bot.yaml: which flows, which channels, which store. What people send
    is stored before it is acknowledged, and every reply waits in a durable outbox.

    \b
    The first three to try:
      vaiven demo                       three bots with phones to type on, nothing to set up
      vaiven talk FLOW                  your own flow file, as a conversation in this terminal
      vaiven check flows                what is wrong in your flow files, and what would be right
    \b
    Then, for real:
      vaiven run bots/my_bot            serve webhooks at /hooks/<channel>, send the replies
    """


def run(args: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code. Errors that a person can mend are told, without a traceback."""
    try:
        outcome: Any = cli.main(args, prog_name="vaiven", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; what Python would still flush into it must not fail loudly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINDINGS
    except VaivenError as error:
        typed = sys.argv[1:] if args is None else args
        click.echo(explain(error, next(iter(typed), "")), err=True)
        return FINDINGS if isinstance(error, FlowError) else ENVIRONMENT
    return outcome if isinstance(outcome, int) else 0


_DONE = {"publish": "published", "diff": "compared", "schema": "written"}


def explain(error: VaivenError, command: str = "") -> str:
    """The error as a person should read it who typed this command: every problem, and how many."""
    if isinstance(error, SettingsError | FlowError):
        count = len(error.problems)
        return f"{error}\n{count} problem{'' if count == 1 else 's'}; nothing was {_DONE.get(command, 'started')}."
    if isinstance(error, StoreInUse):
        return f"{error}\nAnother file: --{'db FILE' if command == 'demo' else 'store sqlite:///FILE'}"
    return f"store: {error}" if isinstance(error, StoreError) else str(error)


def main() -> None:
    """The console script."""
    sys.exit(run())
