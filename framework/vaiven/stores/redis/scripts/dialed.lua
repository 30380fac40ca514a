-- Rows dialed under the present epoch. They are to be sent, so the answer waits for the disk as the call did that dialed them.
-- A full server goes on with this.
-- Keys: own, dial, h:.
-- Asked: partition, epoch, partition, epoch, …
-- Answer: partition, row, value of each.
-- With: shapes own partition briefs places

local given = {}

local function whole(at, id, line)
  local block, field = block_of(id)
  return {at.number, id, line .. redis.call('HGET', at.P .. block, field)}
end

for each = 1, #ASKED, 2 do
  local at = partition(ASKED[each])
  if at.send == ASKED[each + 1] then
    local found = all_dialed(at)
    if #found > 0 then stir(at) end
    for item = 1, #found, 2 do
      local _, _, _, _, epoch = struct.unpack(LINE, found[item + 1])
      if epoch == at.send then given[#given + 1] = whole(at, found[item], found[item + 1]) end
    end
  end
end
return given
