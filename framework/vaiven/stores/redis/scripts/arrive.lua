-- The usual turns (``lib_usual.lua``) of events that come in by this very call, and never wait: each was decided under the number
-- that it would get, while nothing else waits in its inbox. Where that is not so, or the lease is lost, nothing was done.
-- Keys: own, in, c:, tally:, polls, h:, dial.
-- Asked: turns (``packing.quick``).
-- Answer: 0 of each that is saved; UNUSUAL: nothing was done.
-- With: shapes own owners usual

local function enter(own, P, id, number)
  local key = P .. 'in'
  own.waits = own.waits or redis.call('XLEN', key)
  if own.waits > 0 then return UNUSUAL end
  -- The stream counts. An entry that it drops at once is all that it takes.
  local given = redis.call('XADD', key, 'MAXLEN', '=', '0', '0-*', 'e', '')
  if given ~= id then
    redis.call('XSETID', key, '0-' .. (tonumber(string.sub(given, 3)) - 1))
    return UNUSUAL
  end
end

for each, turn in ipairs(ASKED) do
  local own = owners[turn[1]]
  verdicts[each] = own.turn == turn[2] and save(own, turn, enter) or UNUSUAL
end
if #states > 0 then redis.call('MSET', unpack(states)) end
return verdicts
