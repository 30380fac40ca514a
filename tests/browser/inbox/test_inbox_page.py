"""The inbox in a real browser, on the support bot as it is: agents take, answer, note, hand back and close."""

import re
import time

import pytest

from vaiven.model.urns import Urn
from vaiven.runtime.tokens import READ

pytestmark = pytest.mark.browser

SMS = "tel:+12025550111"
APP = "whatsapp:447700900001"
DAY_MS = 86_400_000
HOSTILE = [
    '<img src=x onerror="alert(1)"><script>alert(2)</script>',
    "{{constructor.constructor('alert(3)')()}} ${alert(4)} {params.api} %7B%7D",
    '"><svg/onload=alert(5)>',
    "javascript:alert(6)",
    "\u202eexe.gnp\u202c \u2066right to left\u2069",
    '=HYPERLINK("http://evil.example")',
]
SENT = [re.sub("[\u202a-\u202e\u2066-\u2069]", "", text) for text in HOSTILE]
"""What turns a line around is not sent on."""


async def test_the_whole_way_from_a_phone_to_a_person_and_back(office, browse) -> None:
    phone = await browse(office.console.url(office.base))
    words = phone.page.locator(".phone.skin-sms .words")

    async def types(text: str) -> None:
        await words.fill(text)
        await words.press("Enter")

    heard = ".phone.skin-sms .log"
    await types("support")
    await phone.shows(heard, "How can we help?")
    await types("person")
    await phone.shows(heard, "You are number 1.")

    ana = await browse(office.url("ana"))
    assert "token" not in ana.page.url
    await ana.shows(".row-wait", "waits")
    await ana.titled("(1) vaiven inbox")
    await ana.choose("+12025550101")
    await ana.shows(".item[data-by=bot] .text", "A colleague will be with you.")
    await ana.shows(".chip", "Waits for a person")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    await phone.shows(heard, "You are now talking to Ana.")

    await ana.replies("Hello, Ana here.")
    await phone.shows(heard, "Hello, Ana here.")
    await types("My parcel is late")
    await ana.shows(".item[data-by=person] .text", "My parcel is late")
    await ana.page.get_by_text("Note", exact=True).click()
    await ana.page.get_by_label("Note for colleagues").fill("Third time this week.")
    await ana.press("Keep the note")
    await ana.shows(".item[data-by=note] .text", "Third time this week.")

    await ana.press("Hand back")
    await ana.shows(".chip", "The bot speaks")
    await phone.shows(heard, "Our automatic assistant is back.")
    await types("person")
    await phone.shows(".phone.skin-sms .log li:last-child, .phone.skin-sms .log", "You are number 1.")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    await ana.press("Close")
    await phone.shows(heard, "How did we do, 1 to 5?")
    await ana.shows(".happened", "Ana closed it")
    assert await phone.page.get_by_text("Third time this week.").count() == 0
    assert ana.complaints == phone.complaints == []
    assert {url.startswith((office.base + "/", "data:")) for url in ana.requests} == {True}


async def test_the_longest_wait_stands_first_and_tabs_tell_how_many(office, browse) -> None:
    for home in (SMS, "tel:+12025550112", "tel:+12025550113"):
        await office.waits(home)
    ana = await browse(office.url("ana"))
    await ana.page.locator(".row").nth(2).wait_for()
    assert await ana.page.locator(".row-name").all_inner_texts() == ["+12025550111", "+12025550112", "+12025550113"]
    await ana.choose("+12025550112")
    await ana.press("Take")
    await ana.shows("#tab-mine .count", "1")
    await ana.shows("#tab-unassigned .count", "2")
    await ana.page.get_by_role("tab", name="Mine").click()
    await ana.page.locator(".row").nth(1).wait_for(state="detached")
    assert await ana.page.locator(".row-who").inner_text() == "you"
    await ana.shows(".row-wait", "answered")
    await office.writes("tel:+12025550112", "Are you there?")
    await ana.shows(".row-wait", "waits")


