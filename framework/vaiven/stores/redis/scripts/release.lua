-- Give back leases that an owner holds. A free one keeps its last epoch, below zero.
-- A full server goes on with this.
-- Keys: own, lease, takes.
-- Asked: role, owner, whether what waits counts as never taken, partitions.
-- With: own partition

local role, owner, forget, given = ASKED[1], ASKED[2], ASKED[3], 0
look(ASKED[4], 1)
for _, number in ipairs(ASKED[4]) do
  local at = partition(number)
  if at[role] > 0 and redis.call('HGET', at.P .. 'lease', role .. '_owner') == owner then
    mark(at.P, role == 'turn' and TURN_MARK or SEND_MARK, -at[role])
    if forget then redis.call('DEL', at.P .. 'takes') end
    given = given + 1
  end
end
return given
