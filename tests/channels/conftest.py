"""Recorded payloads, and channels as a bot would have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vaiven.channels.contract import Channel
from vaiven.channels.registry import make_channel

PAYLOADS = Path(__file__).parent.parent / "payloads"

SETTINGS: dict[str, dict[str, Any]] = {
    "twilio": {
        "account": "AC00000000000000000000000000000001",
        "token": "12345",
        "from": "+12025550100",
        "public_url": "https://bot.example",
    },
    "whatsapp-cloud": {"number_id": "290000000000002", "token": "t", "app_secret": "s3cret", "verify_token": "v"},
    "messenger": {"page_id": "1001", "token": "t", "app_secret": "s3cret", "verify_token": "v", "app_id": "5001"},
    "simulator": {},
}


@pytest.fixture(scope="session")
def payload() -> Callable[[str], bytes]:
    return lambda name: (PAYLOADS / name).read_bytes()


@pytest.fixture(scope="session")
def settings() -> Callable[..., dict[str, Any]]:
    """Settings that are right, and what is changed in them; None takes away."""

    def of(kind: str, **changes: Any) -> dict[str, Any]:
        told = {"type": kind, **SETTINGS[kind], **changes}
        return {key: value for key, value in told.items() if value is not None}

    return of


@pytest.fixture(scope="session")
def make(settings: Callable[..., dict[str, Any]]) -> Callable[..., Channel]:
    return lambda kind, **changes: make_channel(changes.pop("name", "line"), settings(kind, **changes))
