-- Take tokens from a sender's bucket; give how many there were.
-- A full server goes on with this.
-- Keys: rate:<sender>.
-- Asked: rate a second, burst, wanted (below 0: put back), now.

local rate, burst, wanted, now = ASKED[1], ASKED[2], ASKED[3], ASKED[4]
local v = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(v[1]) or burst, tonumber(v[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) / 1000 * rate)
local given = math.min(wanted, math.floor(tokens + 1e-9))  -- ten tenths are a token
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', math.min(burst, tokens - given)), 'at', math.max(now, at))
-- A full bucket is as good as none.
redis.call('PEXPIRE', KEYS[1], math.floor(math.min(burst / rate * 1000, 86400000)) + 60000)
return math.max(0, given)
