"""What the flows call: answers to frequent questions, and a ticket. Put your own system in their place."""

from vaiven import action

_ANSWERS = {"open": "We are open from nine to six.", "return": "You can return anything within 30 days."}

_TICKETS: list[str] = []


@action("faq.answer")
async def answer(question: str) -> dict[str, object]:
    """The text that fits the question, and how sure it is, from 0 to 1."""
    found = next((text for word, text in _ANSWERS.items() if word in question.lower()), "")
    return {"text": found, "score": 1.0 if found else 0.0}


@action("desk.ticket")
async def ticket(text: str) -> dict[str, object]:
    """Put the message before your staff."""
    _TICKETS.append(text)
    return {"number": len(_TICKETS)}
