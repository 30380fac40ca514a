"""A shop that is not real but stands on a real socket: what a support bot asks about orders.

    async with FakeShop({"AB123456": "on its way"}) as shop:
        ...                                    # the bot's params.api is shop.url, and its calls.allow names shop.host
        shop.down = True                       # every further request is answered with 503
        assert shop.asked == [("AB123456", "tel:+12025550123")]

``GET /orders/NUMBER?contact=URN`` answers ``{"number", "state"}``, or 404 for an order that there is not.
"""

import re
from collections.abc import Mapping
from typing import Self

from aiohttp import web

ORDER_PATH = re.compile(r"/orders/([^/]+)")


class FakeShop:
    """Orders by their number, each with its state. ``asked``: number and contact of every request, in order."""

    def __init__(self, orders: Mapping[str, str]) -> None:
        self.orders = dict(orders)
        self.asked: list[tuple[str, str]] = []
        self.down = False
        self.host = ""
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = ORDER_PATH.fullmatch(request.path)
        if request.method != "GET" or path is None:
            return web.json_response({"error": "no such page"}, status=404)
        number = path[1]
        self.asked.append((number, request.query.get("contact", "")))
        if self.down:
            return web.json_response({"error": "down"}, status=503)
        state = self.orders.get(number)
        if state is None:
            return web.json_response({"error": "no such order"}, status=404)
        return web.json_response({"number": number, "state": state})
