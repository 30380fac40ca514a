"""The bot that a competent engineer writes by hand: a poll and a booking over Twilio, state in Redis. No outbox, no retries."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys

import uvloop
from aiohttp import ClientSession, encode_basic_auth, web
from redis.asyncio import Redis

ACCOUNT, TOKEN, PUBLIC_URL = (os.environ[name] for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "PUBLIC_URL"))
MESSAGES = f"{os.environ['PROVIDER_URL']}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
ACTS = {"1": "Anna & Luca", "2": "Bea & Tom", "3": "Cleo & Max"}
EMPTY, DAY_S = b'<?xml version="1.0" encoding="UTF-8"?><Response/>', 86_400
redis, sending = Redis.from_url(os.environ["REDIS_URL"]), set()


def begin(session, text):
    return ("day", "Which day?", None) if text.lower() == "hi" else vote(session, text)


def vote(session, text):
    act = text.upper().removeprefix("VOTE").strip()
    if act not in ACTS:
        return "begin", "Sorry, no such act. Reply 1, 2 or 3.", None
    session["cast"] = session.get("cast", 0) + 1
    return "begin", f"Vote {session['cast']} for {ACTS[act]} counted.", act


def keep(name, then, reply):
    return lambda session, text: session.update({name: text}) or (then, reply.format(**session), None)


def confirm(session, text):
    return "begin", "Booked. See you then." if text.lower() in ("y", "yes") else "Nothing was booked.", None


HANDLERS = {"begin": begin, "confirm": confirm, "day": keep("day", "people", "For how many people?")}
HANDLERS["people"] = keep("people", "name", "And the name?")
HANDLERS["name"] = keep("name", "confirm", "{people} people, {day}, {name}. Shall I book it?")


async def send(http, to, sender, text):
    async with http.post(MESSAGES, data={"To": to, "From": sender, "Body": text}) as answer:
        if answer.status != 201:
            print("not sent", answer.status, await answer.text(), file=sys.stderr)


async def webhook(request):
    form = await request.post()
    signed = PUBLIC_URL + request.path + "".join(name + form[name] for name in sorted(form))
    proof = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()
    if not hmac.compare_digest(proof, request.headers.get("X-Twilio-Signature", "")):
        raise web.HTTPForbidden
    seen, key = f"seen:{form['MessageSid']}", f"session:{form['From']}"
    known, stored = await redis.pipeline(transaction=False).get(seen).get(key).execute()
    if not known:
        session = json.loads(stored) if stored else {"state": "begin"}
        session["state"], reply, act = HANDLERS[session["state"]](session, form["Body"].strip())
        turn = redis.pipeline().set(key, json.dumps(session), ex=DAY_S).set(seen, 1, ex=DAY_S, nx=True)
        await (turn.hincrby("votes", act) if act else turn).execute()
        task = asyncio.create_task(send(request.app["http"], form["From"], form["To"], reply))
        sending.add(task)
        task.add_done_callback(sending.discard)
    return web.Response(body=EMPTY, content_type="text/xml")


async def client(app):
    async with ClientSession(headers={"Authorization": encode_basic_auth(ACCOUNT, TOKEN)}) as app["http"]:
        yield


app = web.Application()
app.router.add_post("/hooks/sms", webhook)
app.cleanup_ctx.append(client)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
