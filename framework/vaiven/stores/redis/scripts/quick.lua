-- The usual turns (``lib_usual.lua``) of events that wait. What is not usual after all is left to commit.lua, which decides the same.
-- Keys: own, in, takes, c:, tally:, polls, h:, dial.
-- Asked: turns (``packing.quick``).
-- Answer: a verdict a turn as in commit.lua; UNUSUAL: nothing was done.
-- With: shapes own owners usual

local function enter(own, P, id, number)
  if redis.call('XDEL', P .. 'in', id) == 0 then
    mark(P, TURN_MARK, own.turn)  -- so that this answer, too, waits for the disk
    return -2
  end
  if own.taken >= number then redis.call('HDEL', P .. 'takes', number) end
end

for each, turn in ipairs(ASKED) do verdicts[each] = save(owners[turn[1]], turn, enter) end
if #states > 0 then redis.call('MSET', unpack(states)) end
return verdicts
