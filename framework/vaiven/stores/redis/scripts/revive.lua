-- Put a dead letter back into its inbox under a new number, with a new instant.
-- Keys: own, in, dead, letters. Channel: wake:turn.
-- Asked: partition, number; the event beside it.
-- With: own partition

local P = BASE .. ASKED[1] .. '}:'
if redis.call('HDEL', P .. 'letters', ASKED[2]) == 0 then
  stir(partition(ASKED[1]))
  return 0
end
redis.call('ZREM', P .. 'dead', struct.pack('>I6', ASKED[2]))
wake('turn', {ASKED[1]})
return tonumber(append(P, blob(1)))
