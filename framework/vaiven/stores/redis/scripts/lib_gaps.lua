-- Numbers that a partition skipped, first and last of each gap: who may have lost its last words gives none of theirs again.
local function gaps_of(P)
  local told, gaps = redis.call('HGET', P .. 'lease', 'gaps') or '', {}
  for at = 1, #told, 12 do
    local first, last = struct.unpack('>I6I6', told, at)
    gaps[#gaps + 1] = {first, last}
  end
  return gaps
end

local function keep_gaps(P, gaps)
  local told = {}
  for each, gap in ipairs(gaps) do told[each] = struct.pack('>I6I6', gap[1], gap[2]) end
  redis.call('HSET', P .. 'lease', 'gaps', table.concat(told))
end
