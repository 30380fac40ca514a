"""What people send in each work: whole HTTP requests, signed beforehand, so that the load costs nothing while it is measured."""

from collections.abc import Iterator
from dataclasses import dataclass

from vaiven.testing.numbers import north_american
from vaiven.testing.webhooks import twilio_message

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "bench-token"
OUR_NUMBER = "+12025550100"
PUBLIC_URL = "https://bench.example"
PATH = "/hooks/sms"

VOTES = tuple((text, b"counted") for text in ("VOTE 2", "1", "2", "3", "VOTE 1", "2", "2", "3", "1", "2"))
"""One contact's ten votes, each with a word of the reply that shows that it was understood."""
BOOKING = (("hi", b"day"), ("24 Dec", b"people"), ("4", b"name"), ("Ola", b"Shall"), ("yes", b"Booked"))
SINGLE = VOTES[:1]

_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
    "I-Twilio-Idempotency-Token: {token}\r\n{headers}Content-Length: {length}\r\n\r\n"
)


@dataclass(slots=True)
class Talk:
    """One contact and what they send, one thing after another; ``wants`` are words that the replies must have."""

    contact: bytes
    requests: list[bytes]
    wants: tuple[bytes, ...]
    at: int = 0
    sent_at: float = 0.0
    acked: bool = False
    replied: bool = False


def talks(count: int, script: tuple[tuple[str, bytes], ...], first: int = 1) -> Iterator[Talk]:
    """``count`` contacts, none of them twice, who go through ``script``; ``first`` is the first one's place among all numbers."""
    for index in range(first, first + count):
        number = north_american(index)
        requests = [_request(number, text, f"SM{index:016x}{at:016x}") for at, (text, _) in enumerate(script)]
        yield Talk(number.encode(), requests, tuple(want for _, want in script))


def _request(number: str, text: str, sid: str) -> bytes:
    url = PUBLIC_URL + PATH
    webhook = twilio_message(url, TOKEN, account=ACCOUNT, sid=sid, sender=number, to=OUR_NUMBER, text=text)
    headers = "".join(f"{name}: {value}\r\n" for name, value in webhook.headers)
    return _HEAD.format(path=PATH, token=sid[2:], headers=headers, length=len(webhook.body)).encode() + webhook.body
