-- The owners of these partitions, by the keys of their marks, in one look: epochs, marks, briefs.
local function owners_of(keys)
  local owners = {}
  for at, value in ipairs(redis.call('MGET', unpack(keys))) do
    local turn, send, swept, taken, parked, last, dials, briefs = read_own(value)
    owners[at] = {
      key = keys[at], turn = turn, send = send, swept = swept, taken = taken, parked = parked, last = last, dials = dials,
      briefs = briefs, changed = false,
    }
  end
  return owners
end

-- How the keys of its partition begin.
local function prefix_of(own)
  return string.sub(own.key, 1, -4)
end

-- Names and values of those that changed, behind what an MSET writes.
local function put_owners(owners, written)
  for _, own in ipairs(owners) do
    if own.changed then
      local known = #written
      written[known + 1] = own.key
      written[known + 2] = struct.pack(OWN, own.turn, own.send, own.swept, own.taken, own.parked, own.last, own.dials) .. own.briefs
    end
  end
end
