"""The fake provider at its socket: what a real client sees, and what is on record afterwards."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from urllib.parse import parse_qs

import aiohttp
import msgspec
import pytest
from aiohttp import web

from vaiven.channels.signing import sign_meta, sign_twilio
from vaiven.testing.provider import (
    Accounts,
    Answer,
    FakeProvider,
    Receipts,
    Send,
    fail,
    garbage,
    hang,
    refuse,
    reset,
    slow,
    throttle,
)

ACCOUNTS = Accounts()
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNTS.twilio_account}/Messages.json"
TWILIO_AUTH = {"Authorization": aiohttp.encode_basic_auth(ACCOUNTS.twilio_account, ACCOUNTS.twilio_token)}
BEARER = {"Authorization": f"Bearer {ACCOUNTS.meta_token}"}


async def sms(provider, *, headers=TWILIO_AUTH, **fields):
    """Send an SMS as a bot would; the status, headers and JSON body of the answer."""
    form = {"To": "+12025550143", "From": "+12025550100", "Body": "Thank you."} | fields
    form = {name: value for name, value in form.items() if value is not None}
    async with aiohttp.ClientSession(headers=headers) as client, client.post(provider.url + MESSAGES, data=form) as answer:
        return answer.status, answer.headers, await answer.json()


async def graph(provider, sender, body, headers=BEARER, **query):
    url = f"{provider.url}/v25.0/{sender}/messages"
    async with aiohttp.ClientSession(headers=headers) as client, client.post(url, json=body, params=query) as answer:
        return answer.status, answer.headers, await answer.json()


def whatsapp(**more):
    return {"messaging_product": "whatsapp", "to": "447700900123", "type": "text", "text": {"body": "Thank you."}} | more


class Bot:
    """Where receipts are posted to: keeps what came."""

    def __init__(self):
        self.requests = []

    async def __aenter__(self):
        self.runner = web.ServerRunner(web.Server(self.serve))
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc):
        await self.runner.cleanup()

    async def serve(self, request):
        self.requests.append((str(request.rel_url), dict(request.headers), await request.read()))
        return web.Response()


@pytest.fixture
async def provider():
    async with FakeProvider() as provider:
        yield provider


async def test_an_sms_is_answered_as_twilio_does_and_is_on_record(provider):
    status, _, body = await sms(provider, StatusCallback="https://bot.example/hooks/sms?ref=12.3072")
    assert status == 201
    assert (body["status"], body["to"], body["from"], body["body"]) == ("queued", "+12025550143", "+12025550100", "Thank you.")
    assert body["sid"].startswith("SM")
    assert len(body["sid"]) == 34
    [send] = provider.sends
    assert (send.channel, send.sender, send.to, send.text) == ("twilio", "+12025550100", "+12025550143", "Thank you.")
    assert (send.reference, send.decision, send.sent, send.id) == ("12.3072", "accepted", True, body["sid"])
    assert parse_qs(send.body)["StatusCallback"] == ["https://bot.example/hooks/sms?ref=12.3072"]


async def test_a_whatsapp_message_is_answered_as_the_cloud_api_does(provider):
    status, _, body = await graph(provider, "290000000000002", whatsapp(biz_opaque_callback_data="7.256"))
    [send] = provider.sends
    assert status == 200
    assert body == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "447700900123", "wa_id": "447700900123"}],
        "messages": [{"id": send.id}],
    }
    assert (send.channel, send.sender, send.reference) == ("whatsapp", "290000000000002", "7.256")


async def test_the_words_of_interactive_messages_are_their_body(provider):
    await graph(
        provider, "1", whatsapp(type="interactive", interactive={"type": "list", "body": {"text": "Which?"}, "action": {}})
    )
    assert [send.text for send in provider.sends] == ["Which?"]


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_messenger_message_may_bear_its_token_in_header_or_url(provider, by_header):
    said = {"recipient": {"id": "7001"}, "messaging_type": "RESPONSE", "message": {"text": "Blue?"}}
    how = {} if by_header else {"headers": {}, "access_token": ACCOUNTS.meta_token}
    status, _, body = await graph(provider, "me", said, **how)
    assert (status, body["recipient_id"]) == (200, "7001")
    assert [(send.channel, send.to, send.text, send.id) for send in provider.sends] == [
        ("messenger", "7001", "Blue?", body["message_id"])
    ]


async def test_the_wrong_key_is_refused_and_recorded(provider):
    status, _, body = await sms(provider, headers={"Authorization": aiohttp.encode_basic_auth(ACCOUNTS.twilio_account, "wrong")})
    assert (status, body["code"]) == (401, 20003)
    assert (await sms(provider, headers={}))[0] == 401
    status, _, body = await graph(provider, "290000000000002", whatsapp(), headers={"Authorization": "Bearer wrong"})
    assert (status, body["error"]["code"]) == (401, 190)
    assert [(send.decision, send.sent, send.id) for send in provider.sends] == [("unauthorised", False, None)] * 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"To": None}, 21604), ({"From": None}, 21603), ({"Body": ""}, 21602), ({"Body": "a" * 1601}, 21617)],
)
async def test_what_twilio_would_not_take_is_refused(provider, fields, code):
    status, _, body = await sms(provider, **fields)
    assert (status, body["code"], body["status"]) == (400, code, 400)
    assert not provider.sends[0].sent


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (whatsapp(to=""), 131008),
        (whatsapp(text={"body": "a" * 4097}), 131009),
        (whatsapp(type="text", text="no object"), 131008),
        ({"recipient": {"id": "1"}, "message": {"text": "a" * 2001}}, 100),
        ({"recipient": "1", "message": {"text": "a"}}, 100),
        ([1], 100),
    ],
)
async def test_what_meta_would_not_take_is_refused(provider, body, code):
    status, _, answer = await graph(provider, "290000000000002", body)
    assert (status, answer["error"]["code"]) == (400, code)
    assert not provider.sends[0].sent


async def test_read_marks_are_no_messages(provider):
    said = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"}
    assert (await graph(provider, "1", said))[2] == {"success": True}
    assert [(send.decision, send.sent) for send in provider.sends] == [("quiet", False)]


async def test_other_addresses_do_not_exist(provider):
    async with aiohttp.ClientSession() as client, client.get(provider.url + MESSAGES) as answer:
        assert answer.status == 404
    assert provider.total == 0


async def test_the_script_is_used_up_one_answer_a_request(provider):
    provider.script(throttle(7), refuse(21610), fail(503))
    answers = [await sms(provider) for _ in range(4)]
    assert [(status, body.get("code")) for status, _, body in answers] == [(429, 20429), (400, 21610), (503, 20500), (201, None)]
    assert answers[0][1]["Retry-After"] == "7"
    assert [send.decision for send in provider.sends] == ["throttled", "refused:21610", "failed:503", "accepted"]
    assert [send.sent for send in provider.sends] == [False, False, False, True]


async def test_meta_throttles_with_codes_of_its_own(provider):
    provider.script(throttle(None), throttle(None, code=131056))
    codes = [(await graph(provider, "290000000000002", whatsapp()))[2]["error"]["code"] for _ in range(2)]
    assert codes == [130429, 131056]


@pytest.mark.parametrize(("answer", "sent"), [(reset(), True), (reset(sends=False), False)])
async def test_a_reset_leaves_the_caller_in_doubt_but_not_the_record(provider, answer, sent):
    provider.script(answer)
    with pytest.raises(aiohttp.ClientConnectionError):
        await sms(provider)
    assert [(send.decision, send.sent, send.id is not None) for send in provider.sends] == [("reset", sent, sent)]


async def test_a_hung_request_is_on_record_and_does_not_keep_the_provider_from_closing():
    async with FakeProvider(answer=hang()) as provider:
        call = asyncio.create_task(sms(provider))
        await provider.wait_for(1)
        assert not call.done()
        assert [(send.decision, send.sent) for send in provider.sends] == [("hung", True)]
    with pytest.raises(aiohttp.ClientConnectionError):
        await call


async def test_garbage_is_a_200_that_no_parser_takes(provider):
    provider.script(garbage())
    with pytest.raises(aiohttp.ContentTypeError):
        await sms(provider)
    assert provider.sends[0].sent


async def test_a_slow_answer_is_recorded_before_it_is_given(provider):
    provider.script(slow(0.05))
    loop = asyncio.get_running_loop()
    began = loop.time()
    call = asyncio.create_task(sms(provider))
    await provider.wait_for(1)
    assert not call.done()
    assert (await call)[0] == 201
    assert loop.time() - began >= 0.05


async def test_the_answer_can_depend_on_the_request():
    def one_is_opted_out(asked):
        return refuse(21610) if asked.to.endswith("143") else Answer(name="accepted", sends=True)

    async with FakeProvider(answer=one_is_opted_out) as provider:
        assert [(await sms(provider, To=to))[0] for to in ("+12025550143", "+12025550144")] == [400, 201]


async def test_memory_is_bounded_where_wished_but_counts_are_whole():
    async with FakeProvider(keep=2) as provider:
        for number in range(5):
            await sms(provider, Body=str(number))
        assert [send.text for send in provider.sends] == ["3", "4"]
        assert (provider.total, provider.decisions) == (5, {"accepted": 5})


async def test_waiting_for_what_never_comes_ends(provider):
    with pytest.raises(TimeoutError):
        await provider.wait_for(1, timeout_s=0.01)


async def test_ids_differ_within_a_run_and_between_runs():
    seen = set()
    for _ in range(2):
        async with FakeProvider() as provider:
            seen |= {(await sms(provider))[2]["sid"] for _ in range(3)}
    assert len(seen) == 6


async def test_twilio_receipts_are_signed_for_the_callback_and_posted_to_where_it_is_reached():
    async with Bot() as bot, FakeProvider(receipts=Receipts(public_url="https://bot.example", url=bot.url)) as provider:
        await sms(provider, StatusCallback="https://bot.example/hooks/sms?ref=3.512")
        await provider.receipts.settled()
        assert provider.receipts.answers == {"200": 2}
    statuses = []
    for path, headers, body in bot.requests:
        fields = {name: value for name, [value] in parse_qs(body.decode()).items()}
        statuses.append(fields["MessageStatus"])
        assert path == "/hooks/sms?ref=3.512"
        assert fields["MessageSid"] == provider.sends[0].id
        signed = sign_twilio("https://bot.example/hooks/sms?ref=3.512", fields, ACCOUNTS.twilio_token)
        assert headers["X-Twilio-Signature"] == signed
    assert sorted(statuses) == ["delivered", "sent"]


async def test_meta_receipts_go_to_the_webhooks_signed_with_the_apps_secret():
    async with Bot() as bot:
        plan = Receipts(public_url=bot.url, whatsapp_path="/hooks/wa", messenger_path="/hooks/ms", statuses=("delivered",))
        async with FakeProvider(receipts=plan) as provider:
            await graph(provider, "290000000000002", whatsapp(biz_opaque_callback_data="7.256"))
            await graph(provider, "1001", {"recipient": {"id": "7001"}, "message": {"text": "Hi"}})
            await provider.receipts.settled()
    assert all(headers["X-Hub-Signature-256"] == sign_meta(body, ACCOUNTS.meta_secret) for _, headers, body in bot.requests)
    told = {path: msgspec.json.decode(body) for path, _, body in bot.requests}
    [status] = told["/hooks/wa"]["entry"][0]["changes"][0]["value"]["statuses"]
    [event] = told["/hooks/ms"]["entry"][0]["messaging"]
    assert (status["id"], status["status"], status["biz_opaque_callback_data"]) == (provider.sends[0].id, "delivered", "7.256")
    assert (event["sender"]["id"], event["delivery"]["mids"]) == ("7001", [provider.sends[1].id])


async def test_receipts_can_come_early_doubled_and_backwards():
    async with Bot() as bot:
        plan = Receipts(public_url=bot.url, early=True, backwards=True, copies=2)
        async with FakeProvider(receipts=plan, answer=slow(0.0)) as provider:
            await sms(provider, StatusCallback=f"{bot.url}/hooks/sms")
            assert b"MessageStatus=delivered" in bot.requests[0][2]  # answered only after the receipt
            await provider.receipts.settled()
    statuses = [parse_qs(body.decode())["MessageStatus"][0] for _, _, body in bot.requests]
    assert sorted(statuses) == ["delivered", "delivered", "sent", "sent"]


async def test_a_bot_that_is_down_costs_receipts_only():
    async with FakeProvider(receipts=Receipts(public_url="http://127.0.0.1:1")) as provider:
        assert (await sms(provider, StatusCallback="http://127.0.0.1:1/hooks/sms"))[0] == 201
        await provider.receipts.settled()
        assert sum(provider.receipts.answers.values()) == 2


async def test_as_a_process_it_prints_its_url_and_leaves_its_log(tmp_path):
    log = tmp_path / "truth.jsonl"
    root = Path(__file__).parents[2] / "framework"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vaiven.testing.provider", "--port", "0", "--log", str(log), "--keep", "1"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        form = {"To": "+12025550143", "From": "+12025550100", "Body": "é"}
        async with aiohttp.ClientSession(headers=TWILIO_AUTH) as client:
            for _ in range(2):
                async with client.post(url + MESSAGES, data=form) as answer:
                    assert answer.status == 201
        lines = [msgspec.json.decode(line, type=Send) for line in log.read_bytes().splitlines()]
        assert [(send.text, send.sent) for send in lines] == [("é", True), ("é", True)]
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
