-- The usual settlements: accepted or rejected, of a home's only row, tried once, of which no receipt has told yet. What is not so
-- after all is left to settle.lua, which decides the same.
-- A full server goes on with this.
-- Keys: own, dial, h:.
-- Asked: keys of the marks of partitions; the settlements (``usual.settlements``).
-- Answer: 1 or 0 of each; UNUSUAL: nothing was done.
-- With: shapes own owners briefs

-- Its partition's place, epoch, number; its state; the row; where its line goes in its block; whether a provider named it; how its
-- line ends. Then its block's key.
local SETTLED = '>BI4I8c1c7c3BI4c0s'
local told, place, owners, written, answers = ARGV[4], 1, owners_of(ASKED), {}, {}

-- What there is to say of a row that has a line in "dial", from where it goes; nil: not there, or there is more to say.
local function from_dial(own, row)
  if own.dials == 0 then return nil end
  local name, dial = string.format('%d', (struct.unpack('>I7', row))), prefix_of(own) .. 'dial'
  local line = redis.call('HGET', dial, name)
  local said = line and string.sub(line, #ONCE + 1, -#NOTHING_YET - 1)
  if not line or line ~= ONCE .. said .. NOTHING_YET then return nil end
  redis.call('HDEL', dial, name)
  return said
end

local function settle()
  local owner, epoch, number, state, row, field, named, ends, block
  owner, epoch, number, state, row, field, named, ends, block, place = struct.unpack(SETTLED, told, place)
  local own = owners[owner]
  if own.send ~= epoch then return 0 end
  if (own.parked > 0 and named == 1) or number <= own.swept then return UNUSUAL end
  local found, said = brief_of(own.briefs, row), nil
  if found then
    said = said_at(own.briefs, found)
    own.briefs, own.changed = but(own.briefs, found), true
  else
    said = from_dial(own, row)
    if not said then return UNUSUAL end
  end
  redis.call('HSET', block, field, state .. TRIED_ONCE .. said .. ends)
  return 1
end

while place <= #told do answers[#answers + 1] = settle() end
put_owners(owners, written)
if #written > 0 then redis.call('MSET', unpack(written)) end
return answers
