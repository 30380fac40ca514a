-- The owners of these partitions, in one look: prefix, turn epoch, send epoch, marks.
local function owners_of(names)
  local owners, keys = {}, {}
  for at, name in ipairs(names) do
    local P = BASE .. name .. '}:'
    owners[at], keys[at] = {P = P, turn = 0, send = 0, swept = 0, taken = 0, parked = 0, last = 0, dials = 0, briefs = '', changed = false}, P .. 'own'
  end
  for at, value in ipairs(redis.call('MGET', unpack(keys))) do
    local own = owners[at]
    own.turn, own.send, own.swept, own.taken, own.parked, own.last, own.dials, own.briefs = read_own(value)
  end
  return owners
end

-- Names and values of those that changed, behind what an MSET writes.
local function put_owners(owners, written)
  for _, own in ipairs(owners) do
    if own.changed then
      local known = #written
      written[known + 1] = own.P .. 'own'
      written[known + 2] = struct.pack(OWN, own.turn, own.send, own.swept, own.taken, own.parked, own.last, own.dials) .. own.briefs
    end
  end
end
