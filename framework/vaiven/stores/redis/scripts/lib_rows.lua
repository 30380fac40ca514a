-- Rows of the outbox and their lanes, as one script sees them: read through here, changed in memory, written by write_rows.
--
-- What a row was made with stays in its block of history; its line moves. Where that lies tells how far the row is: the hash
-- "wait" (queued, retry, held), the hash "dial" or a brief (dialed), the block (final). A lane has a short entry for each row of a
-- home and channel that is not final; a home's only row, dialed, needs none. A waiting row is asleep until its instant (s:), ready
-- by rank (q:), or blocked by an earlier row of its lane, which wakes it when it moves.

local QUEUED, DIALED, RETRY, HELD, ACCEPTED, REJECTED, UNKNOWN, SUPPRESSED, EXPIRED = 0, 2, 3, 4, 5, 6, 7, 8, 9
local FINAL = ACCEPTED
local LANE = '>I7BI6'
local LANE_SIZE = 14
local PASSES, BLOCKED = 16, 32
local LANED = 32  -- added to the state of a row that has an entry in its lane

local touched, lanes, freed = {}, {}, {}

local function waiting(state)
  return state == QUEUED or state == RETRY or state == HELD
end

-- A row that nobody has tried to send yet, from what it was made with.
local function made_row(at, id, made, place)
  local _, channel, home, sender, class, not_before, not_after, control, created = cmsgpack.unpack_limit(made, 8, 1)
  local row = {
    at = at, P = at.P, id = id, made = made, place = place, channel = channel, home = home, sender = sender, class = class,
    not_before = not_before, not_after = not_after, control = control, created = created, state = QUEUED, attempt = 0,
    unknowns = 0, delivery = 0, epoch = 0, dialed_ms = 0, before = 0, retry_ms = 0, provider_id = '', reason = '', name = false,
    touched = false, was = false, since = 0, rank = 0, laned = false, brief = false,
  }
  at.rows[id] = row
  return row
end

-- rules.rank
local function rank(row)
  row.since = math.max(row.created, row.not_before)
  row.rank = row.since + PRIORITY[row.class] * AGEING_MS
end

-- Its id as a field of hashes.
local function name_of(row)
  if not row.name then row.name = string.format('%d', row.id) end
  return row.name
end

