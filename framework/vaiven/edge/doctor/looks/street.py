"""The public address, asked from outside: a POST without a signature, a handshake, and what should not be there."""

import asyncio
import secrets
import ssl
import time
from typing import Any

import aiohttp

from vaiven.channels import settings as channel_settings
from vaiven.edge.channel_settings import ChannelSettings
from vaiven.edge.doctor.facts import Answered, DoorFacts, StreetFacts
from vaiven.edge.settings import BotSettings
from vaiven.edge.web import HOOKS

PATIENCE_S = 10.0
BODY = 256
"""Bytes of an answer that are looked at."""
SIMULATOR = "simulator"
FORM = "application/x-www-form-urlencoded"
META = ("whatsapp-cloud", "messenger")
"""The types that have a handshake."""


async def look_at_street(settings: BotSettings) -> StreetFacts:
    """Ask every channel's webhook at the public address."""
    channels = [channel for channel in settings.channels if channel.type != SIMULATOR]
    if not settings.public_url or not channels:
        doors = tuple(DoorFacts(channel.name, channel.type, "", Answered()) for channel in channels)
        return StreetFacts(settings.public_url, doors)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        metrics = asyncio.create_task(_ask(session, "GET", f"{settings.public_url}/metrics"))
        asked = await asyncio.gather(*(_ask_door(session, settings.public_url, channel) for channel in channels))
        await metrics
    return StreetFacts(settings.public_url, tuple(asked), metrics.result())


async def _ask_door(session: aiohttp.ClientSession, public_url: str, channel: ChannelSettings) -> DoorFacts:
    url = f"{public_url}{HOOKS}{channel.name}"
    unsigned = await _ask(session, "POST", url, data=b"vaiven=doctor", headers={"Content-Type": FORM})
    if channel.type not in META:
        return DoorFacts(channel.name, channel.type, url, unsigned)
    challenge = secrets.token_hex(8)
    words = channel_settings.secrets(channel.settings, "verify_token")
    query = {"hub.mode": "subscribe", "hub.verify_token": words[0] if words else "", "hub.challenge": challenge}
    return DoorFacts(channel.name, channel.type, url, unsigned, await _ask(session, "GET", url, params=query), challenge)


async def _ask(session: aiohttp.ClientSession, method: str, url: str, **options: Any) -> Answered:
    since_s = time.monotonic()
    try:
        async with session.request(method, url, allow_redirects=False, **options) as answer:
            left_s = _certificate_s(answer)
            body = await answer.content.read(BODY)
            return Answered(answer.status, body, time.monotonic() - since_s, certificate_s=left_s)
    except TimeoutError:
        return Answered(error=f"nothing in {PATIENCE_S:.0f} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answered(error=_why(error))


def _certificate_s(answer: aiohttp.ClientResponse) -> float | None:
    connection = answer.connection
    line = connection.transport.get_extra_info("ssl_object") if connection and connection.transport else None
    ends = (line.getpeercert() or {}).get("notAfter") if line is not None else None
    return ssl.cert_time_to_seconds(ends) - time.time() if isinstance(ends, str) else None


def _why(error: Exception) -> str:
    """In words, and without the address, whose query may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not good: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {error.os_error.strerror or type(error.os_error).__name__}"
    return type(error).__name__
