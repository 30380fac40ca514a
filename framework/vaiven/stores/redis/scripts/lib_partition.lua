-- What a script knows of a partition: the epochs of its leases and some marks, read once. A partition comes by its name, "17",
-- since Lua writes numbers slowly. Prefixes P end in "}:".

local partitions = {}

local function know(name, own)
  local turn, send, swept, taken, parked, last, dials, briefs = read_own(own)
  local known = {
    P = BASE .. name .. '}:', name = name, number = tonumber(name), people = {}, rows = {}, turn = turn, send = send,
    swept = swept, taken = taken, parked = parked, last = last, dials = dials, briefs = briefs,
  }
  partitions[name] = known
  return known
end

local function partition(name)
  return partitions[name] or know(name, redis.call('GET', BASE .. name .. '}:own'))
end

-- Know all that a list has at every so many places, in one look.
local function look(names, step)
  local unknown, keys = {}, {}
  for each = 1, #names, step do
    local name = names[each]
    if partitions[name] == nil then
      partitions[name] = false
      unknown[#unknown + 1], keys[#keys + 1] = name, BASE .. name .. '}:own'
    end
  end
  if #keys > 0 then
    for each, own in ipairs(redis.call('MGET', unpack(keys))) do know(unknown[each], own) end
  end
end

-- Append an event to an inbox; give its number.
local function append(at, event)
  at.last = at.last + 1
  redis.call('XADD', at.P .. 'in', string.format('0-%d', at.last), 'e', event)
  mark(at.P, LAST_MARK, at.last)
  return at.last
end

-- An answer that rests on what an earlier call wrote must wait for the disk as that call did; so it writes, too.
local function stir(at)
  mark(at.P, TURN_MARK, at.turn)
end

-- Tell whoever listens in this role where something new lies.
local function wake(role, names)
  if #names > 0 then
    redis.call('PUBLISH', string.sub(BASE, 1, -2) .. 'wake:' .. role, ORIGIN .. ' ' .. table.concat(names, ' '))
  end
end
