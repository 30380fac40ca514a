"""Many processes of one bot on one port: a parent that starts them, starts again those that die, and passes signals on.

All accept from one listening socket, which the parent made and keeps open. So what has connected and was not accepted yet is not
lost when one of them ends, however it ends, as it would be with a socket each (``SO_REUSEPORT``).
"""

import gc
import logging
import os
import secrets
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from vaiven.edge.cli import ENVIRONMENT, FINDINGS, explain
from vaiven.edge.figures import Siblings
from vaiven.edge.serve import Serving, greet, listen, read_flows, run_bot
from vaiven.edge.settings import BotSettings
from vaiven.model.errors import FlowError, VaivenError

log = logging.getLogger("vaiven.workers")

BACKLOG = 1024
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
STEADY_S = 30.0
"""A worker that lived so long was well: when it dies it is started again at once."""
READY_S = 60.0
"""A new worker that is not ready after so long takes nobody's place."""

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ROLL = signal.SIGUSR1

Child = Callable[[int, int, int], int]
"""Serves as the worker of this number, and gives the exit code. It writes a byte to the second, a descriptor, once it is ready;
the third comes to its end when the parent is gone."""


def run_workers(count: int, load: Callable[[], BotSettings], serving: Serving) -> int:
    """Serve by ``count`` processes until a signal comes. Each loads the settings anew, so one that is started later has those of
    that day. Gives the exit code.

    Raises:
        FlowError, SettingsError, CannotListen: nothing was started.
    """
    settings = load()
    read_flows(settings)
    token = secrets.token_urlsafe(24)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vaiven-")))
        listening = stack.enter_context(_listen(serving.host, serving.port))
        console = None if serving.console_port is None else stack.enter_context(_listen("127.0.0.1", serving.console_port))
        mine = replace(serving, listening=listening, console_listening=console, console_token=token)

        def child(number: int, tell: int, life: int) -> int:
            def ready(_: list[int]) -> None:
                os.write(tell, b"1")
                os.close(tell)

            own = replace(mine, siblings=Siblings(folder, number, os.getpid()))
            if number:
                own = replace(own, console_port=None, console_listening=None)
            try:
                return run_bot(load(), own, ready, life)
            except VaivenError as error:
                click.echo(explain(error, "run"), err=True)
                return FINDINGS if isinstance(error, FlowError) else ENVIRONMENT

        def started() -> None:
            greet(settings, mine, [sock.getsockname()[1] for sock in (listening, console) if sock is not None], token)
            click.echo(f"  {count} workers")

        gc.collect()
        gc.freeze()
        return Workers(count, child, started).run()


def _listen(host: str, port: int) -> socket.socket:
    listening = listen(host, port)
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


class _Worker:
    def __init__(self, number: int, pid: int, told: int) -> None:
        self.number, self.pid, self.told = number, pid, told
        self.began_s = time.monotonic()
        self.ready = False
        self.relieved = False


