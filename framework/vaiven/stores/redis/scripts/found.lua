-- Record what a new store is made with; give what is recorded.
-- Keys: meta.
-- Asked: schema version, partitions.

redis.call('HSETNX', KEYS[1], 'schema', ASKED[1])
redis.call('HSETNX', KEYS[1], 'partitions', ASKED[2])
return redis.call('HMGET', KEYS[1], 'schema', 'partitions')
