-- The usual turns (``lib_usual.lua``) of events that wait. What is not usual after all is left to commit.lua, which decides the same.
-- Keys: own, in, takes, c:, tally:, polls, h:, dial.
-- Asked: partitions; the turns.
-- Answer: a verdict a turn as in commit.lua; UNUSUAL: nothing was done.
-- With: shapes own owners briefs usual

return save_all(function(own, number)
  if redis.call('XDEL', own.P .. 'in', string.format('0-%d', number)) == 0 then
    mark(own.P, TURN_MARK, own.turn)  -- so that this answer, too, waits for the disk
    return -2
  end
  if own.taken >= number then redis.call('HDEL', own.P .. 'takes', number) end
end)
