"""Bare aiohttp: read the body, answer 200, do nothing. What no server on aiohttp can beat."""

import sys

import uvloop
from aiohttp import web

EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


async def webhook(request):
    await request.read()
    return web.Response(body=EMPTY, content_type="text/xml")


app = web.Application()
app.router.add_post("/hooks/sms", webhook)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
