"""The calls of a talk in the terminal: they are really made, one after the other, while the talk waits."""

import asyncio
from collections.abc import Mapping
from types import TracebackType

import click

from vaiven.edge.calling import HttpCaller
from vaiven.edge.reach import Reach
from vaiven.edge.settings import BotSettings
from vaiven.model.calls import HttpCall, OutboundCall
from vaiven.model.effects import Call, Tell
from vaiven.runtime.call_outcomes import Came
from vaiven.runtime.calls import make
from vaiven.runtime.registry import NO_ACTIONS, Action
from vaiven.testing.talk import Refused, Talk


class Errands:
    """Makes the calls of a talk, by the rules of its bot; ``settings`` None: there is none, so only public hosts are called."""

    def __init__(self, settings: BotSettings | None, actions: Mapping[str, Action] = NO_ACTIONS) -> None:
        self._runner = asyncio.Runner()
        self._caller = HttpCaller(Reach(() if settings is None else settings.call_hosts))
        self._actions = actions

    def __enter__(self) -> "Errands":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._runner.run(self._caller.close())
        self._runner.close()

    def run(self, talk: Talk) -> list[str]:
        """Bring what is called for, and what that calls for, to its end; give what the bot says to it."""
        said: list[str] = []
        while call := next((each for each in talk.calls if isinstance(each, Call)), None):
            came = self._runner.run(self._make(call))
            click.echo(f"     ({named(call)}: {came.reason or came.status or 'done'})")
            said += talk.answer_to(call, Refused(came.reason, came.status, came.result) if came.reason else came.result)
        for tell in talk.calls:
            click.echo(f"     ({named(tell)}: there are no resources in a talk, so nobody answers)")
        talk.calls.clear()
        return said

    async def _make(self, call: Call) -> Came:
        """All its attempts, without the pauses: the clock of a talk stands still."""
        asked = OutboundCall(
            call.request, "", call.session, call.step, call.visit, call.timeout_ms, retries=call.retries, key=call.key
        )
        came = await make(asked, self._caller, self._actions)
        for _ in range(call.retries):
            if not (came.passing and (came.undone or asked.repeatable)):
                break
            came = await make(asked, self._caller, self._actions)
        return came


def named(call: Call | Tell) -> str:
    """A call as a person would name it, without what a flow put into it."""
    if isinstance(call, Tell):
        return f"{call.home.split('/')[1]}.{call.name}"
    if isinstance(call.request, HttpCall):
        return f"{call.request.method} {call.request.url.partition('://')[2].partition('/')[0]}"
    return call.request.name
