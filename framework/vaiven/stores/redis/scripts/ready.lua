-- What could be claimed first in these partitions: channel, rank, since; of each. A look that changes nothing.
-- Keys: own, wait, q:, s:.
-- Asked: now; channel, room, channel, room, …; partition, epoch.
-- With: own partition

local at, given = partition(ASKED[3]), {}
local P = at.P
if at.send ~= ASKED[4] or redis.call('HLEN', P .. 'wait') == 0 then return given end
for each = 1, #ASKED[2], 2 do
  local channel, room = ASKED[2][each], ASKED[2][each + 1]
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', P .. 's:' .. channel, '-inf', ASKED[1], 'LIMIT', 0, room)) do
    local since, priority = struct.unpack('>I6B', member)
    given[#given + 1] = {channel, since + priority * AGEING_MS, since}
  end
  local found = redis.call('ZRANGE', P .. 'q:' .. channel, 0, room - 1, 'WITHSCORES')
  for item = 1, #found, 2 do
    given[#given + 1] = {channel, tonumber(found[item + 1]), (struct.unpack('>I6B', found[item]))}
  end
end
return given
