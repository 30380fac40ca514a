-- What a script knows of a partition: the epochs of its leases and some marks, read once. A partition comes by its name, "17",
-- since Lua writes numbers slowly. Prefixes P end in "}:".

local partitions = {}

local function partition(name)
  local known = partitions[name]
  if known then return known end
  local P = BASE .. name .. '}:'
  known = {P = P, name = name, number = tonumber(name), people = {}, rows = {}}
  known.turn, known.send, known.swept, known.taken, known.parked, known.last, known.dials, known.briefs =
    read_own(redis.call('GET', P .. 'own'))
  partitions[name] = known
  return known
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
