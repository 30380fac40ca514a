-- Leases held now: role, partition, owner, epoch, until of each.
-- Keys: own, lease.
-- Asked: now (0: the server's clock), partitions.
-- With: own partition clock

local now, given = clock(ASKED[1]), {}
for _, number in ipairs(ASKED[2]) do
  for _, role in ipairs({'send', 'turn'}) do
    local at = partition(number)
    local v = redis.call('HMGET', at.P .. 'lease', role .. '_owner', role .. '_until')
    local epoch, until_ms = at[role], tonumber(v[2]) or 0
    if epoch > 0 and until_ms > now then given[#given + 1] = {role, number, v[1], epoch, until_ms} end
  end
end
return given
