"""The demo's page in a real browser: phones that are typed on, a board that moves."""

import json
import re

import pytest

pytestmark = pytest.mark.browser

XSS = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
PATIENCE_MS = 10_000


async def shows(place, text: str) -> None:
    """Until ``place`` has this text in it."""
    await place.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)


async def test_a_vote_by_sms_is_answered_and_counted_on_the_board(demo, tab) -> None:
    await tab.page.goto(demo.url)
    phone, board = tab.phone("sms"), tab.page.locator(".poll")
    await tab.say("sms", "VOTE")
    await shows(phone, "Who gets your vote tonight?")
    assert re.fullmatch(r"reply · \w+ · GSM-7 · \d+/160", await phone.locator(".theirs .print").inner_text())
    assert re.search(r"GSM-7 · 1 segment · \d+/160$", await phone.locator(".theirs .print").get_attribute("title"))
    await phone.locator(".where .step", has_text="pick").wait_for(timeout=PATIENCE_MS)
    await tab.say("sms", "2")
    await shows(phone, "Vote 1 of 10 for Bea & Tom counted.")
    await shows(phone.locator(".turns"), "final/bea: counted")
    await board.locator('[data-option="bea"] .option-count', has_text="1").wait_for(timeout=PATIENCE_MS)
    await shows(board, "1 vote accepted = 1 counted + 0 not counted")
    assert await board.locator(".total-number").text_content() == "1"
    assert await tab.page.locator(".more:not(.save)").count() == 0
    assert "token" not in tab.page.url
    assert tab.complaints == []
    assert {url.startswith((demo.base + "/console/", "data:")) for url in tab.requests} == {True}


@pytest.mark.parametrize("skin", ["whatsapp", "messenger"])
async def test_a_tapped_button_is_a_vote(demo, tab, skin: str) -> None:
    await tab.page.goto(demo.url)
    phone = tab.phone(skin)
    await tab.say(skin, "vote")
    await phone.get_by_role("button", name="Cleo & Max").click(timeout=PATIENCE_MS)
    await shows(phone, "Vote 1 of 10 for Cleo & Max counted.")
    await tab.page.locator('[data-option="cleo"].leads').wait_for(timeout=PATIENCE_MS)
    assert tab.complaints == []


async def test_what_people_write_is_shown_and_never_run(demo, tab) -> None:
    await tab.page.goto(demo.url)
    phone = tab.phone("messenger")
    await tab.say("messenger", XSS)
    await phone.locator(".mine:not(.sending) .text").wait_for(timeout=PATIENCE_MS)
    await shows(phone.locator(".turns"), XSS)
    assert await phone.locator(".mine .text").text_content() == XSS
    assert await phone.locator(".log img, .log script, .inspector img, .inspector script").count() == 0
    assert tab.complaints == []


async def test_phones_are_added_used_and_put_away_by_keyboard(demo, tab) -> None:
    await tab.page.goto(demo.url)
    await tab.phone("messenger").wait_for(timeout=PATIENCE_MS)
    await tab.page.get_by_role("button", name="Add an SMS phone").focus()
    await tab.page.keyboard.press("Enter")
    added = tab.page.get_by_role("article", name="SMS phone, +1 202 555 0102")
    await added.wait_for(timeout=PATIENCE_MS)
    await tab.page.keyboard.type("vote")
    await tab.page.keyboard.press("Enter")
    await shows(added, "Who gets your vote tonight?")
    await tab.page.reload()
    await shows(added, "Who gets your vote tonight?")
    await added.get_by_role("button", name="Put the SMS phone, +1 202 555 0102 away").focus()
    await tab.page.keyboard.press("Enter")
    await added.wait_for(state="detached", timeout=PATIENCE_MS)
    assert await tab.page.locator(".phone").count() == 3


