-- Take or renew leases; give the partitions now held and their epochs.
-- A full server goes on with this.
-- Keys: own, lease.
-- Asked: role, owner, ttl, now (0: the server's clock), partitions, whether to take expired ones.
-- With: own partition clock

local role, owner, ttl, now = ASKED[1], ASKED[2], ASKED[3], clock(ASKED[4])
local place, given = role == 'turn' and TURN_MARK or SEND_MARK, {}
look(ASKED[5], 1)
for _, number in ipairs(ASKED[5]) do
  local at = partition(number)
  local v = redis.call('HMGET', at.P .. 'lease', role .. '_owner', role .. '_until')
  local epoch, until_ms = at[role], tonumber(v[2]) or 0
  local free = epoch <= 0
  if free or v[1] == owner or (until_ms <= now and ASKED[6]) then
    if free or v[1] ~= owner then
      epoch = math.abs(epoch) + 1
      mark(at.P, place, epoch)
    end
    redis.call('HSET', at.P .. 'lease', role .. '_owner', owner, role .. '_until', now + ttl)
    given[#given + 1] = number
    given[#given + 1] = epoch
  end
end
return given