local function line_of(row)
  local state = row.state + (row.laned and row.state < FINAL and LANED or 0)
  return struct.pack(LINE, state, row.attempt, row.unknowns, row.delivery, row.epoch, row.dialed_ms, row.before,
    row.retry_ms, #row.provider_id, row.provider_id, #row.reason, row.reason)
end

-- All of it, for who asked for it.
local function value_of(row)
  return line_of(row) .. row.made
end

-- A row from one place: "wait", "dial" or "final".
local function row_in(at, id, place, name)
  local row = at.rows[id]
  if row then return row.place == place and row or nil end
  local block, field = block_of(id)
  local line, made, brief
  if place == 'final' then
    line, made = unpack(redis.call('HMGET', at.P .. block, field .. LINE_MARK, field))
    if not line then return nil end
  else
    line = redis.call('HGET', at.P .. place, name or id)
    if not line and place == 'dial' then
      brief = brief_of(at.briefs, struct.pack('>I7', id))
      if brief then line = line_at(at.briefs, brief) end
    end
    if not line then return nil end
    made = redis.call('HGET', at.P .. block, field)
  end
  local state, attempt, unknowns, delivery, epoch, dialed_ms, before, retry_ms, provider_id, reason = struct.unpack(LINE, line)
  row = made_row(at, id, made, place)
  row.laned, state = state >= LANED, state % LANED
  row.state, row.attempt, row.unknowns, row.delivery, row.epoch = state, attempt, unknowns, delivery, epoch
  row.dialed_ms, row.before, row.retry_ms, row.provider_id, row.reason = dialed_ms, before, retry_ms, provider_id, reason
  row.was, row.name, row.brief = state, name or false, brief ~= nil
  return row
end

-- A row from wherever it is.
local function find_row(at, id)
  return at.rows[id] or row_in(at, id, 'final') or row_in(at, id, 'dial') or row_in(at, id, 'wait')
end

local function touch(row)
  if not row.touched then
    row.touched = true
    touched[#touched + 1] = row
  end
end

local function wake_of(row)
  if row.state == QUEUED then return row.not_before end
  return math.max(row.not_before, row.retry_ms)
end

local lane_of

local function enter_lane(row)
  local lane = lane_of(row)
  row.entry = {id = row.id, state = row.state, passes = PASSING[row.class] == true, wakes = wake_of(row)}
  local at = #lane + 1
  while at > 1 and lane[at - 1].id > row.id do at = at - 1 end
  table.insert(lane, at, row.entry)
  lane.changed, row.laned = true, true
  touch(row)
end

-- Whether a row of this home is dialed without a lane.
local function has_sole(person, at)
  if person.sole > 0 and not person.asked then
    person.asked = true
    local row = row_in(at, person.sole, 'dial')
    if not row or row.laned or row.state >= FINAL then person.sole, person.changed = 0, true end
  end
  return person.sole > 0
end

-- A home's only row gets a lane like others, since it is to have company or to wait.
local function join(person, at)
  local row = person.single
  person.single = nil
  if has_sole(person, at) then
    row = row_in(at, person.sole, 'dial')
    person.sole, person.changed = 0, true
    if row.state >= FINAL then row = nil end
  end
  if row then enter_lane(row) end
end

function lane_of(row)
  local person = contact(row.at, row.home)
  local lane = person.by_channel[row.channel]
  if not lane then
    lane = {key = row.P .. 'lane', field = row.channel .. '\0' .. row.home, person = person}
    person.by_channel[row.channel] = lane
    lanes[#lanes + 1] = lane
    local value = person.lanes > 0 and redis.call('HGET', lane.key, lane.field)
    if value then
      lane.there = true
      for at = 1, #value, LANE_SIZE do
        local id, bits, wakes = struct.unpack(LANE, value, at)
        lane[#lane + 1] = {id = id, state = bits % 16, passes = bits % 32 >= PASSES, blocked = bits >= BLOCKED, wakes = wakes}
      end
    end
  end
  if person.single or person.sole > 0 then join(person, row.at) end
  return lane
end

local function entry_of(row)
  if not row.entry then
    for _, entry in ipairs(lane_of(row)) do
      if entry.id == row.id then row.entry = entry end
    end
  end
  return row.entry
end

-- Whether its moment has come and no earlier row of its lane holds it.
local function may_go(row, now)
  if wake_of(row) > now then return false end
  if contact(row.at, row.home).single == row then return true end
  for _, entry in ipairs(lane_of(row)) do
    if entry.id == row.id or PASSING[row.class] then return true end
    if not waiting(entry.state) or entry.wakes - now <= STEP_ASIDE_MS then return false end
  end
  return true
end

local function doom(row, now)
  if row.not_after and row.not_after <= now then return EXPIRED end
  if row.class == CONSENT then return nil end
  local person = contact(row.at, row.home)
  if person.control > row.control then return SUPPRESSED end
  if person.ledger == 1 and redis.call('HEXISTS', row.P .. 'o:' .. row.home, 's' .. row.sender) == 1 then return SUPPRESSED end
  return nil
end

-- The row has another state: let it go from its lane if that is final, and give the first that it may have blocked.
local function moved(row)
  touch(row)
  if row.place == 'dial' and not row.laned and row.state >= FINAL then return end
  local person, state = contact(row.at, row.home), row.state
  if person.single == row then
    person.single = nil
    if state == DIALED then person.sole, person.asked, person.changed = row.id, true, true end
    return
  end
  local lane, entry = lane_of(row), entry_of(row)
  if not entry then return end
  lane.changed = true
  entry.state, entry.wakes, entry.blocked = state, wake_of(row), false
  if state >= FINAL then
    for at, one in ipairs(lane) do
      if one == entry then table.remove(lane, at) break end
    end
    row.entry = nil
  end
  if state == DIALED then return end
  for _, one in ipairs(lane) do
    if one.blocked then
      one.blocked = false
      local behind = row.at.rows[one.id] or row_in(row.at, one.id, 'wait')
      behind.freed = true
      touch(behind)
      freed[row.at.name] = true
      return behind
    end
  end
end

local function dial(row, epoch, now)
  row.state, row.attempt, row.epoch, row.dialed_ms = DIALED, row.attempt + 1, epoch, now
  moved(row)
end

-- A waiting row's place in its queue: by rank, then by age.
local function member_of(row)
  rank(row)
  return struct.pack('>I6BI7', row.since, PRIORITY[row.class], row.id)
end

-- From now on its line is where others have theirs.
local function cut_brief(row)
  local at = row.at
  at.briefs, row.brief = but(at.briefs, brief_of(at.briefs, struct.pack('>I7', row.id))), false
  -- The marks in front as they are now: this script may have written some.
  redis.call('SET', at.P .. 'own', string.sub(redis.call('GET', at.P .. 'own'), 1, OWN_SIZE) .. at.briefs)
end

local function leave(row)
  local P = row.P
  if row.brief then
    cut_brief(row)
  elseif row.place == 'dial' then
    redis.call('HDEL', P .. 'dial', name_of(row))
  elseif row.place == 'wait' then
    if not row.unqueued then
      local member = member_of(row)
      redis.call('ZREM', P .. 'q:' .. row.channel, member)
      redis.call('ZREM', P .. 's:' .. row.channel, member)
    end
    redis.call('HDEL', P .. 'wait', name_of(row))
    redis.call('HINCRBY', P .. 'waits', row.was .. '.' .. row.class, '-1')
  end
end

local function queue(row, now)
  local wakes, member = wake_of(row), member_of(row)
  if wakes <= now then
    redis.call('ZADD', row.P .. 'q:' .. row.channel, row.rank, member)
  else
    redis.call('ZADD', row.P .. 's:' .. row.channel, wakes, member)
  end
end

local function write_waiting(row, line, now)
  local P, arrives, entry = row.P, row.place ~= 'wait', entry_of(row)
  redis.call('HSET', P .. 'wait', name_of(row), line)
  if arrives then
    redis.call('HINCRBY', P .. 'waits', row.state .. '.' .. row.class, '1')
  end
  if (arrives or row.freed) and not entry.blocked then
    queue(row, now)
  end
end

local function write_final(row, line)
  local P, block, field = row.P, block_of(row.id)
  redis.call('HSET', P .. block, field .. LINE_MARK, line)
  if row.state == UNKNOWN then
    redis.call('ZADD', P .. 'unknown', row.created, name_of(row))
  elseif row.was == UNKNOWN then
    redis.call('ZREM', P .. 'unknown', name_of(row))
  end
  if row.place ~= 'final' and row.id < (row.at.swept + 1) * ROWS_A_TURN then
    redis.call('ZADD', P .. 'late', row.created, name_of(row))
  end
end

local function write_lanes()
  for _, lane in ipairs(lanes) do
    if lane.changed then
      local person, there = lane.person, #lane > 0
      if there then
        local packed = {}
        for at, entry in ipairs(lane) do
          local bits = entry.state + (entry.passes and PASSES or 0) + (entry.blocked and BLOCKED or 0)
          packed[at] = struct.pack(LANE, entry.id, bits, entry.wakes)
        end
        redis.call('HSET', lane.key, lane.field, table.concat(packed))
      elseif lane.there then
        redis.call('HDEL', lane.key, lane.field)
      end
      if there ~= (lane.there or false) then
        person.lanes, person.changed = person.lanes + (there and 1 or -1), true
      end
    end
  end
end

-- Write what changed, but for contacts. Waiting rows whose instant is not after now can be claimed at once, others when it comes.
local function write_rows(now)
  for _, row in ipairs(touched) do
    local state = row.state
    if waiting(state) then entry_of(row) end
    local line = line_of(row)
    if row.place == 'new' then
      local block, field = block_of(row.id)
      redis.call('HSET', row.P .. block, field, row.made)
    end
    if state >= FINAL then
      if row.place ~= 'final' then leave(row) end
      write_final(row, line)
    elseif state == DIALED then
      if row.place ~= 'dial' or row.brief then leave(row) end
      redis.call('HSET', row.P .. 'dial', name_of(row), line)
      if row.at.dials == 0 then
        row.at.dials = 1
        mark(row.P, DIAL_MARK, 1)
      end
    else
      if row.place ~= 'wait' then leave(row) end
      write_waiting(row, line, now)
    end
  end
  write_lanes()
end

-- Rows of a home from one on, newest first, at most count: fn(row) until it says stop.
local function newest(at, id, count, fn)
  while id > 0 and count > 0 do
    local row = find_row(at, id)
    if not row or fn(row) then return end
    id, count = row.before, count - 1
  end
end
