"""What happened, counted. The edge shows these at ``/metrics``; one dictionary add a count, so they may stand on the road."""

from collections import defaultdict

Counts = defaultdict[tuple[str, ...], int]
"""Counters by name and label values: ``counts["accepted", "sms"] += 1``. A Counter takes more than twice as long."""


def from_zero() -> Counts:
    """Nothing has happened yet."""
    return defaultdict(int)


NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "webhooks": ("Webhooks by answer status.", ("channel", "status")),
    "refused": ("Webhooks refused at the door.", ("channel", "reason")),
    "accepted": ("Events stored.", ("channel",)),
    "turns": ("Turns committed.", ("kind",)),
    "duplicates": ("Messages that came again and were not handled again.", ("channel",)),
    "buried": ("Events set aside as dead letters.", ("reason",)),
    "retaken": ("Turns that had to run again.", ("reason",)),
    "votes": ("Votes decided.", ("poll", "outcome")),
    "recorded": ("What happened in turns besides, such as a text that failed.", ("what",)),
    "rows": ("Rows put into the outbox; calls, words to other homes and events are on @ names.", ("channel", "class")),
    "sends": ("Calls to providers, by what came of them.", ("channel", "result")),
    "calls": ("Attempts at calls of flows, by what came of them.", ("kind", "outcome")),
    "hooks": ("Attempts at telling events to webhooks of the business, by what came of them.", ("hook", "outcome")),
    "store_errors": ("Calls the store could not answer.", ("call",)),
}
"""Every counter there is: its help text and its labels."""
