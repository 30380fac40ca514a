-- Events that wait in these partitions, by number, above a number each; count under how many epochs each was taken.
-- A full server goes on with this.
-- Keys: own, in, takes.
-- Asked: limit; partition, epoch, above, whether something of it was given before; of each.
-- Answer: partition, number, takes, event of each.
-- With: own partition merge

local limit, asked = ASKED[1], ASKED[2]

local function less(a, b)
  if a.number ~= b.number then return a.number < b.number end
  return a.at.number < b.at.number
end

local heap, few = heap_of(less), math.min(limit, math.max(4, math.floor(512 * 4 / #asked)))

local function source(at, above)
  local last = '0-' .. above
  local one = {}
  function one.more()
    local items = {}
    for each, entry in ipairs(redis.call('XRANGE', at.P .. 'in', '(' .. last, '+', 'COUNT', few)) do
      last = entry[1]
      items[each] = {at = at, number = tonumber(string.sub(last, 3)), event = entry[2][2]}
    end
    return items
  end
  return one
end

local given, begun = {}, {}

look(asked, 4)
for each = 1, #asked, 4 do
  local at = partition(asked[each])
  begun[at] = asked[each + 3]
  if at.turn == asked[each + 1] and redis.call('XLEN', at.P .. 'in') > 0 then
    refill(heap, source(at, asked[each + 2]))
  end
end

-- rules.taken
local function count(at, number)
  local known = redis.call('HGET', at.P .. 'takes', number)
  local takes, epoch = 0, at.turn
  if known then
    takes, epoch = struct.unpack('>I2I6', known)
    if epoch ~= at.turn then
      takes = begun[at] and math.max(takes, 1) or math.min(takes + 1, 60000)
    end
  end
  if not known or epoch ~= at.turn then
    redis.call('HSET', at.P .. 'takes', number, struct.pack('>I2I6', takes, at.turn))
  end
  begun[at] = true
  if number > at.taken then
    at.taken = number
    mark(at.P, TAKEN_MARK, number)
  end
  return takes
end

while #given < limit do
  local item = pop(heap)
  if not item then break end
  given[#given + 1] = {item.at.number, item.number, count(item.at, item.number), item.event}
end
return given
