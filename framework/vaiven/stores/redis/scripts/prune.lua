-- Remove history records and final rows made before an instant. A sweep goes up by number and stops at the first turn that is
-- younger or not handled yet. Rows that it must leave behind, and that are final later, are found again in "late".
-- A full server goes on with this.
-- Keys: own, in, h:, wait, dial, unknown, late, kept, lease.
-- Asked: before, limit; partition, epoch, partition, epoch, …
-- Answer: how many went.
-- With: shapes own partition contacts places briefs rows gaps

local before_ms, limit, asked = ASKED[1], ASKED[2], ASKED[3]
local gone, looks = 0, 4 * limit + 256

-- A link of a chain was removed: what it led to, and what is still there, must be found in another way.
local function unchain(at, field, id, before, there)
  local known = redis.call('HGET', at.P .. 'kept', field) or ''
  local ids, was = {}, known
  for each = 1, #known, 7 do
    local one = struct.unpack('>I7', known, each)
    if one ~= id then ids[#ids + 1] = struct.pack('>I7', one) end
  end
  if before > 0 and there(before) then ids[#ids + 1] = struct.pack('>I7', before) end
  known = table.concat(ids)
  if known == was then return end
  if known == '' then
    redis.call('HDEL', at.P .. 'kept', field)
  else
    redis.call('HSET', at.P .. 'kept', field, known)
  end
end

local function remove_row(at, id)
  local row = row_in(at, id, 'final')
  if not row then return 0 end
  if row.created >= before_ms then
    redis.call('ZADD', at.P .. 'late', row.created, id)
    return 0
  end
  local block, field = block_of(id)
  redis.call('HDEL', at.P .. block, field, field .. LINE_MARK)
  if row.was == UNKNOWN then redis.call('ZREM', at.P .. 'unknown', id) end
  redis.call('ZREM', at.P .. 'late', id)
  at.rows[id] = nil
  unchain(at, 'r' .. row.home, id, row.before, function(other) return find_row(at, other) end)
  return 1
end

-- Whether a turn's record went or there was none, and how many went; nil if it is too young.
local function remove_record(at, number)
  local block, field = 'h:' .. math.floor(number / BLOCK), string.char(number % BLOCK)
  local value = redis.call('HGET', at.P .. block, field)
  if not value then return 0 end
  local before, home, from = struct.unpack('>I6Bc0', value)
  local _, at_ms = cmsgpack.unpack_limit(value, 1, from)
  if at_ms >= before_ms then return nil end
  redis.call('HDEL', at.P .. block, field)
  if home ~= '' then
    unchain(at, 't' .. home, number, before, function(other)
      return redis.call('HEXISTS', at.P .. 'h:' .. math.floor(other / BLOCK), string.char(other % BLOCK)) == 1
    end)
  end
  return 1
end

local function rows_of_block(at, block)
  local ids = {}
  for _, field in ipairs(redis.call('HKEYS', at.P .. 'h:' .. block)) do
    local number, index = string.byte(field, 1, 2)
    if #field == 2 then
      number = block * BLOCK + number
      ids[number] = ids[number] or {}
      table.insert(ids[number], number * ROWS_A_TURN + index)
    end
  end
  return ids
end

local function sweep(at)
  local stop, swept, block, ids = at.last + 1, at.swept, nil, nil
  local gaps, passed = gaps_of(at.P), 0
  local waits = redis.call('XRANGE', at.P .. 'in', '-', '+', 'COUNT', 1)
  if waits[1] then stop = tonumber(string.sub(waits[1][1], 3)) end
  while swept + 1 < stop and gone < limit and looks > 0 do
    local number, gap = swept + 1, gaps[passed + 1]
    looks = looks - 1
    if gap and gap[1] <= number then
      passed, swept, number = passed + 1, gap[2], gap[2] + 1
      if number >= stop then break end
    end
    if block ~= math.floor(number / BLOCK) then
      block = math.floor(number / BLOCK)
      ids = rows_of_block(at, block)
    end
    local went = remove_record(at, number)
    if not went then break end
    gone, swept = gone + went, number
    for _, id in ipairs(ids[number] or {}) do gone = gone + remove_row(at, id) end
  end
  if passed > 0 then keep_gaps(at.P, {unpack(gaps, passed + 1)}) end
  if swept ~= at.swept then mark(at.P, SWEPT_MARK, swept) end
end

for each = 1, #asked, 2 do
  local at = partition(asked[each])
  if gone < limit and at.turn == asked[each + 1] then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', at.P .. 'late', '-inf', '(' .. before_ms, 'LIMIT', 0, limit - gone)) do
      gone = gone + remove_row(at, tonumber(id))
    end
    sweep(at)
  end
end
return gone