async def test_two_agents_see_each_other_and_lose_no_text(office, browse) -> None:
    await office.waits(SMS)
    bea = await browse(office.url("bea"))
    await bea.choose("+12025550111")
    await bea.page.get_by_label("Reply").last.fill("I shall look into it.")

    async def as_before(route) -> None:
        if route.request.method == "GET":
            await route.abort()
        else:
            await route.continue_()

    await bea.page.route("**/v1/conversations/*", as_before)  # Bea's page has not heard of it yet
    ana = await browse(office.url("ana"))
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    await bea.press("Take")
    await bea.shows(".sorry", "Ana took this conversation before you. Your text is kept.")
    assert await bea.page.locator("#words").input_value() == "I shall look into it."
    await bea.page.unroute("**/v1/conversations/*")
    await bea.shows(".chip", "Ana has it")
    assert await bea.page.get_by_role("button", name="Take", exact=True).count() == 0
    await bea.shows("#why", "Ana has this conversation.")
    await bea.page.keyboard.press("Control+Enter")
    assert "I shall look into it." not in await office.said(SMS)


async def test_what_happens_shows_without_looking_for_it(office, browse) -> None:
    ana = await browse(office.url("ana"))
    await ana.page.locator("#status[data-state=live]").wait_for()
    await ana.follows()
    await ana.page.clock.install()
    await ana.page.clock.pause_at(time.time() + 60)  # from here on no timer goes off, so the page never looks by itself
    await office.waits(SMS)
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    await office.writes(SMS, "Are you there?")
    await ana.page.clock.run_for(500)
    await ana.shows(".item[data-by=person] .text", "Are you there?")
    assert all("Are you there?" not in event for event in ana.events)


async def test_without_events_the_page_looks_by_itself(office, browse) -> None:
    ana = await browse(office.base + "/inbox/")
    await ana.page.route_web_socket("**/v1/events*", lambda socket: socket.close())
    await ana.page.goto(office.url("ana"))
    await ana.page.locator("#status[data-state=live]").wait_for()
    await office.waits(SMS)
    await ana.choose("+12025550111")


async def test_closed_conversations_are_a_tab_away(office, browse) -> None:
    await office.waits(SMS)
    ana = await browse(office.url("ana"))
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.press("Close")
    await ana.shows(".happened", "Ana closed it")
    await ana.page.get_by_role("tab", name="Closed").click()
    await ana.shows(".row-wait", "ago")
    await ana.choose("+12025550111")
    await ana.shows(".item[data-by=bot] .text", "How did we do")


async def test_whoever_loses_a_conversation_hears_who_has_it(office, browse) -> None:
    await office.waits(SMS)
    ana, bea = await browse(office.url("ana")), await browse(office.url("bea"))
    for agent in (ana, bea):
        await agent.choose("+12025550111")
    await ana.press("Take")
    await ana.page.get_by_label("Reply").last.fill("One moment")
    await bea.shows(".chip", "Ana has it")
    other = await browse(office.url("ana"))  # the same agent at another desk hands it back
    await other.page.get_by_role("tab", name="Mine").click()
    await other.choose("+12025550111")
    await other.press("Hand back")
    await ana.shows(".sorry", "You no longer have this conversation. Your text is kept.")
    await office.writes(SMS, "person")
    await bea.press("Take")
    await ana.shows(".chip", "Bea has it")
    await ana.shows("#why", "Bea has this conversation.")
    assert await ana.page.locator("#words").input_value() == "One moment"


