"""The bots of ``vaiven demo``, and how each one's own ``bot.yaml`` is fitted to a demo: a provider that is not real, open now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from vaiven.edge.paths import demo_bot_dir
from vaiven.edge.settings import BotSettings, load_settings
from vaiven.testing.crowd import WhatsAppLine
from vaiven.testing.provider import Accounts

CLOSES_AT = 23
"""The hour of the evening, in the bot's zone, at which the poll closes."""
OPEN_FOR = timedelta(hours=2)
"""At least; when that evening is nearer, it is the next one."""
ZONE = ZoneInfo("Europe/Madrid")
ORDERS = {"AB123456": "on its way: it comes tomorrow", "AB123457": "being packed", "AB123458": "ready for you at the shop"}
"""What the shop knows that the support bot asks."""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the bots: where they are served, the folder of their files, the provider, the shop's ``url`` and
    ``host``."""

    base: str
    folder: Path
    provider: str
    accounts: Accounts
    shop: str
    shop_host: str


Overrides = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoBot:
    """One of them.

    ``name`` is its folder, its prefix and its file; ``say`` a talk to begin with, message by message; ``phones`` how its page of
    phones is called; ``people``: its conversations are handed over, so it has the inbox and the API.
    """

    name: str
    title: str
    about: str
    say: tuple[str, ...]
    fitted: Callable[[Around], Overrides]
    phones: str = "Phones"
    people: bool = False

    def url(self, around: Around) -> str:
        """Where it is served."""
        return f"{around.base}/{self.name}"

    def settings(self, around: Around) -> BotSettings:
        """Its ``bot.yaml``, fitted. Raises SettingsError."""
        sms = {"api": around.provider, "rate": "500/s", "stop_reply": "ours"}
        fitted = self.fitted(around)
        overrides = {
            "store": f"sqlite:///{(around.folder / self.name).resolve()}.db",
            **fitted,
            "channels": {"sms": sms, **fitted.get("channels", {})},
        }
        return load_settings(demo_bot_dir(self.name), overrides, self._environ(around))

    def _environ(self, around: Around) -> Mapping[str, str]:
        accounts = around.accounts
        return {
            "PUBLIC_URL": self.url(around),
            "TWILIO_ACCOUNT_SID": accounts.twilio_account,
            "TWILIO_AUTH_TOKEN": accounts.twilio_token,
        }


def _vote(around: Around) -> Overrides:
    whatsapp = {
        "type": "whatsapp-cloud",
        "api": around.provider,
        "number_id": WhatsAppLine(secret="").phone_number_id,
        "token": around.accounts.meta_token,
        "app_secret": around.accounts.meta_secret,
        "verify_token": "demo",
    }
    return {"params": open_now(datetime.now(UTC), ZONE), "zone": ZONE.key, "channels": {"whatsapp": whatsapp}}


def _support(around: Around) -> Overrides:
    return {
        "params": {"api": around.shop},
        "calls": {"allow": [around.shop_host]},
        "hours": {"support": {"mon-sun": "00:00-24:00"}},
    }


def _booking(_: Around) -> Overrides:
    return {
        "params": {"places": [{"id": "room", "label": "Dining room", "seats": 8}]},
        "hours": {"open": {"mon-sun": "13:00-15:30, 20:00-23:30", "closed": []}},
    }


BOTS = (
    DemoBot(
        "tv_vote",
        "TV vote",
        "The final is on, and viewers vote for an act, up to ten times each. The board counts as the votes are stored.",
        ("VOTE", "2", "anna", "RULES", "STOP"),
        _vote,
        phones="Phones and board",
    ),
    DemoBot(
        "support",
        "Support",
        "A shop's assistant answers questions, looks up orders, and hands over to a person: to you, in the inbox.",
        ("SUPPORT", "My order", "AB123456", "person"),
        _support,
        people=True,
    ),
    DemoBot(
        "booking",
        "Booking",
        "A restaurant holds a table while you decide, books it, changes or cancels it, and has a wait list for when it is full.",
        ("BOOK", "4", "tomorrow", "20:30", "Ada", "YES"),
        _booking,
        phones="Phones and bookings",
    ),
)


def open_now(now: datetime, zone: ZoneInfo) -> dict[str, str]:
    """The params of a poll that opened about an hour ago, and closes this evening or, when that is too near, the next."""
    here = now.astimezone(zone)
    closes = here.replace(hour=CLOSES_AT, minute=0, second=0, microsecond=0)
    if closes.astimezone(UTC) - now.astimezone(UTC) < OPEN_FOR:
        closes += timedelta(days=1)
    opens = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    return {"opens": _instant(opens), "closes": _instant(closes)}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
