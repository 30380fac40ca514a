"""A phone's JSON twin: what was said, where the session stands, the turns behind it."""

from urllib.parse import quote

import pytest

SMS, WHATSAPP, MESSENGER = "tel:+12025550101", "whatsapp:447700900001", "messenger:7001"
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea>{{7*7}}",
    "javascript:alert(1)",
    "\u202eevil\u2028",
]


# -- phones --------------------------------------------------------------------------------------------------------------


async def test_a_vote_by_sms_is_a_conversation_with_segments_session_and_turns(desk) -> None:
    await desk.say(SMS, {"text": "VOTE"})
    seen = await desk.say(SMS, {"text": "2"})
    assert [message["direction"] for message in seen["messages"]] == ["in", "out", "in", "out"]
    asked, counted = seen["messages"][1], seen["messages"][3]
    assert "1 Anna & Luca" in asked["text"]
    assert (asked["layout"], asked["state"], asked["class"]) == ("text", "accepted", "reply")
    assert counted["class"] == "receipt"
    assert counted["sms"] == {"encoding": "GSM-7", "units": len(counted["text"]), "segments": 1}
    assert seen["messages"][2]["sms"] == {"encoding": "GSM-7", "units": 1, "segments": 1}
    session = seen["session"]
    assert (session["flow"], session["step"], session["tries"]) == ("tv-vote", "pick", 0)
    assert session["visit"] == 2
    assert [timer["due_ms"] for timer in session["timers"]] == [desk.clock.at_ms + 600_000]
    assert seen["contact"]["votes"] == {"final": 1}
    newest, first = seen["turns"]
    assert (first["from"], first["to"], first["came"]) == (None, "tv-vote/pick", {"is": "text", "text": "VOTE"})
    assert (newest["from"], newest["to"]) == ("tv-vote/pick", "tv-vote/pick")
    assert {"do": "tally", "text": "final/bea: counted"} in newest["effects"]
    assert [turn["version"] for turn in seen["turns"]] == [2, 1] == [seen["contact"]["version"], 1]


async def test_one_emoji_makes_an_sms_ucs2(desk) -> None:
    seen = await desk.say(SMS, {"text": "x" * 69 + "🎉"})
    assert seen["messages"][0]["sms"] == {"encoding": "UCS-2", "units": 71, "segments": 2}


async def test_buttons_lists_and_quick_replies_come_as_the_skin_has_them(desk) -> None:
    layouts = {}
    for address in (SMS, WHATSAPP, MESSENGER):
        for text in ("desk", "Ann", "Leeds", "plums"):
            seen = await desk.say(address, {"text": text})
        last = seen["messages"][-1]
        layouts[address] = last["layout"]
        if address != SMS:
            assert [option["title"] for option in last["options"]] == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
            assert last["sms"] is None
    assert layouts == {SMS: "text", WHATSAPP: "list", MESSENGER: "quick_replies"}


async def test_a_tap_is_the_button_itself(desk) -> None:
    asked = (await desk.say(WHATSAPP, {"text": "VOTE"}))["messages"][-1]
    assert asked["layout"] == "buttons"
    option = asked["options"][2]
    tapped = {"id": option["id"], "title": option["title"], "origin": asked["provider_id"]}
    seen = await desk.say(WHATSAPP, {"choice": tapped})
    assert seen["turns"][0]["came"] == {"is": "tap", "text": "Cleo & Max"}
    assert seen["messages"][-2]["choice"] == {"id": option["id"], "title": "Cleo & Max"}
    assert "Cleo & Max counted" in seen["messages"][-1]["text"]


async def test_places_and_files_reach_the_flow_too(desk) -> None:
    seen = await desk.say(WHATSAPP, {"location": {"latitude": 40.4, "longitude": -3.7}})
    assert seen["messages"][0]["location"] == {"latitude": 40.4, "longitude": -3.7}
    seen = await desk.say(WHATSAPP, {"media": [{"mime": "image/png", "name": "cat.png"}]})
    heard = [message for message in seen["messages"] if message["direction"] == "in"]
    assert heard[-1]["media"] == [{"mime": "image/png", "name": "cat.png", "caption": None}]


async def test_the_same_id_again_is_the_same_message(desk) -> None:
    await desk.say(SMS, {"text": "vote 1", "id": "once"})
    await desk.post(SMS, {"text": "vote 1", "id": "once"})
    seen = await desk.say(SMS, {"text": "vote 2", "id": "twice"})
    assert seen["contact"]["votes"] == {"final": 2}


async def test_personal_variables_are_masked_wherever_they_stand(desk) -> None:
    for text in ("desk", "Ann Orchard", "Leeds", "plums"):
        seen = await desk.say(SMS, {"text": text})
    assert seen["session"]["vars"] == {"guest": "•••", "topic": "dates"}
    assert seen["contact"]["vars"] == {"home_town": "•••", "diet": "plums"}


async def test_a_stop_shows_as_an_opt_out_and_ends_the_session(desk) -> None:
    await desk.say(SMS, {"text": "VOTE"})
    seen = await desk.say(SMS, {"text": "STOP"})
    assert seen["session"] is None
    assert list(seen["contact"]["opt_outs"].values()) == [desk.clock.at_ms]
    assert "opt out" in [effect["do"] for effect in seen["turns"][0]["effects"]]
    assert (seen["turns"][0]["from"], seen["turns"][0]["to"]) == ("tv-vote/pick", None)


async def test_a_timer_that_fell_due_is_a_turn(desk) -> None:
    await desk.say(SMS, {"text": "VOTE"})
    desk.clock.advance(minutes=11)
    await desk.bot.turns.sweep()
    seen = await desk.until(lambda: desk.phone(SMS), lambda seen: seen["session"] is None)
    assert seen["turns"][0]["came"]["is"] == "timer"
    assert {"do": "end", "text": "tv-vote: idle"} in seen["turns"][0]["effects"]


async def test_a_long_talk_shows_its_newest_fifty_turns(desk) -> None:
    for count in range(53):
        await desk.post(SMS, {"text": f"rules {count}"})
    seen = await desk.until(lambda: desk.phone(SMS), lambda seen: seen["contact"]["version"] == 53)
    assert len(seen["turns"]) == 50
    assert [m["text"] for m in seen["messages"] if m["direction"] == "in"] == [f"rules {n}" for n in range(3, 53)]
    assert min(m["turn"] for m in seen["messages"]) == seen["turns"][-1]["number"]


@pytest.mark.parametrize("text", NASTY)
async def test_what_people_write_comes_back_as_data(desk, text: str) -> None:
    seen = await desk.say(SMS, {"text": text})
    assert seen["messages"][0]["text"] == text
    async with desk.session.get(f"{desk.url}/console/phones/{quote(SMS, safe='')}.json") as response:
        assert response.content_type == "application/json"


async def test_a_phone_that_never_spoke_is_an_empty_page(desk) -> None:
    seen = await desk.phone(WHATSAPP)
    assert (seen["messages"], seen["turns"], seen["session"]) == ([], [], None)
    assert seen["contact"]["version"] == 0