async def test_what_people_write_is_shown_and_never_run(office, browse) -> None:
    await office.waits(SMS)
    await office.hire("mal", name=HOSTILE[0])
    ana, mal = await browse(office.url("ana")), await browse(office.url("mal"))
    await mal.choose("+12025550111")
    await mal.press("Take")
    await mal.shows(".chip", "You have it")
    await office.writes(SMS, *HOSTILE)
    for text in HOSTILE:
        await mal.replies(text)
        await mal.wrote()
    await mal.page.get_by_text("Note", exact=True).click()
    await mal.page.get_by_label("Note for colleagues").fill(HOSTILE[0])
    await mal.press("Keep the note")
    await ana.page.get_by_role("tab", name="All").click()
    await ana.choose("+12025550111")
    await ana.shows(".item[data-by=note] .text", "onerror")
    for agent in (ana, mal):
        for by, texts in (("person", HOSTILE), ("agent", SENT)):
            shown = await agent.page.locator(f".item[data-by={by}] .text").evaluate_all(
                "nodes => nodes.map(node => node.textContent)"
            )
            assert shown[-len(texts) :] == texts
        assert await agent.page.locator("#talk :is(img, script, iframe, svg:not(.icon), a)").count() == 0
        assert await agent.page.evaluate("document.scripts.length") == 1
        assert agent.complaints == []
        assert {url.startswith((office.base + "/", "data:")) for url in agent.requests} == {True}
    assert await ana.page.locator(".chip").inner_text() == f"{HOSTILE[0]} has it"
    directions = await ana.page.locator(".text").evaluate_all("nodes => nodes.map(node => getComputedStyle(node).unicodeBidi)")
    assert set(directions) == {"plaintext"}
    assert (await office.said(SMS))[-len(SENT) :] == SENT


async def test_a_closed_window_offers_a_template(office, browse) -> None:
    long_ago_ms = time.time_ns() // 1_000_000 - DAY_MS - 60_000
    await office.writes(APP, "support", "person", at_ms=long_ago_ms)
    ana = await browse(office.url("ana"))
    await ana.choose("+447700900001")
    await ana.shows(".window[data-state=closed]", "The window for free text has closed")
    await ana.press("Take")
    await ana.shows("#why", "only a template")
    assert await ana.page.locator("#words").is_hidden()
    assert await ana.page.get_by_label("Template").locator("option").all_inner_texts() == ["we are back"]
    await ana.page.get_by_label("Blank 1").fill("{{1}} <b>Zoe</b>")
    assert (await ana.page.locator(".preview").inner_text()).startswith("Hello {{1}} <b>Zoe</b>, we have news")
    await ana.press("Send the template")
    await ana.shows(".item[data-by=agent] .tag", "template support_we_are_back")
    (home,) = {row.home for row in await office.bot.store.rows(await office.home(APP))}
    (sent,) = [row.message.template for row in await office.bot.store.rows(home) if row.message.template]
    assert (sent.name, sent.lang, list(sent.values)) == ("support_we_are_back", "en", ["{{1}} <b>Zoe</b>"])
    await office.writes(APP, "I am here")
    await ana.shows(".window[data-state=open]", "Free text until")
    await ana.replies("Good.")
    await ana.shows(".item[data-by=agent] .text", "Good.")


async def test_saved_replies_go_where_the_cursor_is_in_the_language_of_the_person(office, browse) -> None:
    await office.writes(SMS, "support", "español")
    await office.writes(SMS, "persona")
    ana = await browse(office.url("ana"))
    await ana.choose("+12025550111")
    await ana.press("Take")
    words = ana.page.get_by_label("Reply").last
    await words.fill(" Soy Ana.")
    await words.press("Control+Home")
    await ana.press("Saved replies")
    await ana.page.get_by_role("button", name="greeting").click()
    assert await words.input_value() == "Hola, gracias por esperar. ¿En qué puedo ayudarte? Soy Ana."
    assert await words.evaluate("node => node === document.activeElement")


async def test_everything_can_be_done_by_keyboard(office, browse) -> None:
    for home in (SMS, "tel:+12025550112"):
        await office.waits(home)
    ana = await browse(office.url("ana"))
    await ana.page.locator(".row").nth(1).wait_for()
    keys = ana.page.keyboard
    await ana.page.get_by_role("tab", name="Unassigned").focus()
    await keys.press("ArrowRight")
    await keys.press("ArrowRight")
    assert await ana.page.get_by_role("tab", name="All").get_attribute("aria-selected") == "true"
    await keys.press("Home")
    await keys.press("Tab")
    await keys.press("Tab")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await ana.shows(".talk-name:focus", "+12025550112")
    await keys.press("Tab")
    await keys.press("Enter")
    await ana.page.locator("#words:focus").wait_for()
    await keys.type("Hello there")
    await keys.press("Control+Enter")
    await ana.shows(".item[data-by=agent] .text", "Hello there")
    await ana.page.locator("#words:focus").wait_for()
    await keys.press("Tab")
    await keys.press("Enter")
    await ana.page.locator(".saved-one:focus").first.wait_for()
    await keys.press("Escape")
    assert await ana.page.locator("#saved").is_hidden()
    assert await ana.page.evaluate("document.activeElement.textContent") == "Saved replies"


