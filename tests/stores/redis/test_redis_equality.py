"""Redis equals memory over random sequences of operations: one decides in Lua, the other is written for reading."""

import asyncio
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vaiven.stores.redis import RedisStore
from vaiven.testing.lives import live
from vaiven.testing.servers import Server


@pytest.mark.parametrize("partitions", [1, 3])
def test_redis_equals_memory_over_random_sequences_of_operations(partitions: int, redis_server: Server) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
    @given(st.integers(0, 2**32))
    def run(seed: int) -> None:
        random = Random(seed)  # any life as likely as another, and its seed brings it back
        steps = random.randint(10, 90)
        redis_server.say("FLUSHALL")
        # One question at a time: those asked at once may be answered in any order by a server.
        made = lambda count, clock: RedisStore(redis_server.url, partitions=count, clock=clock)  # noqa: E731
        asyncio.run(live(random, steps, made, partitions, burst=1))

    run()
