-- The usual turns (``lib_usual.lua``) of events that come in by this very call, and never wait: each was decided under the number
-- that it would get, while nothing else waits in its inbox. Where that is not so, or the lease is lost, nothing was done.
-- Keys: own, in, c:, tally:, polls, h:, dial.
-- Asked: partitions; the turns.
-- Answer: 0 of each that is saved; UNUSUAL: nothing was done.
-- With: shapes own owners briefs usual

return save_all(function(own, number)
  own.waits = own.waits or redis.call('XLEN', own.P .. 'in')
  if own.waits > 0 or own.last + 1 ~= number then return UNUSUAL end
  own.last, own.changed = number, true
end)
