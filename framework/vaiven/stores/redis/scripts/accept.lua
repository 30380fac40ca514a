-- Append events, each to the inbox of its partition; give the numbers they got there.
-- Keys: own, in. Channel: wake:turn.
-- Asked: the partition of each; the events beside it.
-- With: own owners

local numbers, places, woken, written = {}, {}, {}, {}
for _, name in ipairs(ASKED) do
  if not places[name] then
    woken[#woken + 1] = name
    places[name] = #woken
  end
end
local keys = {}
for at, name in ipairs(woken) do keys[at] = BASE .. name .. '}:own' end
local owners = owners_of(keys)
for at, name in ipairs(ASKED) do
  local own = owners[places[name]]
  own.last, own.changed = own.last + 1, true
  redis.call('XADD', prefix_of(own) .. 'in', string.format('0-%d', own.last), 'e', ARGV[3 + at])
  numbers[at] = own.last
end
put_owners(owners, written)
redis.call('MSET', unpack(written))
redis.call('PUBLISH', string.sub(BASE, 1, -2) .. 'wake:turn', ORIGIN .. ' ' .. table.concat(woken, ' '))
return numbers
