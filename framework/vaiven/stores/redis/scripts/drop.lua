-- Forget a dead letter.
-- A full server goes on with this.
-- Keys: own, dead, letters.
-- Asked: partition, number.
-- With: own partition

local P = BASE .. ASKED[1] .. '}:'
stir(partition(ASKED[1]))
redis.call('ZREM', P .. 'dead', struct.pack('>I6', ASKED[2]))
return redis.call('HDEL', P .. 'letters', ASKED[2])
