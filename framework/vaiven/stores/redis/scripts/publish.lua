-- Keep versions of flows by hash, and make each its flow's current one.
-- Keys: {flows}:versions, {flows}:current, {flows}:shapes.
-- Asked: flow, hash, shape of each; the versions beside it.

for at, one in ipairs(ASKED) do
  local flow, hash, shape = unpack(one)
  if redis.call('HSETNX', KEYS[1], hash, blob(at)) == 1 then
    local known = redis.call('HGET', KEYS[3], shape)
    local hashes = known and cmsgpack.unpack(known) or {}
    hashes[#hashes + 1] = hash
    redis.call('HSET', KEYS[3], shape, cmsgpack.pack(hashes))
  end
  redis.call('HSET', KEYS[2], flow, hash)
end
