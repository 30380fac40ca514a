"""Canned replies: what the bot's settings keep ready for its people, in the language of whom they answer."""

from collections.abc import Mapping

import msgspec

from vaiven.edge.reply_settings import CannedReply


class Ready(msgspec.Struct):
    """A text to put into an answer, exactly as it was written. ``lang`` is the language it is in; empty: it says none.

    ``template``: the name under which the provider approved it, for when the channel takes nothing else; empty: it is none. Its
    text then has ``blanks`` of the form ``{{1}}``, and ``values`` of the reply fill them, in order.
    """

    name: str
    text: str
    lang: str
    template: str
    blanks: int


class Replies(msgspec.Struct):
    """Every canned reply, in the order of the settings."""

    replies: list[Ready]


def ready(canned: Mapping[str, CannedReply], lang: str, own: str) -> Replies:
    """These in this language, else in the bot's ``own``, else in the first one that each has."""
    found = []
    for reply in canned.values():
        spoken, text = reply.text(lang, own)
        found.append(Ready(reply.name, text, spoken, reply.template, reply.blanks(text)))
    return Replies(found)
