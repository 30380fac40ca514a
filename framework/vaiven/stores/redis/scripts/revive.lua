-- Put a dead letter back into its inbox under a new number, with a new instant.
-- Keys: own, in, dead, letters. Channel: wake:turn.
-- Asked: partition, number; the event beside it.
-- With: own partition

local at = partition(ASKED[1])
if redis.call('HDEL', at.P .. 'letters', ASKED[2]) == 0 then
  stir(at)
  return 0
end
redis.call('ZREM', at.P .. 'dead', struct.pack('>I6', ASKED[2]))
wake('turn', {ASKED[1]})
return append(at, blob(1))
