-- A row that a usual turn dialed, for the first time, has no line of its own until it is settled: id, instant, the home's row
-- before, epoch are all there is to say. It stands behind the marks of its partition, which such a turn writes anyway.

local BRIEF, BRIEF_SIZE = '>I7I6I7I4', 24

-- Where that of this row begins, its id packed; nil if there is none.
local function brief_of(briefs, id)
  local found = string.find(briefs, id, 1, true)
  while found and (found - 1) % BRIEF_SIZE > 0 do found = string.find(briefs, id, found + 1, true) end
  return found
end

-- All but the one that begins there.
local function but(briefs, found)
  return string.sub(briefs, 1, found - 1) .. string.sub(briefs, found + BRIEF_SIZE)
end

-- The row's id, and its line as it would be in "dial".
local function line_at(briefs, found)
  local id, dialed_ms, before, epoch = struct.unpack(BRIEF, briefs, found)
  return id, struct.pack(LINE, 2, 1, 0, 0, epoch, dialed_ms, before, 0, 0, '', 0, '')
end

-- Every row dialed in this partition: id, line, id, line, …
local function all_dialed(at)
  local lines, told = {}, redis.call('HGETALL', at.P .. 'dial')
  for each = 1, #told, 2 do
    lines[each], lines[each + 1] = tonumber(told[each]), told[each + 1]
  end
  for found = 1, #at.briefs, BRIEF_SIZE do
    local known = #lines
    lines[known + 1], lines[known + 2] = line_at(at.briefs, found)
  end
  return lines
end
