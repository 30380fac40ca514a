-- A row that a usual turn dialed, for the first time, has no line of its own until it is settled: id, epoch, instant, the home's row
-- before are all there is to say. It stands behind the marks of its partition, which such a turn writes anyway.

local ID_SIZE, BRIEF_SIZE = 7, 24
-- What the line of any such row (LINE) has before and behind that: dialed, once, and nothing else yet.
local TRIED_ONCE, NOTHING_YET = '\0\1\0\0\0', string.rep('\0', 6 + 2 + 2)
local ONCE = '\2' .. TRIED_ONCE

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

-- Epoch, instant and the row before, as they stand in a line.
local function said_at(briefs, found)
  return string.sub(briefs, found + ID_SIZE, found + BRIEF_SIZE - 1)
end

-- Its line as it would be in "dial".
local function line_at(briefs, found)
  return ONCE .. said_at(briefs, found) .. NOTHING_YET
end

-- Every row dialed in this partition: id, line, id, line, …
local function all_dialed(at)
  local lines, told = {}, redis.call('HGETALL', at.P .. 'dial')
  for each = 1, #told, 2 do
    lines[each], lines[each + 1] = tonumber(told[each]), told[each + 1]
  end
  for found = 1, #at.briefs, BRIEF_SIZE do
    local known = #lines
    lines[known + 1], lines[known + 2] = struct.unpack('>I7', at.briefs, found), line_at(at.briefs, found)
  end
  return lines
end
