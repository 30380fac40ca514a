"""A demo as people start it, and a Chromium in front of it."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STARTS_S = 30
ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; what needs one is skipped by name where there is none."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("Chromium was not found (put chromium on the PATH or set CHROMIUM): what needs a browser was not run")
    return found


class Demo:
    """``vaiven demo`` as a process of its own; ``start`` is the address of its first page, with tokens, ``url`` of the vote's."""

    def __init__(self, process: asyncio.subprocess.Process, start: str) -> None:
        self.process = process
        self.start = start
        self.site, _, self._tokens = start.partition("/#")
        self.base = f"{self.site}/tv_vote"
        self.url = self.phones("tv_vote")

    def phones(self, bot: str) -> str:
        return f"{self.site}/{bot}/console/#{self._tokens}"

    async def interrupt(self) -> int:
        """Ctrl-C. Gives the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), 20)


@pytest.fixture
async def demo(chromium: str, tmp_path: Path) -> AsyncIterator[Demo]:
    command = ("-m", "vaiven.edge.cli", "demo", "--port", "0", "--no-crowd", "--db", str(tmp_path / "demo"))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "framework"), "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=env, cwd=ROOT
    )
    assert process.stdout is not None
    told = []
    try:
        async with asyncio.timeout(STARTS_S):
            async for line in process.stdout:
                told.append(line.decode())
                if found := re.search(r"http://\S+/#token=\S+", told[-1]):
                    break
            else:
                pytest.fail("the demo ended before it told its address:\n" + "".join(told))
        yield Demo(process, found[0])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # its pipe too: asyncio leaves that to the garbage collector


class Tab:
    """A page, and everything that it asked for and complained about."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def phone(self, skin: str) -> Any:
        return self.page.locator(f".phone.skin-{skin}").last

    async def say(self, skin: str, text: str) -> None:
        words = self.phone(skin).locator(".words")
        await words.fill(text)
        await words.press("Enter")


@pytest.fixture(scope="session")
def opened(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One browser for all tests of this process, each in a context of its own; the address by which it is driven."""
    profile = tmp_path_factory.mktemp("chromium")
    command = (chromium, *ARGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank")
    with (profile / "said.log").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    told, ends = profile / "DevToolsActivePort", time.monotonic() + STARTS_S
    while not (told.exists() and told.read_text().strip()):
        if process.poll() is not None or time.monotonic() > ends:
            process.kill()
            pytest.fail("Chromium did not start:\n" + (profile / "said.log").read_text(errors="replace")[-2000:])
        time.sleep(0.02)
    yield f"http://127.0.0.1:{told.read_text().split()[0]}"
    process.terminate()
    process.wait(10)


@pytest.fixture
async def tab(opened: str) -> AsyncIterator[Tab]:
    api = pytest.importorskip("playwright.async_api", reason="Playwright, which drives Chromium, is not installed")
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(opened)
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        yield Tab(await context.new_page())
        await context.close()
