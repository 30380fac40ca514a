"""Two bots on one file would be two owners: the second is told so, kindly."""

import asyncio
import signal

import pytest


@pytest.mark.crash
async def test_a_second_process_on_the_file_is_refused(rig) -> None:
    rig.settle_bot("http://127.0.0.1:1")
    bot = await rig.bot()
    arguments = ["-m", "vaiven.edge.cli", "run", str(rig.folder), "--port", "0"]
    second = await rig.start(*arguments, stderr=asyncio.subprocess.PIPE)
    told = (await second.process.stderr.read()).decode()
    assert await second.ended() == 3
    assert str(rig.db) in told
    assert "another process serves from this file" in told
    assert "--store" in told, "what would be right"
    assert "Traceback" not in told
    assert bot.running
    await bot.end(signal.SIGKILL)
    assert await (await rig.bot()).end(signal.SIGINT) == 0, "a file whose owner was killed is free at once"
