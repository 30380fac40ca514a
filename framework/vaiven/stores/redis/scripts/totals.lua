-- Votes of a poll, or of all, summed over these partitions: poll, option and outcome, count; of each.
-- Keys: polls, tally:<poll>.
-- Asked: poll ('': all), partitions.

local sums = {}
for _, number in ipairs(ASKED[2]) do
  local P = BASE .. number .. '}:'
  local polls = ASKED[1] == '' and redis.call('SMEMBERS', P .. 'polls') or {ASKED[1]}
  for _, poll in ipairs(polls) do
    local found = redis.call('HGETALL', P .. 'tally:' .. poll)
    sums[poll] = sums[poll] or {}
    for each = 1, #found, 2 do sums[poll][found[each]] = (sums[poll][found[each]] or 0) + tonumber(found[each + 1]) end
  end
end
local given = {}
for poll, fields in pairs(sums) do
  for field, count in pairs(fields) do given[#given + 1] = {poll, field, count} end
end
return given
