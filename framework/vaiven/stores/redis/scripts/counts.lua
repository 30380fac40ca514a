-- How much waits in these partitions: timers, dead letters, unknown rows, and rows by state and class.
-- Keys: own, waits, dial, timers, letters, unknown. (Dialed rows are never more than the senders' connections.)
-- Asked: partitions.
-- With: shapes own partition contacts places briefs rows

local timers, dead, unknown, found = 0, 0, 0, {}
for _, number in ipairs(ASKED) do
  local at = partition(number)
  timers = timers + redis.call('HLEN', at.P .. 'timers')
  dead = dead + redis.call('HLEN', at.P .. 'letters')
  unknown = unknown + redis.call('ZCARD', at.P .. 'unknown')
  local waits = redis.call('HGETALL', at.P .. 'waits')
  for each = 1, #waits, 2 do found[waits[each]] = (found[waits[each]] or 0) + tonumber(waits[each + 1]) end
  local lines = all_dialed(at)
  for each = 1, #lines, 2 do
    local name = DIALED .. '.' .. row_in(at, lines[each], 'dial').class
    found[name] = (found[name] or 0) + 1
  end
end
local given = {timers, dead, unknown}
for name, count in pairs(found) do
  given[#given + 1] = name
  given[#given + 1] = count
end
return given
