-- The usual settlements: accepted or rejected, of a home's only row, of which no receipt has told yet. What is not so after all is
-- left to settle.lua, which decides the same.
-- Keys: own, dial, h:.
-- Asked: partitions; the settlements (``usual.settlements``).
-- Answer: 1 or 0 of each; UNUSUAL: nothing was done.
-- With: shapes own owners briefs

-- Its partition's place, epoch, attempt, state, retry instant, number, where its line goes in its block; the row; its provider id,
-- reason, its block's key.
local SETTLED = '>BI4I2BI8I8c3c7sss'
local DIALED = 2
local owners, answers, written, told, place, size, index = owners_of(ASKED), {}, {}, ARGV[4], 1, #ARGV[4], 0

-- The line of a row in "dial", which goes from there; nil: it is not there, or not as it usually is.
local function from_dial(own, row, tried)
  local name, dial = string.format('%d', (struct.unpack('>I7', row))), own.P .. 'dial'
  local line = own.dials > 0 and redis.call('HGET', dial, name)
  if not line then return nil end
  local state, attempt, unknowns, delivery, epoch, dialed_ms, before, _, provider_id = struct.unpack(LINE, line)
  if state ~= DIALED or attempt ~= tried or delivery > 0 then return nil end
  redis.call('HDEL', dial, name)
  return unknowns, epoch, dialed_ms, before, provider_id
end

local function settle()
  local owner, asked, tried, becomes, retry_ms, number, field, row, sent_as, reason, block
  owner, asked, tried, becomes, retry_ms, number, field, row, sent_as, reason, block, place = struct.unpack(SETTLED, told, place)
  local own = owners[owner]
  if own.send ~= asked then return 0 end
  if (own.parked > 0 and sent_as ~= '') or number <= own.swept then return UNUSUAL end
  local unknowns, epoch, dialed_ms, before, provider_id, _ = 0, 0, 0, 0, ''
  local found = brief_of(own.briefs, row)
  if found then
    if tried ~= 1 then return UNUSUAL end
    _, dialed_ms, before, epoch = struct.unpack(BRIEF, own.briefs, found)
    own.briefs, own.changed = but(own.briefs, found), true
  else
    unknowns, epoch, dialed_ms, before, provider_id = from_dial(own, row, tried)
    if not unknowns then return UNUSUAL end
  end
  if sent_as ~= '' then provider_id = sent_as end
  redis.call('HSET', block, field,
    struct.pack(LINE, becomes, tried, unknowns, 0, epoch, dialed_ms, before, retry_ms, #provider_id, provider_id, #reason, reason))
  return 1
end

-- Once a script has written, a server without memory lets it go on; and this needs none.
redis.call('HDEL', owners[1].P .. 'dial', '')
while place <= size do
  index = index + 1
  answers[index] = settle()
end
put_owners(owners, written)
if #written > 0 then redis.call('MSET', unpack(written)) end
return answers
