-- The usual turns (``lib_usual.lua``) of events that come in by this very call, and never wait: each was decided under the number
-- that it would get. Where it would get another, since something else came in meanwhile, or the lease is lost, nothing was done.
-- Keys: own, c:, tally:, polls, h:, dial.
-- Asked: keys of the marks of partitions; the turns.
-- Answer: 0 of each that is saved; UNUSUAL: nothing was done.
-- With: shapes own owners briefs usual

return save_all(function(own, number)
  if own.last + 1 ~= number then return UNUSUAL end
  own.last, own.changed = number, true
end)
