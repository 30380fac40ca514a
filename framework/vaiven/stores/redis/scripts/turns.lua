-- A home's turns from one on, newest first: number, value; of each. The last one leads on.
-- Keys: h:.
-- Asked: partition, number, how many.

local P, number, left, given = BASE .. ASKED[1] .. '}:', ASKED[2], ASKED[3], {}
while number > 0 and left > 0 do
  local value = redis.call('HGET', P .. 'h:' .. math.floor(number / BLOCK), string.char(number % BLOCK))
  if not value then break end
  given[#given + 1] = {number, value}
  number, left = struct.unpack('>I6', value), left - 1
end
return given
