"""The demo's page in a real browser: phones that are typed on, a board that moves."""

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
    await shows(phone, "GSM-7 · 1 segment")
    await phone.locator(".where .step", has_text="pick").wait_for(timeout=PATIENCE_MS)
    await tab.say("sms", "2")
    await shows(phone, "Vote 1 of 10 for Bea & Tom counted.")
    await shows(phone.locator(".turns"), "final/bea: counted")
    await board.locator('[data-option="bea"] .option-count', has_text="1").wait_for(timeout=PATIENCE_MS)
    await shows(board, "1 vote accepted = 1 counted + 0 not counted")
    assert await board.locator(".total-number").text_content() == "1"
    assert "token" not in tab.page.url
    assert tab.complaints == []
    assert {url.startswith((demo.base + "/", "data:")) for url in tab.requests} == {True}


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
    await shows(tab.phone("sms"), "Try again")
    response = await tab.page.request.get(demo.base + "/console/phones/tel%3A%2B12025550101.json")
    assert (await response.json())["turns"] == []


async def test_the_page_tells_when_the_server_is_gone(demo, tab) -> None:
    await tab.page.goto(demo.url)
    await tab.page.locator("#status[data-state=live]").wait_for(timeout=PATIENCE_MS)
    assert await demo.interrupt() == 0
    await tab.page.locator("#status[data-state=lost]").wait_for(timeout=PATIENCE_MS)
