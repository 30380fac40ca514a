-- The usual settlements: accepted or rejected, of a home's only row, of which no receipt has told yet. What is not so after all is
-- left to settle.lua, which decides the same.
-- Keys: own, dial, h:.
-- Asked: partitions; the settlements (``usual.settlements``).
-- Answer: 1 or 0 of each; UNUSUAL: nothing was done.
-- With: shapes own owners

-- Its partition's place, epoch, attempt, state, retry instant, number, where its line goes in its block; its name, provider id, reason, block.
local SETTLED = '>BI4I2BI8I8c3ssss'
local DIALED = 2
local owners, answers, told, place, size, index = owners_of(ASKED), {}, ARGV[4], 1, #ARGV[4], 0

local function settle()
  local owner, asked, tried, becomes, retry_ms, number, field, name, sent_as, reason, block
  owner, asked, tried, becomes, retry_ms, number, field, name, sent_as, reason, block, place = struct.unpack(SETTLED, told, place)
  local own = owners[owner]
  local P = own.P
  if own.send ~= asked then return 0 end
  local value = redis.call('HGET', P .. 'dial', name)
  if not value or (own.parked > 0 and sent_as ~= '') or number <= own.swept then return UNUSUAL end
  local state, attempt, unknowns, delivery, epoch, dialed_ms, before, _, provider_id = struct.unpack(LINE, value)
  if state ~= DIALED or attempt ~= tried or delivery > 0 then return UNUSUAL end
  if sent_as ~= '' then provider_id = sent_as end
  redis.call('HDEL', P .. 'dial', name)
  redis.call('HSET', P .. block, field,
    struct.pack(LINE, becomes, attempt, unknowns, 0, epoch, dialed_ms, before, retry_ms, #provider_id, provider_id, #reason, reason))
  return 1
end

while place <= size do
  index = index + 1
  answers[index] = settle()
end
return answers
