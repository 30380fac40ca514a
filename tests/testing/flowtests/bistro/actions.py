"""What the support flow calls. Tests mock both."""

from vaiven import action


@action("faq.answer")
async def answer(question):
    return {"score": 0, "text": question}


@action("desk.ticket")
async def ticket(order, text):
    return {"number": len(text)}