class Workers:
    """``count`` children, each running ``child``. ``run`` gives the exit code when all are gone."""

    def __init__(self, count: int, child: Child, started: Callable[[], None]) -> None:
        self._count, self._child, self._started = count, child, started
        self._alive: dict[int, _Worker] = {}
        self._deaths: dict[int, int] = {}
        self._due_s: dict[int, float] = {}
        self._rolling: list[_Worker] = []
        self._signals: list[int] = []
        self._served = self._stopping = False
        self._code = 0

    def run(self) -> int:
        """Until all are gone: told to stop, or one could not start at the very first."""
        self._life, self._life_end = os.pipe()
        self._wake, self._wake_end = os.pipe()
        for end in (self._wake, self._wake_end):
            os.set_blocking(end, False)
        before = {each: signal.signal(each, self._on_signal) for each in (*STOPS, ROLL, signal.SIGCHLD)}
        woken = signal.set_wakeup_fd(self._wake_end)
        try:
            self._start(0)  # what ails one will ail each, so the others wait for the first
            while self._alive or (self._due_s and not self._stopping):
                self._wait()
                self._act()
        finally:
            signal.set_wakeup_fd(woken)
            for each, handler in before.items():
                signal.signal(each, handler)
            for end in (self._life, self._life_end, self._wake, self._wake_end):
                os.close(end)
        return self._code

    def _on_signal(self, number: int, _: object) -> None:
        self._signals.append(number)

    def _start(self, number: int) -> _Worker:
        told, tell = os.pipe()
        # A signal that came to the child before it has handlers of its own would be lost in ours.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        pid = os.fork()
        if pid == 0:
            self._be_child(number, told, tell)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(tell)
        worker = self._alive[pid] = _Worker(number, pid, told)
        return worker

    def _be_child(self, number: int, told: int, tell: int) -> NoReturn:
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            for each in (*STOPS, signal.SIGCHLD):
                signal.signal(each, signal.SIG_DFL)
            signal.signal(ROLL, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            for end in (
                self._life_end,
                self._wake,
                self._wake_end,
                told,
                *(each.told for each in self._alive.values() if each.told >= 0),
            ):
                os.close(end)
            code = self._child(number, tell, self._life)
        except Exception:  # noqa: BLE001 - nothing stands above it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _wait(self) -> None:
        """Until somebody tells something, or a worker is due to be started again."""
        due_s = min(self._due_s.values(), default=None)
        if self._rolling:
            until_s = self._rolling[0].began_s + READY_S
            due_s = until_s if due_s is None else min(due_s, until_s)
        patience_s = None if due_s is None else max(0.0, due_s - time.monotonic())
        told = {worker.told: worker for worker in self._alive.values() if not worker.ready and worker.told >= 0}
        ready, _, _ = select.select([self._wake, *told], [], [], patience_s)
        for end in ready:
            if end == self._wake:
                with suppress(BlockingIOError):
                    os.read(end, 512)
            else:
                self._hear(told[end])

    def _hear(self, worker: _Worker) -> None:
        worker.ready = bool(os.read(worker.told, 1))
        os.close(worker.told)
        worker.told = -1
        if not worker.ready or self._stopping:
            return
        if not self._served:
            if len(self._alive) == 1:
                for number in range(1, self._count):
                    self._start(number)
            if sum(each.ready for each in self._alive.values()) == self._count:
                self._served = True
                self._started()
        if worker in self._rolling:
            self._relieve(worker)

    def _act(self) -> None:
        signals, self._signals = self._signals, []
        for number in signals:
            if number in STOPS:
                self._stop(number)
            elif number == ROLL and self._served and not self._stopping and not self._rolling:
                log.info("replacing the workers, one after the other")
                self._replace(0)
        self._bury()
        if self._rolling and time.monotonic() - self._rolling[0].began_s > READY_S and not self._rolling[0].ready:
            self._give_up(self._rolling[0])
        now_s = time.monotonic()
        for number, due_s in list(self._due_s.items()):
            if due_s <= now_s and not self._stopping:
                del self._due_s[number]
                self._start(number)

    def _stop(self, number: int) -> None:
        """Pass it on. A second one changes nothing."""
        if not self._stopping:
            self._stopping = True
            for worker in self._alive.values():
                self._kill(worker, number)

    def _kill(self, worker: _Worker, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, number)

    def _bury(self) -> None:
        while self._alive:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self._alive.pop(pid, None)
            if worker is not None:
                self._died(worker, os.waitstatus_to_exitcode(status))

    def _died(self, worker: _Worker, code: int) -> None:
        if worker.told >= 0:
            os.close(worker.told)
        if worker in self._rolling:
            log.error("a new worker could not start (%d): the old ones stay", code)
            self._rolling.clear()
        if self._stopping:
            return
        if worker.relieved:
            self._next_of(worker)
        elif not self._served:
            self._code = self._code or code or 1
            self._stop(signal.SIGTERM)
        elif not any(each.number == worker.number for each in self._alive.values()):
            self._start_again(worker, code)

    def _start_again(self, worker: _Worker, code: int) -> None:
        lived_s = time.monotonic() - worker.began_s
        deaths = self._deaths[worker.number] = 0 if lived_s >= STEADY_S else self._deaths.get(worker.number, 0) + 1
        wait_s = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (deaths - 1)) if deaths else 0.0
        self._due_s[worker.number] = time.monotonic() + wait_s
        log.error("worker %d died (%d); it is started again in %.1f s", worker.number, code, wait_s)

    # -- one after the other -------------------------------------------------------------------------------------------

    def _replace(self, number: int) -> None:
        """Start a new worker of this number beside the old one."""
        self._rolling.append(self._start(number))

    def _relieve(self, new: _Worker) -> None:
        """The new one is ready: the old one of its number may go."""
        self._rolling.remove(new)
        old = next((each for each in self._alive.values() if each.number == new.number and each is not new), None)
        if old is not None:
            old.relieved = True
            self._kill(old, signal.SIGTERM)
        else:
            self._next_of(new)

    def _next_of(self, gone: _Worker) -> None:
        if not self._stopping and gone.number + 1 < self._count:
            self._replace(gone.number + 1)

    def _give_up(self, new: _Worker) -> None:
        log.error("a new worker is not ready after %.0f s: the old ones stay", READY_S)
        self._rolling.clear()
        self._kill(new, signal.SIGKILL)
