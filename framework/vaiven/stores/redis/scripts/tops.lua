-- The first or last few of a sorted set in these partitions: partition, member, score; of each.
-- Keys: dead, unknown.
-- Asked: its name, how many, 1 for the highest first, partitions.

local given = {}
for _, number in ipairs(ASKED[4]) do
  local key = BASE .. number .. '}:' .. ASKED[1]
  local found = redis.call(ASKED[3] == 1 and 'ZREVRANGE' or 'ZRANGE', key, 0, ASKED[2] - 1, 'WITHSCORES')
  for each = 1, #found, 2 do given[#given + 1] = {number, found[each], found[each + 1]} end
end
return given
