"""What a scripted provider does with a request: take the message, refuse it, or leave the caller in doubt."""

from enum import StrEnum

import msgspec


class Ending(StrEnum):
    """How the connection goes on once the decision is made."""

    ANSWER = "answer"
    RESET = "reset"
    """The connection is reset before a byte of the answer."""
    HANG = "hang"
    """No answer ever comes; the connection stays open until the caller or the provider closes."""
    GARBAGE = "garbage"
    """200 with a body that means nothing."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one request.

    ``sends`` is the truth: whether the message goes out to the person, whatever the caller is told. ``code`` is the
    provider's own error number; ``latency_s`` passes after the decision is recorded and before the caller hears of it.
    """

    name: str
    sends: bool = False
    status: int = 200
    code: int | None = None
    retry_after_s: int | None = None
    latency_s: float = 0.0
    ending: Ending = Ending.ANSWER


ACCEPT = Answer(name="accepted", sends=True)


def slow(latency_s: float, answer: Answer = ACCEPT) -> Answer:
    """The same answer, later."""
    return msgspec.structs.replace(answer, latency_s=latency_s)


def throttle(retry_after_s: int | None = 1, code: int | None = None) -> Answer:
    """429, with Retry-After in seconds where one is given. ``code`` None: the channel's usual one."""
    return Answer(name="throttled", status=429, code=code, retry_after_s=retry_after_s)


def refuse(code: int, status: int = 400) -> Answer:
    """A refusal with the provider's own error code, such as Twilio's 21610 (opted out)."""
    return Answer(name=f"refused:{code}", status=status, code=code)


def fail(status: int = 500, *, sends: bool = False) -> Answer:
    """A 5xx. ``sends``: the message goes out all the same, as happens."""
    return Answer(name=f"failed:{status}", status=status, sends=sends)


def reset(*, sends: bool = True) -> Answer:
    """Take the message (or not), then reset the connection."""
    return Answer(name="reset", sends=sends, ending=Ending.RESET)


def hang(*, sends: bool = True) -> Answer:
    """Take the message (or not), then say nothing."""
    return Answer(name="hung", sends=sends, ending=Ending.HANG)


def garbage(*, sends: bool = True) -> Answer:
    """Take the message (or not), then answer 200 with nonsense."""
    return Answer(name="garbage", sends=sends, ending=Ending.GARBAGE)
