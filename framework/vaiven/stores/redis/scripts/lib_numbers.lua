-- The last number that an inbox gave.
local function last_number(P)
  local told = redis.pcall('XINFO', 'STREAM', P .. 'in')
  if told.err then return 0 end
  for at = 1, #told, 2 do
    if told[at] == 'last-generated-id' then return tonumber(string.sub(told[at + 1], 3)) end
  end
end
