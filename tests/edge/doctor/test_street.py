"""The public address: asked over real sockets, and what the answers mean."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from vaiven.edge.doctor.checks.street import check_street
from vaiven.edge.doctor.facts import Answered, DoorFacts, StreetFacts
from vaiven.edge.doctor.findings import Code
from vaiven.edge.doctor.looks.street import look_at_street
from vaiven.edge.serve import assemble, door
from vaiven.edge.settings import BotSettings, load_settings
from vaiven.edge.web import Site
from vaiven.runtime.transport import Transport
from vaiven.testing.proxy import Fault, Proxy

REFUSED = Answered(403, b"forbidden", 0.012)
SMS = DoorFacts("sms", "twilio", "https://votes.example/hooks/sms", REFUSED)
WA = DoorFacts("wa", "whatsapp-cloud", "https://votes.example/hooks/wa", REFUSED, Answered(200, b"c0ffee"), "c0ffee")
GOOD = StreetFacts("https://votes.example", (SMS, WA), Answered(404))


def test_an_address_as_it_should_be(told) -> None:
    found = list(check_street(GOOD))
    assert {code for code, severity in told(found).items() if severity != "ok"} == {Code.TWILIO_RETRIES}
    (retries,) = [finding for finding in found if finding.code is Code.TWILIO_RETRIES]
    assert retries.fix.endswith(" https://votes.example/hooks/sms#rc=3&rp=all")


@pytest.mark.parametrize(
    ("severity", "answered"),
    [
        ("fail", Answered(error="its name is not known")),
        ("fail", Answered(200, b"ok")),
        ("fail", Answered(404)),
        ("fail", Answered(301)),
        ("fail", Answered(502)),
        ("fail", Answered(500)),
        ("fail", Answered(403, b"<html>Access denied")),
        ("warn", Answered(403, b"forbidden", 1.5)),
        ("ok", REFUSED),
    ],
)
def test_a_webhook_without_a_signature(told, severity: str, answered: Answered) -> None:
    facts = replace(GOOD, doors=(replace(SMS, unsigned=answered),))
    assert told(check_street(facts))[Code.WEBHOOK] == severity


@pytest.mark.parametrize(
    ("severity", "answered"),
    [
        ("ok", Answered(200, b"c0ffee")),
        ("fail", Answered(200, b"something")),
        ("fail", Answered(403, b"forbidden")),
        ("fail", Answered(404)),
        ("fail", Answered(error="Connection refused")),
    ],
)
def test_a_handshake(told, severity: str, answered: Answered) -> None:
    facts = replace(GOOD, doors=(replace(WA, handshake=answered),))
    assert told(check_street(facts))[Code.HANDSHAKE] == severity


@pytest.mark.parametrize(("days", "severity"), [(60, "ok"), (13, "warn"), (-1, "warn")])
def test_a_certificate(told, days: int, severity: str) -> None:
    facts = replace(GOOD, doors=(replace(SMS, unsigned=replace(REFUSED, certificate_s=days * 86_400)),))
    assert told(check_street(facts))[Code.CERTIFICATE] == severity


def test_metrics_in_the_open_and_addresses_for_nobody(told) -> None:
    assert told(check_street(replace(GOOD, metrics=Answered(200))))[Code.EXPOSED] == "warn"
    assert told(check_street(replace(GOOD, public_url="http://localhost:8080")))[Code.PUBLIC_URL] == "warn"
    assert told(check_street(StreetFacts("", (SMS,)))) == {Code.PUBLIC_URL: "fail"}
    assert told(check_street(StreetFacts(""))) == {}


# -- asked ----------------------------------------------------------------------------------------------------------------

BOT = """\
bot: hello
flows: .
store: memory://
public_url: "http://127.0.0.1:{port}"
channels:
  sms: {{type: twilio, from: "+12025550100", account: {account}, token: {{env: TOKEN}}}}
  wa: {{type: whatsapp-cloud, number_id: "100200", token: {{env: TOKEN}}, app_secret: {{env: TOKEN}}, verify_token: {{env: W}}}}
  phone: {{type: simulator}}
"""
FLOW = "flow: hello\nstarts: [{fallback: true}]\nsteps:\n  hi: {end: Hi.}\n"


class Nobody(Transport):
    async def call(self, *_: object) -> None:
        raise AssertionError("nothing is sent here")


def bot_settings(folder: Path, port: int, word: str = "fake-word") -> BotSettings:
    (folder / "hello.flow.yaml").write_text(FLOW)
    (folder / "bot.yaml").write_text(BOT.format(port=port, account="AC" + "0" * 32))
    return load_settings(folder, environ={"TOKEN": "fake-token", "W": word})


@pytest.fixture
async def bot_port(tmp_path: Path) -> AsyncIterator[int]:
    """The port of a bot's real door."""
    settings = bot_settings(tmp_path, 0)
    bot = assemble(settings, Nobody())
    await bot.start()
    site = Site(door(bot, settings).routes(), "127.0.0.1", 0)
    yield await site.start()
    await site.stop()
    await bot.close()


async def test_a_bot_is_asked_as_providers_ask(tmp_path: Path, bot_port: int, told) -> None:
    facts = await look_at_street(bot_settings(tmp_path, bot_port))
    assert [asked.name for asked in facts.doors] == ["sms", "wa"]
    found = told(check_street(facts))
    assert (found[Code.WEBHOOK], found[Code.HANDSHAKE], found[Code.EXPOSED]) == ("ok", "ok", "warn")


async def test_a_bot_with_another_word_is_found_out(tmp_path: Path, bot_port: int, told) -> None:
    facts = await look_at_street(bot_settings(tmp_path, bot_port, "other-word"))
    assert told(check_street(facts))[Code.HANDSHAKE] == "fail"
    assert "other-word" not in "".join(finding.told for finding in check_street(facts))


async def test_nobody_listens(tmp_path: Path, told) -> None:
    facts = await look_at_street(bot_settings(tmp_path, 1))
    assert facts.doors[0].unsigned.error.startswith("cannot connect")
    assert told(check_street(facts))[Code.WEBHOOK] == "fail"


async def test_a_server_that_sends_elsewhere(tmp_path: Path, told) -> None:
    async def away(_: web.BaseRequest) -> web.Response:
        return web.Response(status=301, headers={"Location": "https://elsewhere.example/"})

    site = Site([web.post("/hooks/sms", away)], "127.0.0.1", 0)
    facts = await look_at_street(bot_settings(tmp_path, await site.start()))
    await site.stop()
    assert facts.doors[0].unsigned.status == 301
    assert told(check_street(facts))[Code.WEBHOOK] == "fail"


async def test_a_server_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaiven.edge.doctor.looks.street.PATIENCE_S", 0.2)
    async with Proxy("127.0.0.1", 1) as proxy:
        proxy.partition()
        facts = await look_at_street(bot_settings(tmp_path, proxy.port))
        assert proxy.fired[Fault.HOLD]
    assert facts.doors[0].unsigned.error.startswith("nothing in")
