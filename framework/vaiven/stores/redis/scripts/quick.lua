-- The usual turns (``lib_usual.lua``) of events that wait. What is not usual after all is left to commit.lua, which decides the same.
-- A full server goes on with this.
-- Keys: own, in, takes, c:, tally:, polls, h:, dial.
-- Asked: keys of the marks of partitions; the turns.
-- Answer: a verdict a turn as in commit.lua; UNUSUAL: nothing was done.
-- With: shapes own owners briefs usual

return save_all(function(own, number)
  local P = prefix_of(own)
  if redis.call('XDEL', P .. 'in', string.format('0-%d', number)) == 0 then
    mark(P, TURN_MARK, own.turn)  -- so that this answer, too, waits for the disk
    return -2
  end
  if own.taken >= number then redis.call('HDEL', P .. 'takes', number) end
end)
