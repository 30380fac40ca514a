-- Append events, each to the inbox of its partition; give the ids they got there, 0-<number>.
-- Keys: in. Channel: wake:turn.
-- Asked: the partition of each; the events beside it.

local ids, known, woken = {}, {}, {}
for at, name in ipairs(ASKED) do
  local key = known[name]
  if not key then
    key = BASE .. name .. '}:in'
    known[name] = key
    woken[#woken + 1] = name
  end
  ids[at] = redis.call('XADD', key, '0-*', 'e', ARGV[3 + at])
end
redis.call('PUBLISH', string.sub(BASE, 1, -2) .. 'wake:turn', ORIGIN .. ' ' .. table.concat(woken, ' '))
return ids
