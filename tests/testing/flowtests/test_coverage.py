"""What tests cover, told by the lines of the flow."""

import json

from vaiven.testing.flowtests.bots import Bots
from vaiven.testing.flowtests.reports import html, percent, plain, text
from vaiven.testing.flowtests.suite import play_all

SHORT = "test: tea\ntalk:\n  - me: tea\n  - bot: '~ Which'\n  - me: hm\n  - bot: Green or black?\n"


def covered(kitchen, script):
    bots = Bots()
    (played,) = play_all([kitchen.test(script)], bots)
    assert played.holds
    return bots.coverage.report()


def test_nothing_is_covered_before_anything_is_said(kitchen):
    (found,) = covered(kitchen, "test: tea\ntalk:\n  - wait: 1m\n")
    assert (percent([found]), found.count("states")[0], found.count("texts")[0]) == (0, 0, 0)


def test_arrows_have_the_lines_that_draw_them(kitchen):
    (found,) = covered(kitchen, SHORT)
    arrows = {item.name.strip(): (item.line, item.hits) for item in found.of("transitions")}
    assert arrows["begin, start 0 -> kind"] == (5, 1)
    assert arrows["kind, no match, stays"] == (14, 1)
    assert arrows["kind, no match -> bye"] == (18, 0)
    assert arrows["kind, after 10m -> bye"] == (10, 0)
    assert arrows["who, command menu, stays"] == (12, 0)
    assert arrows["brew, fails -> sorry"] == (25, 0)
    assert arrows["wait_for, arrives -> bye"] == (27, 0)


def test_arrows_that_are_there_in_every_flow_do_not_count(kitchen):
    (found,) = covered(kitchen, SHORT)
    names = [item.name for item in found.of("transitions")]
    assert not [name for name in names if "failed" in name or "back" in name or "repeat" in name]
    assert found.implied[1] > 10


def test_states_texts_and_languages(kitchen):
    (found,) = covered(kitchen, SHORT)
    assert {item.name for item in found.of("states") if item.hits} == {"kind"}
    said = {item.name.partition(" ")[2]: item.hits for item in found.of("texts")}
    assert (said["Which tea?"], said["Green or black?"], said["Your name?"], said["Green or black."]) == (1, 1, 0, 0)
    assert [(item.name, item.hits) for item in found.of("languages")] == [("en", 2)]


def test_the_table_names_what_no_test_touched(kitchen):
    found = covered(kitchen, SHORT)
    told = text(found)
    assert f"{kitchen.folder}/tea.flow.yaml:25: no test: transition brew, fails -> sorry" in told
    assert told.splitlines()[1].startswith("tea ")


def test_json(kitchen):
    found = json.loads(json.dumps(plain(covered(kitchen, SHORT))))
    assert found["flows"][0]["states"]["covered"] == 1
    assert found["total"]["transitions"] == round(percent(covered(kitchen, SHORT)), 2)


def test_the_page_marks_lines_and_needs_nothing_else(kitchen):
    kitchen.flow((kitchen.folder / "tea.flow.yaml").read_text().replace("Goodbye.", "Good<b>ye."))
    page = html(covered(kitchen, SHORT))
    assert '<span class="some"' in page
    assert '<span class="none"' in page
    assert "Good&lt;b&gt;ye." in page
    assert "<script" not in page
    assert "http" not in page.replace("https://tea.example", "")
