-- What waits in these inboxes: partition, how many, the first few events.
-- Keys: in.
-- Asked: how many events of each; partitions.

local given = {}
for _, number in ipairs(ASKED[2]) do
  local key = BASE .. number .. '}:in'
  local waits = redis.call('XLEN', key)
  if waits > 0 then
    local events = {}
    for each, entry in ipairs(redis.call('XRANGE', key, '-', '+', 'COUNT', ASKED[1])) do events[each] = entry[2][2] end
    given[#given + 1] = {number, waits, events}
  end
end
return given
