"""Files and templates as a turn puts them into the outbox: as one message, or apart, as the channel can."""

import pytest

from vaiven.channels.messenger import MESSENGER
from vaiven.channels.twilio import SMS
from vaiven.channels.whatsapp import WHATSAPP
from vaiven.model.effects import Send
from vaiven.model.messages import Capabilities, Layout, Media, Option, OutboundMessage, TemplateMessage
from vaiven.runtime.decide import parts_of

PLAIN = Capabilities(text_limit=160)
IMAGE = Media("image", "https://cdn.example/a.png")
OTHER = Media("image", "https://cdn.example/b.png")
VOICE = Media("audio", "https://cdn.example/v.ogg")
YES = (Option("y", "Yes"),)
TEMPLATE = TemplateMessage("reminder", "en", ("Ola",))
SHORT = "Your table."


@pytest.mark.parametrize(
    ("can", "send", "messages"),
    [
        (WHATSAPP, Send(SHORT, media=(IMAGE,)), [OutboundMessage(SHORT, media=(IMAGE,))]),
        (SMS, Send(SHORT, media=(IMAGE,)), [OutboundMessage(SHORT, media=(IMAGE,))]),
        (MESSENGER, Send(SHORT, media=(IMAGE,)), [OutboundMessage("", media=(IMAGE,)), OutboundMessage(SHORT)]),
        (PLAIN, Send(SHORT, media=(IMAGE,)), [OutboundMessage(f"{SHORT}\nhttps://cdn.example/a.png")]),
        (PLAIN, Send("", media=(IMAGE,)), [OutboundMessage("https://cdn.example/a.png")]),
        (WHATSAPP, Send("", media=(IMAGE, OTHER)), [OutboundMessage("", media=(IMAGE,)), OutboundMessage("", media=(OTHER,))]),
        (
            WHATSAPP,
            Send(SHORT, media=(IMAGE, OTHER)),
            [OutboundMessage("", media=(IMAGE,)), OutboundMessage(SHORT, media=(OTHER,))],
        ),
        (WHATSAPP, Send(SHORT, media=(VOICE,)), [OutboundMessage("", media=(VOICE,)), OutboundMessage(SHORT)]),
        (
            WHATSAPP,
            Send(SHORT, options=YES, layout=Layout.BUTTONS, media=(IMAGE,)),
            [OutboundMessage("", media=(IMAGE,)), OutboundMessage(SHORT, YES, Layout.BUTTONS)],
        ),
        (WHATSAPP, Send("x" * 1025, media=(IMAGE,)), [OutboundMessage("", media=(IMAGE,)), OutboundMessage("x" * 1025)]),
        (
            WHATSAPP,
            Send(SHORT, media=(IMAGE,), template=TEMPLATE),
            [OutboundMessage(SHORT, media=(IMAGE,), template=TEMPLATE)],
        ),
        (SMS, Send(SHORT, template=TEMPLATE), [OutboundMessage(SHORT)]),
    ],
)
def test_files_and_templates(can: Capabilities, send: Send, messages: list[OutboundMessage]) -> None:
    assert parts_of(send, can) == messages
