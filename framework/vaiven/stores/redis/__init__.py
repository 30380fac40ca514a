"""The store on Redis or Valkey, single or cluster."""

from vaiven.stores.redis.durability import Durability
from vaiven.stores.redis.store import RedisStore

__all__ = ["Durability", "RedisStore"]
