"""What the support flow calls: answers to frequent questions, and the desk that keeps notes and ratings."""

import asyncio
from pathlib import Path
from typing import Any

from support_desk import desk
from support_faq import Answerer, Faq

from vaiven import action

ANSWERER: Answerer = Faq.load(Path(__file__).with_name("faq.yaml"))


@action("faq.answer")
async def answer(question: str, lang: str = "en") -> dict[str, Any]:
    """The text that answers the question, and how sure it is, from 0 to 1."""
    found = await ANSWERER.answer(question, lang)
    return {"id": found.id, "text": found.text, "score": found.score}


@action("desk.ticket")
async def ticket(contact: str, text: str, idempotency_key: str, order: str | None = None) -> dict[str, Any]:
    """Put a note before the people of the desk."""
    told = {"order": order, "text": text}
    return {"number": await asyncio.to_thread(desk().put, idempotency_key, "ticket", contact, told)}


@action("desk.rating")
async def rating(contact: str, score: int, idempotency_key: str) -> dict[str, Any]:
    """Keep what somebody thought of us, from 1 to 5."""
    return {"number": await asyncio.to_thread(desk().put, idempotency_key, "rating", contact, {"score": score})}