async def test_without_the_token_one_can_look_but_not_type(demo, tab) -> None:
    await tab.page.goto(demo.base + "/")
    await tab.phone("sms").wait_for(timeout=PATIENCE_MS)
    await shows(tab.page.get_by_role("alert"), "You can look, but not type")
    await tab.say("sms", "VOTE")
    await shows(tab.phone("sms"), "Not sent: this page may only look. Try again")
    assert await tab.page.get_by_text("X-Vaiven-Token").filter(visible=True).count() == 0
    response = await tab.page.request.get(demo.base + "/console/phones/tel%3A%2B12025550101.json")
    assert (await response.json())["turns"] == []


async def test_the_page_tells_when_the_server_is_gone(demo, tab) -> None:
    await tab.page.goto(demo.url)
    await tab.page.locator("#status[data-state=live]").wait_for(timeout=PATIENCE_MS)
    assert await demo.interrupt() == 0
    await tab.page.locator("#status[data-state=lost]").wait_for(timeout=PATIENCE_MS)


@pytest.mark.parametrize("width", [768, 1180, 1280, 1366, 1440, 1920])
async def test_three_phones_and_the_board_stand_in_one_row_without_scrolling(demo, tab, width: int) -> None:
    await tab.page.set_viewport_size({"width": width, "height": 900})
    await tab.page.goto(demo.url)
    await tab.phone("messenger").wait_for(timeout=PATIENCE_MS)
    await tab.page.locator(".poll").wait_for(timeout=PATIENCE_MS)
    boxes = [await phone.bounding_box() for phone in await tab.page.locator(".phone").all()]
    board = await tab.page.locator(".poll").bounding_box()
    assert len(boxes) == 3
    assert len({round(box["y"]) for box in boxes}) == 1
    assert max(box["x"] + box["width"] for box in boxes) <= width
    if width > 1140:
        assert board["x"] > boxes[-1]["x"] + boxes[-1]["width"]
        assert board["y"] < 200
        left, right = boxes[0]["x"], width - (board["x"] + board["width"])
        assert abs(left - right) <= 16  # a scrollbar's
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_board_shows_one_leader_or_a_tie_and_bars_as_wide_as_the_share(demo, tab) -> None:
    told = {"anna": 2, "bea": 1, "cleo": 1}

    async def answer(route) -> None:
        counted = sum(told.values())
        poll = {"poll": "final", "accepted": counted, "counted": counted, "rejected": {}, "options": told, "labels": {}}
        await route.fulfill(json={"polls": [poll | {"per_second": 0.0, "sampled_ms": 0, "at_ms": 0}]})

    await tab.page.route("**/console/votes.json", answer)
    await tab.page.goto(demo.url)
    board = tab.page.locator(".poll")
    await board.locator('[data-option="anna"].leads').wait_for(timeout=PATIENCE_MS)
    assert await board.locator(".leads, .tied").count() == 1
    await tab.page.wait_for_function(
        """() => {
            const fill = document.querySelector('[data-option="anna"] .option-fill').getBoundingClientRect();
            const bar = document.querySelector('[data-option="anna"] .option-bar').getBoundingClientRect();
            return Math.abs(fill.right - (bar.left + bar.width / 2)) < 1;
        }""",
        timeout=PATIENCE_MS,
    )
    told["bea"] = 2
    await board.locator('[data-option="bea"].tied').wait_for(timeout=PATIENCE_MS)
    assert await board.locator(".total-number").text_content() == "5"
    assert (await board.locator(".leads").count(), await board.locator(".tied").count()) == (0, 2)


async def test_a_message_that_was_suppressed_tells_why(demo, tab) -> None:
    async def answer(route) -> None:
        seen = json.loads(await (await route.fetch()).text())
        for message in seen["messages"]:
            if message["direction"] == "out":
                message |= {"state": "suppressed", "reason": None, "delivery": None}
        await route.fulfill(json=seen)

    await tab.page.route("**/console/phones/tel*.json", answer)
    await tab.page.goto(demo.url)
    await tab.say("sms", "VOTE")
    said = tab.phone("sms").locator(".theirs.failed .print")
    await said.wait_for(timeout=PATIENCE_MS)
    assert (await said.get_attribute("title")).startswith("reply · suppressed · opted out · GSM-7 · 1 segment")
    assert (await said.bounding_box())["height"] < 20
