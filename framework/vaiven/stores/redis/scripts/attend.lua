-- Say that an owner works in a role for a while; give everybody who does.
-- A full server goes on with this.
-- Keys: attend:<role>.
-- Asked: owner, ttl (0: not any more), now (0: the server's clock).
-- With: clock

local owner, ttl, now = ASKED[1], ASKED[2], clock(ASKED[3])
if ttl > 0 then
  redis.call('ZADD', KEYS[1], now + ttl, owner)
else
  redis.call('ZREM', KEYS[1], owner)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, -1)
