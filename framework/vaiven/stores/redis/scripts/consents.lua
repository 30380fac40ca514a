-- A home's lines of the ledger from one on, newest first: id, value; of each.
-- Keys: ledger.
-- Asked: partition, id, how many.

local key, id, left, given = BASE .. ASKED[1] .. '}:ledger', ASKED[2], ASKED[3], {}
while id ~= '' and left > 0 do
  local entry = redis.call('XRANGE', key, id, id)[1]
  if not entry then break end
  given[#given + 1] = {id, entry[2][2], entry[2][4]}
  id, left = entry[2][4], left - 1
end
return given
