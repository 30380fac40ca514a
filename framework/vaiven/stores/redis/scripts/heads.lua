-- Where a home's chains of turns and rows begin: its newest of each, and those that a prune left behind.
-- Keys: c:<home>, o:<home>, kept.
-- Asked: partition, home.
-- Answer: turns, rows, the newest line of its ledger.
-- With: shapes contacts

local P, home = BASE .. ASKED[1] .. '}:', ASKED[2]
local person = contact({P = P, people = {}}, home)
local function from(id, field)
  local ids = {id}
  local kept = redis.call('HGET', P .. 'kept', field) or ''
  for each = 1, #kept, 7 do ids[#ids + 1] = struct.unpack('>I7', kept, each) end
  return ids
end
local last = redis.call('HGET', P .. 'o:' .. home, 'last') or ''
return {from(person.turn, 't' .. home), from(person.row, 'r' .. home), last}
