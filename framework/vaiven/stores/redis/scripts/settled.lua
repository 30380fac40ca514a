-- The usual settlements: accepted or rejected, of a home's only row, of which no receipt has told yet. What is not so after all is
-- left to settle.lua, which decides the same.
-- Keys: own, dial, h:.
-- Asked: partition, epoch, row, attempt, state, provider id, reason, retry instant, block, number, its place in it, index; of each.
-- Answer: 1 or 0 of each; UNUSUAL: nothing was done.
-- With: shapes own owners

local DIALED = 2
local owners, answers = owners_of(ASKED), {}

local function settle(own, told)
  local P, name, _ = own.P, told[3], nil
  if own.send ~= told[2] then return 0 end
  local value = redis.call('HGET', P .. 'dial', name)
  if not value or (own.parked > 0 and told[6] ~= '') or told[10] <= own.swept then return UNUSUAL end
  local state, attempt, unknowns, delivery, epoch, dialed_ms, before, _, provider_id, _, rest = struct.unpack(LINE, value)
  if state ~= DIALED or attempt ~= told[4] or delivery > 0 then return UNUSUAL end
  if told[6] ~= '' then provider_id = told[6] end
  local reason = told[7]
  redis.call('HDEL', P .. 'dial', name)
  redis.call('HSET', P .. told[9], string.char(told[11], told[12]),
    struct.pack(LINE, told[5], attempt, unknowns, 0, epoch, dialed_ms, before, told[8], #provider_id, provider_id, #reason, reason)
      .. string.sub(value, rest))
  return 1
end

for each, told in ipairs(ASKED) do answers[each] = settle(owners[told[1]], told) end
return answers
