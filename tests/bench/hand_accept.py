"""Accept only, by hand: check Twilio's signature, append to a Redis stream, answer 200."""

import base64
import hashlib
import hmac
import os
import sys

import uvloop
from aiohttp import web
from redis.asyncio import Redis

TOKEN, PUBLIC_URL = os.environ["TWILIO_AUTH_TOKEN"], os.environ["PUBLIC_URL"]
EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
redis = Redis.from_url(os.environ["REDIS_URL"])


async def webhook(request):
    form = await request.post()
    signed = PUBLIC_URL + request.path + "".join(name + form[name] for name in sorted(form))
    proof = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()
    if not hmac.compare_digest(proof, request.headers.get("X-Twilio-Signature", "")):
        raise web.HTTPForbidden
    await redis.xadd("inbox", {"sid": form["MessageSid"], "from": form["From"], "text": form["Body"]})
    return web.Response(body=EMPTY, content_type="text/xml")


app = web.Application()
app.router.add_post("/hooks/sms", webhook)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
