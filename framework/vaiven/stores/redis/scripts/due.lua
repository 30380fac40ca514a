-- Move timers that are due into the inboxes as events, oldest first; give them numbered.
-- A full server goes on with this.
-- Keys: own, in, timers, due.
-- Asked: now, limit; partition, epoch, partition, epoch, …
-- Answer: partition, number, event of each.
-- With: own partition merge

local now, limit, asked = ASKED[1], ASKED[2], ASKED[3]

local function less(a, b)
  if a.due ~= b.due then return a.due < b.due end
  return a.name < b.name
end

local heap, few = heap_of(less), math.min(limit, math.max(4, math.floor(512 * 2 / #asked)))

local function source(at)
  local from, one = 0, {}
  function one.more()
    local items, found = {}, redis.call('ZRANGEBYSCORE', at.P .. 'due', '-inf', now, 'WITHSCORES', 'LIMIT', from, few)
    for each = 1, #found, 2 do
      items[#items + 1] = {at = at, name = found[each], due = tonumber(found[each + 1])}
    end
    from = from + #items
    return items
  end
  return one
end

look(asked, 2)
for each = 1, #asked, 2 do
  local at = partition(asked[each])
  if at.turn == asked[each + 1] then refill(heap, source(at)) end
end

local moving = {}
while #moving < limit do
  local item = pop(heap)
  if not item then break end
  moving[#moving + 1] = item
end

local given = {}
for each, item in ipairs(moving) do
  local P, home, key = item.at.P, string.match(item.name, '^(.-)%z(.*)$')
  local channel, session, step, visit = unpack(cmsgpack.unpack(redis.call('HGET', P .. 'timers', item.name)))
  redis.call('HDEL', P .. 'timers', item.name)
  redis.call('ZREM', P .. 'due', item.name)
  local event = cmsgpack.pack({
    id = 'timer:' .. home .. ':' .. key .. ':' .. session .. ':' .. visit .. ':' .. item.due,
    home = home, partition = item.at.number, channel = channel, at_ms = now,
    body = {is = 'timer', key = key, session = session, step = step, visit = visit, due_ms = item.due},
  })
  given[each] = {item.at.number, append(item.at, event), event}
end
return given