async def test_signing_in_and_out(office, browse) -> None:
    await office.waits(SMS)
    someone = await browse(office.base + "/inbox/")
    await someone.page.get_by_label("Token").fill("vvn_000000000000_guess")
    await someone.page.keyboard.press("Enter")
    await someone.shows("#notice", "This token does not count.")
    await someone.page.get_by_label("Token").fill("two words")
    await someone.page.keyboard.press("Enter")
    await someone.shows("#notice", "This is no token")
    await someone.page.get_by_label("Token").fill(f"  {office.tokens['ana']} ")
    await someone.page.keyboard.press("Enter")
    await someone.shows("#who-name", "Ana")
    await someone.page.reload()
    await someone.shows("#who-name", "Ana")
    kept = await someone.page.evaluate("[localStorage.length, document.cookie, location.href]")
    assert kept == [0, "", office.base + "/inbox/"]
    await someone.choose("+12025550111")
    await someone.page.locator("#words").fill("half a thought")
    await someone.press("Sign out")
    await someone.page.get_by_label("Token").wait_for()
    left = await someone.page.locator("body").evaluate("node => node.textContent")
    assert "12025550111" not in left
    assert "half a thought" not in left
    assert await someone.page.evaluate("sessionStorage.length") == 0
    assert someone.complaints == []


async def test_a_token_that_may_only_look_has_nothing_to_press(office, browse) -> None:
    await office.hire("rex", (READ,))
    await office.waits(SMS)
    rex = await browse(office.url("rex"))
    await rex.choose("+12025550111")
    await rex.shows("#who-scope", "may only look")
    await rex.shows("#why", "Your token may only look.")
    assert await rex.page.locator(".actions button").count() == 0


async def test_a_draft_outlives_a_reload_and_stays_with_its_conversation(office, browse) -> None:
    for home in (SMS, "tel:+12025550112"):
        await office.waits(home)
    ana = await browse(office.url("ana"))
    await ana.choose("+12025550111")
    await ana.page.locator("#words").fill("half a thought")
    await ana.choose("+12025550112")
    assert await ana.page.locator("#words").input_value() == ""
    await ana.page.reload()
    await ana.choose("+12025550111")
    assert await ana.page.locator("#words").input_value() == "half a thought"


async def test_nothing_is_said_twice_when_the_answer_is_lost(office, browse) -> None:
    await office.waits(SMS)
    ana = await browse(office.url("ana"))
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    lost: list[str] = []

    async def lose(route) -> None:
        lost.append(route.request.headers["idempotency-key"])
        await route.fetch()
        if len(lost) <= 5:
            await route.abort()
        else:
            await route.continue_()

    await ana.page.route("**/reply", lose)
    await ana.replies("only once")
    await ana.shows(".sorry", "The server does not answer. Your text is kept. Doing it again is safe.")
    await ana.press("Send")
    await ana.wrote()
    assert len(set(lost)) == 1
    assert (await office.said(SMS)).count("only once") == 1


async def test_closing_does_not_pass_over_what_was_just_written(office, browse) -> None:
    await office.waits(SMS)
    ana = await browse(office.url("ana"))
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    seen: list[str] = []

    async def late(route) -> None:
        if route.request.method == "GET" and not seen:
            await route.abort()
        else:
            seen.append(route.request.url)
            await route.continue_()

    await ana.page.route("**/v1/conversations/*", late)
    await office.writes(SMS, "Wait, one more thing")
    await ana.page.route("**/close", lambda route: (seen.append("close"), route.continue_())[1])
    await ana.press("Close")
    await ana.shows(".sorry", "They wrote meanwhile. Look, then do it again.")
    await ana.shows(".item[data-by=person] .text", "Wait, one more thing")
    await ana.press("Close")
    await ana.shows(".happened", "Ana closed it")


