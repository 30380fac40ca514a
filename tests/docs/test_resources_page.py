"""What docs/resources.md shows works as it says."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from vaiven.edge.settings import read_settings
from vaiven.model.calls import ReplyTo
from vaiven.model.contacts import Contact
from vaiven.model.effects import Effect, Tell
from vaiven.model.events import Event, Happened, TimerDue
from vaiven.model.urns import Urn, resource_home
from vaiven.runtime.registry import collect
from vaiven.runtime.resources import Resources

PAGE = (Path(__file__).parents[2] / "docs/resources.md").read_text()
HOME = resource_home("bistro", "tables", "8")
ANA, BEA = Urn("tel:+12025550101"), Urn("tel:+12025550102")


def block(lang: str, has: str) -> str:
    return next(found for found in re.findall(rf"```{lang}\n(.*?)```", PAGE, re.DOTALL) if has in found)


def test_the_table_is_held_booked_and_given_back() -> None:
    names: dict[str, object] = {}
    exec(compile(block("python", "@resource"), "resources.md", "exec"), names)
    resources, contact = Resources(collect(names.values()).resources), Contact(HOME)

    def hear(event: Event, now_ms: int = 0) -> list[str]:
        nonlocal contact
        effects: tuple[Effect, ...]
        contact, effects = resources.step(contact, event, now_ms)
        return [effect.name for effect in effects if isinstance(effect, Tell)]

    def say(who: Urn, name: str) -> list[str]:
        return hear(Event("e", HOME, 0, "", 0, Happened(name, {}, sender=who, answer_to=ReplyTo(who, "sms", "s", "table", 1))))

    assert [say(ANA, "reserve"), say(BEA, "reserve"), say(BEA, "confirm")] == [["held"], ["taken"], ["taken"]]
    assert hear(Event("t", HOME, 0, "", 0, TimerDue("expire:", "", "", 0, 600_000)), 600_000) == []
    assert [say(BEA, "reserve"), say(BEA, "confirm"), say(ANA, "reserve")] == [["held"], ["booked"], ["taken"]]


def test_the_opening_hours_load(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "one.flow.yaml").write_text("flow: one\n")
    (tmp_path / "bot.yaml").write_text("bot: b\nflows: flows\nchannels: {phone: {type: simulator}}\n" + block("yaml", "hours:"))
    settings, problems = read_settings(tmp_path, {}, {})
    assert settings is not None, problems
    zone = ZoneInfo("Europe/Madrid")
    told = {"2026-11-20T17:59": True, "2026-11-21T14:00": False, "2026-12-25T10:00": False}
    at = {each: int(datetime.fromisoformat(each).replace(tzinfo=zone).timestamp() * 1000) for each in told}
    assert {each: settings.hours["support"].is_open(at[each], zone) for each in told} == told
