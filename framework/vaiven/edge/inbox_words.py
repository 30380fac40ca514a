"""The inbox on a terminal: rows, a conversation, refusals. Pure; whatever came from people goes through ``plain``."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vaiven.edge.plain import lines, plain

Json = Mapping[str, Any]

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_BLANK = re.compile(r"\{\{([0-9]{1,2})\}\}")
_HAPPENED = {
    "agent.joined": "took the conversation",
    "agent.returned": "handed it back to the bot",
    "agent.closed": "closed it",
}
_CONTROL = {"control:bot": "the bot has the conversation", "control:agent": "people have the conversation"}


def span(ms: int) -> str:
    """A time as people say it: ``40 s``, ``4 min``, ``2 h 05 min``, ``3 d``."""
    if ms < _MINUTE:
        return f"{max(0, ms) // 1000} s"
    if ms < _HOUR:
        return f"{ms // _MINUTE} min"
    return f"{ms // _HOUR} h {ms % _HOUR // _MINUTE:02} min" if ms < _DAY else f"{ms // _DAY} d"


def holder(agent: Json | None, me: str = "") -> str:
    """Who has it, by name."""
    if not agent:
        return ""
    return "you" if agent["id"] == me else plain(agent.get("name") or agent["id"])


def row(one: Json, me: str, now_ms: int) -> tuple[str, ...]:
    """A conversation in the list: how long somebody has waited for us, who has it, who it is."""
    since = one["since"] if one["state"] == "waiting" else one.get("unanswered_since")
    waits = span(now_ms - since) if since else "answered" if one["state"] != "closed" else "closed"
    named = plain(one.get("name") or "-")
    return (
        waits,
        holder(one.get("agent"), me) or "-",
        plain(one["person"]),
        named,
        plain(one["channel"]),
        plain(one["queue"]),
        one["id"],
    )


def picture(found: Json, me: str, now_ms: int) -> str:
    """A conversation as a person reads it, oldest first."""
    names = [plain(found["name"])] if found["name"] else []
    told = [
        ", ".join([*names, plain(found["person"]), f"on {plain(found['channel'])}", *([found["lang"]] if found["lang"] else [])])
    ]
    told.append(". ".join(_standing(found, me, now_ms)) + ".")
    if found["before"]:
        told.append(f"(Earlier: --before {found['before']})")
    day = ""
    acted = {item["number"] for item in found["items"] if item["event"].startswith("agent.")}
    for item in found["items"]:
        if item["event"].startswith("control:") and item["number"] in acted:
            continue  # who took it or gave it back says enough of who has it then
        at = datetime.fromtimestamp(item["at"] / 1000).astimezone()
        if (today := f"{at:%A %d %B %Y}") != day:
            told += ["", today]
            day = today
        told += _said(item, f"{at:%H:%M}")
    return "\n".join(told)


def _standing(found: Json, me: str, now_ms: int) -> list[str]:
    told = [_has(found, me), f"version {found['version']}"]
    if found["opted_out"]:
        told.append("they said STOP: nothing may be sent")
    window = found["window"]
    if window and window["open"]:
        told.append(f"free text for another {span(window['closes'] - now_ms)}")
    elif window:
        told.append("the channel's window has closed" + (": only a template can be sent" if window["templates"] else ""))
    return told


def _has(found: Json, me: str) -> str:
    if found["controller"] == "bot":
        return "The bot speaks"
    who = holder(found["agent"], me)
    if not who:
        return "Waits for a person"
    return "You have it" if who == "you" else f"{who} has it"


def _said(item: Json, at: str) -> list[str]:
    if item["by"] == "event":
        words = {**_HAPPENED, **_CONTROL}.get(item["event"], plain(item["event"]))
        return [f"{at}  -- {plain(item['name'] or item['agent'])} {words}".replace("--  ", "-- ")]
    agent = plain(item["name"] or item["agent"])
    who = {"person": "them", "bot": "bot", "note": f"note by {agent}"}.get(item["by"], agent)
    text = lines(item["text"]) if item["text"] else []
    text += [f"[template {plain(item['template'])}]"] if item["template"] else []
    text += [
        f"[{plain(one['type'])} {plain(one['name'] or '')} {plain(one['url'] or one['ref'] or '')}]" for one in item["media"]
    ]
    text += [f"[place {item['location'][0]}, {item['location'][1]}]"] if item["location"] else []
    text += [f"  ( ) {plain(option)}" for option in item["options"]]
    why = f" ({plain(item['why'])})" if item["why"] else ""
    fate = [f"<{plain(item['outcome'])}{why}>"] if item["outcome"] not in ("", "accepted", "sent", "delivered", "read") else []
    head = f"{at}  {who}: "
    return [(head if index == 0 else " " * len(head)) + line for index, line in enumerate([*text, *fate] or [""])]


def filled(text: str, values: Sequence[str]) -> str:
    """A template's text with its blanks filled, in one pass: what fills one is not looked at for others."""
    return _BLANK.sub(lambda found: values[int(found[1]) - 1], text)


def sorry(problem: Json) -> str:
    """A refusal as its reader should hear it, with the name of whoever has the conversation."""
    who = holder(problem.get("holder"))
    match problem.get("code"):
        case "taken":
            return f"{who or 'Somebody'} has this conversation. They can hand it back."
        case "not_yours":
            return (
                f"{who} has this conversation; ask them to hand it back."
                if who
                else "You do not have it. `vaiven inbox take` first."
            )
        case "moved":
            version = problem.get("version")
            return f"Something has happened there meanwhile: it is at version {version} now. `vaiven inbox show` tells what."
        case "window":
            return "The channel's window has closed. A template can still be sent: --saved NAME."
        case _:
            return f"{plain(str(problem.get('title', '')))}. {plain(str(problem.get('detail', '')))}"
