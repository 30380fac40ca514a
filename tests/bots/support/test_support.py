"""The support bot is whole: nothing is wrong with it, its talks hold, and the shop that it is shown with answers as a shop."""

import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from vaiven.testing.shop import FakeShop

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["check", "bots/support"], "no problems"),
        (["test", "flows/support", "--coverage", "text", "--min-coverage", "95"], "all hold"),
    ],
)
def test_it_is_whole(command: list[str], told: str) -> None:
    environ = os.environ | {"PYTHONPATH": str(ROOT / "framework")}
    done = subprocess.run([sys.executable, "-m", "vaiven", *command], cwd=ROOT, capture_output=True, env=environ, timeout=60)
    assert done.returncode == 0, done.stdout.decode()
    assert told in done.stdout.decode()


async def test_the_shop_knows_its_orders() -> None:
    async with FakeShop({"AB123456": "on its way"}) as shop, aiohttp.ClientSession(shop.url) as session:
        query = {"contact": "tel:+12025550123"}
        async with session.get("/orders/AB123456", params=query) as answer:
            assert (answer.status, await answer.json()) == (200, {"number": "AB123456", "state": "on its way"})
        async with session.get("/orders/AB999999", params=query) as answer:
            assert answer.status == 404
        async with session.post("/orders/AB123456") as answer:
            assert answer.status == 404
        shop.down = True
        async with session.get("/orders/AB123456", params=query) as answer:
            assert answer.status == 503
        assert shop.asked == [(number, "tel:+12025550123") for number in ("AB123456", "AB999999", "AB123456")]