@pytest.mark.parametrize(("width", "height"), [(1280, 820), (390, 844), (320, 640)])
async def test_it_fits_the_screen(office, browse, width: int, height: int) -> None:
    await office.waits(SMS)
    await office.writes(SMS, "a" * 300, "And then?")
    ana = await browse(office.url("ana"))
    await ana.page.set_viewport_size({"width": width, "height": height})
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    size = await ana.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size[0] <= width
    assert size[1] <= height
    for name in ("Hand back", "Close", "Send"):
        box = await ana.page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    alone = width < 760
    assert await ana.page.locator("#list").is_hidden() == alone
    if alone:
        await ana.press("Back to the conversations")
        await ana.page.locator("#talk").wait_for(state="hidden")


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color, under) => {
    canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const beside = node.closest(".unseen, .skip, noscript, [aria-disabled=true]") || getComputedStyle(node).fontSize === "0px";
    if (!own || beside || !node.checkVisibility()) continue;
    const chain = [];
    for (let each = node; each; each = each.parentElement) chain.unshift(getComputedStyle(each).backgroundColor);
    const under = chain.reduce((color, over) => rgb(over, color), [255, 255, 255]);
    const [a, b] = [light(rgb(getComputedStyle(node).color, under)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.push(`${node.className || node.tagName}: ${node.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return bad;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_texts_can_be_read_and_controls_have_names(office, browse, scheme: str) -> None:
    await office.waits(SMS)
    await office.waits("tel:+12025550112")
    ana = await browse(office.url("ana"))
    await ana.page.emulate_media(color_scheme=scheme)
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    await ana.replies("Hello")
    await ana.shows(".item[data-by=agent] .text", "Hello")
    await ana.press("Saved replies")
    assert await ana.page.evaluate(CONTRASTS) == []
    named = await ana.page.locator("button:visible, input:visible, textarea:visible, select:visible").all()
    tree = await ana.page.locator("body").aria_snapshot()
    assert len(named) > 8
    assert not re.search(r"- (button|textbox|combobox|radio|tab)\b(?! \")", tree), tree
    assert len(re.findall(r"- heading ", tree)) >= 2


async def test_the_page_tells_when_the_server_is_gone(office, browse) -> None:
    ana = await browse(office.url("ana"))
    await ana.page.locator("#status[data-state=live]").wait_for()
    await ana.follows()
    await office.unserve()
    await ana.page.locator("#status[data-state=lost]").wait_for()
    await office.serve(int(office.base.rpartition(":")[2]))
    await ana.page.locator("#status[data-state=live]").wait_for()
    await office.waits(SMS)
    await ana.choose("+12025550111")


async def test_earlier_turns_are_a_button_away(office, browse) -> None:
    await office.waits(SMS)
    ana = await browse(office.url("ana"))
    await ana.choose("+12025550111")
    await ana.press("Take")
    await ana.shows(".chip", "You have it")
    await office.writes(SMS, *(f"line {number}" for number in range(60)))
    await ana.page.reload()
    await ana.page.get_by_role("tab", name="Mine").click()
    await ana.choose("+12025550111")
    await ana.shows(".text", "line 59")
    assert await ana.page.get_by_text("line 3", exact=True).count() == 0
    await ana.press("Show what was said before")
    await ana.page.get_by_text("line 3", exact=True).wait_for()
    texts = await ana.page.locator(".item[data-by=person] .text").all_inner_texts()
    assert texts == ["support", "person", *(f"line {number}" for number in range(60))]
    await office.writes(SMS, "line 60")
    await ana.shows(".text", "line 60")
    assert len(await ana.page.locator(".item[data-by=person] .text").all()) == 63
    assert Urn(SMS) in {row.home for row in await office.bot.store.rows(Urn(SMS))}
