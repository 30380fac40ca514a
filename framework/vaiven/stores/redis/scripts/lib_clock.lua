-- The server's clock in ms, or the one that a test moves.
local function clock(told)
  if told > 0 then return told end
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end
