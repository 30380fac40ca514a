-- Claim rows that may go now and mark them dialed; settle for good those that must not go any more.
-- A full server goes on with this.
-- Keys: own, c:, o:, h:, wait, dial, waits, lane, q:, s:, late.
-- Asked: now; channel, room, channel, room, …; partition, epoch, partition, epoch, …
-- Answer: partition, row, value of each.
-- With: shapes own partition contacts places briefs rows merge

local PROMOTED = 256  -- so many sleepers of a partition and channel wake in one call
local now, budget, asked = ASKED[1], ASKED[2], ASKED[3]
local held = {}
look(asked, 2)
for each = 1, #asked, 2 do
  local at = partition(asked[each])
  if at.send == asked[each + 1] and redis.call('HLEN', at.P .. 'wait') > 0 then held[#held + 1] = at end
end
local few = math.max(4, math.floor(512 / math.max(1, #held)))

local function less(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  if a.since ~= b.since then return a.since < b.since end
  if a.at.number ~= b.at.number then return a.at.number < b.at.number end
  return a.id < b.id
end

local function wake_sleepers(P, channel)
  local asleep, ready = P .. 's:' .. channel, P .. 'q:' .. channel
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', asleep, '-inf', now, 'LIMIT', 0, PROMOTED)) do
    local since, priority = struct.unpack('>I6B', member)
    redis.call('ZREM', asleep, member)
    redis.call('ZADD', ready, since + priority * AGEING_MS, member)
  end
end

-- The rows of one queue by rank. Those given before lie still in it, until they are popped.
local function source(at, channel)
  local one, out = {}, 0
  function one.more()
    local items, found = {}, redis.call('ZRANGE', at.P .. 'q:' .. channel, out, out + few - 1, 'WITHSCORES')
    for each = 1, #found, 2 do
      local since, _, id = struct.unpack('>I6BI7', found[each])
      items[#items + 1] = {at = at, member = found[each], rank = tonumber(found[each + 1]), since = since, id = id, one = one}
    end
    out = out + #items
    return items
  end
  function one.popped() out = out - 1 end
  return one
end

local function offer(heap, row)
  rank(row)
  heap.push({at = row.at, rank = row.rank, since = row.since, id = row.id, row = row})
end

-- What a row popped from its queue comes to: dialed, or not to go yet, or never.
local function try(heap, item, channel)
  local row = item.row
  if item.member then
    redis.call('ZREM', item.at.P .. 'q:' .. channel, item.member)
    item.one.popped()
    row = row_in(item.at, item.id, 'wait')
  end
  if not waiting(row.state) then return nil end
  row.unqueued = item.member ~= nil or row.unqueued
  if wake_of(row) > now then
    row.freed = true
    touch(row)
  elseif not may_go(row, now) then
    entry_of(row).blocked = true
    lane_of(row).changed = true
  else
    local state = doom(row, now)
    if not state then
      dial(row, item.at.send, now)
      return row
    end
    row.state = state
    local behind = moved(row)
    if behind then
      behind.unqueued = true
      offer(heap, behind)
    end
  end
end

local claimed = {}
for each = 1, #budget, 2 do
  local channel, room = budget[each], budget[each + 1]
  local heap = heap_of(less)
  if room > 0 then
    for _, at in ipairs(held) do
      wake_sleepers(at.P, channel)
      refill(heap, source(at, channel))
    end
  end
  while room > 0 do
    local item = pop(heap)
    if not item then break end
    local row = try(heap, item, channel)
    if row then
      room = room - 1
      claimed[#claimed + 1] = row
    end
  end
end
write_rows(now)
write_contacts()
local given = {}
for each, row in ipairs(claimed) do
  given[each] = {row.at.number, row.id, value_of(row)}
end
return given
