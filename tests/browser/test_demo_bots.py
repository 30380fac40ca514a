"""Every bot of the demo, played by hand in the browser from the start page on, as somebody does who has just started it."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.browser

PATIENCE_MS = 15_000


async def shows(place, text: str) -> None:
    await place.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)


async def opened(demo, tab, bot: str, page: str = "Phones"):
    """That page of the bot, reached by its link on the start page."""
    await tab.page.goto(demo.start)
    await tab.page.locator(f'[data-bot="{bot}"]').get_by_role("link", name=page).click(timeout=PATIENCE_MS)


async def answered(tab, skin: str, said: str, answer: str) -> None:
    """Say it on this phone; the bot answers so, after it."""
    phone = tab.phone(skin)
    before = await phone.locator(".theirs").count()
    await tab.say(skin, said)
    await phone.locator(".theirs").nth(before).wait_for(timeout=PATIENCE_MS)
    await phone.locator(".theirs", has_text=answer).last.wait_for(timeout=PATIENCE_MS)


async def test_the_start_page_tells_what_each_bot_is_and_leads_to_its_pages(demo, tab) -> None:
    await tab.page.goto(demo.start)
    await tab.page.locator(".bot").nth(2).wait_for(timeout=PATIENCE_MS)
    assert await tab.page.locator(".bot h2").all_text_contents() == ["TV vote", "Support", "Booking"]
    assert "token" not in tab.page.url
    twin = json.loads(await (await tab.page.request.get(demo.site + "/index.json")).text())
    assert [bot["name"] for bot in twin["bots"]] == ["tv_vote", "support", "booking"]
    for bot in twin["bots"]:
        for link in bot["links"]:
            assert (await tab.page.request.get(demo.site + link["href"])).status == 200, link
    assert "token" not in json.dumps(twin)
    for width in (390, 768, 1280):
        await tab.page.set_viewport_size({"width": width, "height": 844})
        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.complaints == []
    assert {url.startswith((demo.site + "/", "data:")) for url in tab.requests} == {True}


async def test_without_tokens_the_start_page_says_so(demo, tab) -> None:
    await tab.page.goto(demo.site + "/")
    await shows(tab.page.get_by_role("alert"), "You can look, but not type")


async def test_what_to_say_comes_from_the_flows_and_is_there_again_when_a_talk_is_over(demo, tab) -> None:
    await opened(demo, tab, "booking", "Phones and bookings")
    phone = tab.phone("sms")
    await phone.locator(".empty .starter").nth(2).wait_for(timeout=PATIENCE_MS)
    assert await phone.locator(".starter b").all_text_contents() == ["BOOK", "CHANGE", "CANCELLATION", "LEAVE"]
    await phone.get_by_role("button", name="Say CHANGE").click()
    await phone.locator(".theirs").first.wait_for(timeout=PATIENCE_MS)
    await phone.locator(".quick").get_by_role("button", name="Say BOOK").click(timeout=PATIENCE_MS)
    await shows(phone.locator(".log"), "For how many people?")
    await phone.locator(".quick .starter").first.wait_for(state="detached", timeout=PATIENCE_MS)
    assert tab.complaints == []


async def test_a_table_is_booked_with_a_tap_on_the_list_of_times(demo, tab) -> None:
    await opened(demo, tab, "booking", "Phones and bookings")
    day = datetime.now(ZoneInfo("Europe/Madrid")) + timedelta(days=1)
    await answered(tab, "whatsapp", "BOOK", "For how many people?")
    await answered(tab, "whatsapp", "4", "Which day?")
    await answered(tab, "whatsapp", "tomorrow", "Which time?")
    phone = tab.phone("whatsapp")
    await phone.locator(".option-button").last.click(timeout=PATIENCE_MS)
    await phone.get_by_role("dialog").get_by_role("button", name="20:30").click(timeout=PATIENCE_MS)
    await shows(phone.locator(".log"), "And the name?")
    await answered(tab, "whatsapp", "Ada", "Shall I book it?")
    await answered(tab, "whatsapp", "YES", "Your code is")
    said = await phone.locator(".theirs .text").last.text_content()
    assert said.startswith(f"Booked at Casa Vaivén: {day.day} {day:%B}")
    code = said.partition("Your code is ")[2].rstrip(".")
    board = tab.page.locator(".books")
    booked = board.locator(f'[data-day="{day:%Y-%m-%d}"] .booking.booked[data-code="{code}"]')
    await shows(booked, "4 people")
    assert await booked.locator("b").text_content() == "20:30–22:00"
    assert await board.locator(".total-number").text_content() == "1"
    assert "Ada" not in await board.inner_text()
    assert tab.complaints == []


async def test_support_looks_up_an_order_and_hands_over_to_a_person_who_answers_in_the_inbox(demo, tab) -> None:
    await opened(demo, tab, "support")
    await answered(tab, "sms", "SUPPORT", "How can we help?")
    await answered(tab, "sms", "1", "What is your order number?")
    await answered(tab, "sms", "AB123456", "Order AB123456 is on its way")
    await answered(tab, "sms", "person", "You are number 1.")
    phones = tab.page
    inbox = await phones.context.new_page()
    complaints = []
    inbox.on("pageerror", lambda error: complaints.append(str(error)))
    # Another tab has a memory of its own: the link itself says who looks.
    await inbox.goto(demo.site + await phones.locator("#links").get_by_role("link", name="Inbox").get_attribute("href"))
    await inbox.locator(".row").first.click(timeout=PATIENCE_MS)
    await shows(inbox.locator("#talk"), "Order AB123456 is on its way")
    await inbox.get_by_role("button", name="Take", exact=True).click(timeout=PATIENCE_MS)
    await shows(tab.phone("sms").locator(".log"), "You are now talking to Sam.")
    await inbox.get_by_label("Reply").last.fill("It is in the van already.")
    await inbox.keyboard.press("Control+Enter")
    await shows(tab.phone("sms").locator(".log"), "It is in the van already.")
    await tab.say("sms", "Wonderful, thanks")
    await shows(inbox.locator("#talk"), "Wonderful, thanks")
    assert "token" not in inbox.url
    assert (tab.complaints, complaints) == ([], [])


async def test_one_vote_is_one_bots_and_not_another_ones(demo, tab) -> None:
    await opened(demo, tab, "tv_vote", "Phones and board")
    await answered(tab, "messenger", "VOTE", "Who gets your vote tonight?")
    await tab.page.locator("#links").get_by_role("link", name="Booking").click()
    await tab.phone("messenger").locator(".empty").wait_for(timeout=PATIENCE_MS)
    await tab.page.locator("#links").get_by_role("link", name="TV vote").click()
    await shows(tab.phone("messenger"), "Who gets your vote tonight?")
    assert tab.complaints == []
