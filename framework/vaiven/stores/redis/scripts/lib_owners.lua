-- The owners of all partitions that are asked about, by name, in one look: prefix, turn epoch, send epoch, marks.
local function owners_of(asked)
  local owners, names, keys = {}, {}, {}
  for _, one in ipairs(asked) do
    local name = one[1]
    if not owners[name] then
      local P = BASE .. name .. '}:'
      owners[name] = {P = P}
      names[#names + 1] = name
      keys[#keys + 1] = P .. 'own'
    end
  end
  for at, value in ipairs(redis.call('MGET', unpack(keys))) do
    local own = owners[names[at]]
    own.turn, own.send, own.swept, own.taken, own.parked = read_own(value)
  end
  return owners
end
