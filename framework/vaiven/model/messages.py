"""What people send us and what we send them, the same for every channel."""

from enum import StrEnum

import msgspec

from vaiven.model.urns import Urn


class MessageKind(StrEnum):
    """What an inbound message is. An unknown one is ``UNSUPPORTED`` and still reaches the flow's fallback."""

    TEXT = "text"
    CHOICE = "choice"
    MEDIA = "media"
    LOCATION = "location"
    CONTACT = "contact"
    REACTION = "reaction"
    ORDER = "order"
    FORM = "form"
    EDITED = "edited"
    DELETED = "deleted"
    SYSTEM = "system"
    OPTIN = "optin"
    REFERRAL = "referral"
    ECHO = "echo"
    UNSUPPORTED = "unsupported"


class MessageClass(StrEnum):
    """Why we send it. Decides priority, validity, and what follows an unknown outcome (``unknown_policy``)."""

    CONSENT = "consent"
    OTP = "otp"
    ALERT = "alert"
    REPLY = "reply"
    RECEIPT = "receipt"
    NOTICE = "notice"
    REMINDER = "reminder"
    MARKETING = "marketing"
    PREMIUM = "premium"


class UnknownPolicy(StrEnum):
    """What to do with a message that was dialed and whose outcome nobody knows."""

    NEVER = "never"
    """Never again: a second copy would harm more than none."""
    AT_ONCE = "at once"
    """Send again now: a duplicate alert is harmless, a missing one is not."""
    HOLD = "hold"
    """Wait for a receipt, then send at most once more."""


class Choice(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A tapped button or list row: the id we gave it, the title that was shown, the message of ours it hung on."""

    id: str
    title: str = ""
    origin: str | None = None


class Media(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A file: by ``url``, or by the provider's ``ref`` where it must be asked for."""

    mime: str = ""
    url: str | None = None
    ref: str | None = None
    sha256: str | None = None
    name: str | None = None
    caption: str | None = None
    voice: bool = False


class Location(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A place, WGS 84 degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class InboundMessage(msgspec.Struct, frozen=True, omit_defaults=True, tag="message", tag_field="is", gc=False):
    """One message from a person, whatever the channel.

    ``id`` is the provider's; ``provider_ms`` the provider's receive time (ms since the epoch) where it gives one;
    ``consent`` the provider's own verdict (``stop``, ``start`` or ``help``) where it gives one; ``referral`` the link or ad that
    brought the person, by its own code; ``raw`` the slice of the payload it was read from, kept for what we do not understand
    yet.
    """

    id: str
    sender: Urn
    also: tuple[Urn, ...] = ()
    kind: MessageKind = MessageKind.TEXT
    text: str = ""
    choice: Choice | None = None
    media: tuple[Media, ...] = ()
    location: Location | None = None
    reply_to: str | None = None
    provider_ms: int | None = None
    profile_name: str | None = None
    lang: str | None = None
    consent: str | None = None
    raw: bytes = b""
    referral: str | None = None


class Option(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing to choose from, as it goes out: ``id`` comes back on a tap."""

    id: str
    title: str
    description: str = ""


class Layout(StrEnum):
    """How options are shown. ``TEXT``: they already stand in the text as a numbered list."""

    TEXT = "text"
    BUTTONS = "buttons"
    LIST = "list"
    QUICK_REPLIES = "quick_replies"


class TemplateMessage(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A message that the provider approved beforehand, by the name it bears there, with what fills its blanks, in order.

    Only such a message may open a conversation, or go on with it when the channel's window has closed.
    """

    name: str
    lang: str = ""
    values: tuple[str, ...] = ()
    payloads: tuple[str, ...] = ()


class OutboundMessage(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one provider call sends: one part, its text already within the channel's limit."""

    text: str
    options: tuple[Option, ...] = ()
    layout: Layout = Layout.TEXT
    list_button: str = ""
    media: tuple[Media, ...] = ()
    template: TemplateMessage | None = None


class Capabilities(msgspec.Struct, frozen=True, gc=False):
    """What a channel can show, from its provider's documents. A limit of 0 means: it cannot.

    ``text_limit`` counts characters of one part. ``sms`` says that text is billed in segments and folded to GSM-7.
    ``carries_reference`` says that receipts bring back our own reference. ``sms_words``: CANCEL, END, QUIT are legal words.
    ``caption_limit`` counts characters of a text that may go along with one file.
    ``templates``: messages that the provider approved beforehand can be sent. ``window_ms``: so long after a person's last
    message anything may be said to them, later only a template; 0: there is no such window.
    """

    text_limit: int
    sms: bool = False
    media: bool = False
    buttons: int = 0
    button_title: int = 20
    list_rows: int = 0
    list_title: int = 24
    quick_replies: int = 0
    quick_reply_title: int = 20
    option_text_limit: int = 1024
    carries_reference: bool = True
    sms_words: bool = False
    caption_limit: int = 0
    templates: bool = False
    window_ms: int = 0

    def layout(self, titles: tuple[str, ...]) -> Layout:
        """The richest layout that shows all of these titles uncut, else the numbered text."""
        longest = max((len(title) for title in titles), default=0)
        if not titles:
            return Layout.TEXT
        if len(titles) <= self.buttons and longest <= self.button_title:
            return Layout.BUTTONS
        if len(titles) <= self.quick_replies and longest <= self.quick_reply_title:
            return Layout.QUICK_REPLIES
        if len(titles) <= self.list_rows and longest <= self.list_title:
            return Layout.LIST
        return Layout.TEXT


_POLICIES = {
    MessageClass.ALERT: UnknownPolicy.AT_ONCE,
    MessageClass.REPLY: UnknownPolicy.HOLD,
    MessageClass.NOTICE: UnknownPolicy.HOLD,
    MessageClass.REMINDER: UnknownPolicy.HOLD,
}


def unknown_policy(message_class: MessageClass) -> UnknownPolicy:
    """What follows an unknown outcome: alerts at once, conversation held, everything that must not come twice never."""
    return _POLICIES.get(message_class, UnknownPolicy.NEVER)


PASSING = frozenset({MessageClass.CONSENT, MessageClass.OTP, MessageClass.ALERT})
"""Classes that may pass earlier rows of the same home and channel."""

PRIORITY = {
    MessageClass.OTP: 0,
    MessageClass.ALERT: 0,
    MessageClass.CONSENT: 1,
    MessageClass.REPLY: 2,
    MessageClass.RECEIPT: 3,
    MessageClass.PREMIUM: 3,
    MessageClass.NOTICE: 4,
    MessageClass.REMINDER: 4,
    MessageClass.MARKETING: 5,
}
"""0 goes first. A claim counts 30 s of waiting as one step up, so that nobody starves."""

AGEING_MS = 30_000
