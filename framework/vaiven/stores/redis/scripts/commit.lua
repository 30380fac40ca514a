-- Save all that each turn did, or nothing of it; then claim of its rows what may go.
-- A full server goes on with this.
-- Keys: own, in, takes, c:, o:, ledger, timers, due, tally:, polls, h:, wait, dial, waits, lane, q:, s:, unknown, late, p:,
-- dead, letters. Channel: wake:send.
-- Asked: turns, send epochs by partition, budget by channel, homes refused before.
-- Answer: a verdict a turn (0 saved, -1 lease lost, -2 handled, else 1 + the version that stands), and
-- turn, index, turn, index … of the rows dialed.
-- With: shapes own partition contacts places briefs rows receipts

local turns, sends, budget, refused = ASKED[1], {}, {}, {}
for at = 1, #ASKED[2], 2 do sends[ASKED[2][at]] = ASKED[2][at + 1] end
for at = 1, #ASKED[3], 2 do budget[ASKED[3][at]] = ASKED[3][at + 1] end
for _, home in ipairs(ASKED[4]) do refused[home] = true end

local verdicts, new, last_ms = {}, {}, 0

local function arm(P, home, extras)
  for _, key in ipairs(extras[1]) do
    local name = home .. '\0' .. key
    if redis.call('HDEL', P .. 'timers', name) == 1 then redis.call('ZREM', P .. 'due', name) end
  end
  for _, timer in ipairs(extras[2]) do
    redis.call('HSET', P .. 'timers', timer[1], blob(timer[3]))
    redis.call('ZADD', P .. 'due', timer[2], timer[1])
  end
end

local function note_consent(at, consent)
  local home, sender, out, value = unpack(consent)
  local P = at.P
  local person, key = contact(at, home), P .. 'o:' .. home
  local before = person.ledger == 1 and redis.call('HGET', key, 'last') or ''
  local id = redis.call('XADD', P .. 'ledger', '*', 'e', blob(value), 'before', before)
  redis.call('HSET', key, 'last', id)
  if out then
    redis.call('HSET', key, 's' .. sender, 1)
  else
    redis.call('HDEL', key, 's' .. sender)
  end
  person.ledger, person.changed = 1, true
end

local function bury(P, number, letter)
  redis.call('ZADD', P .. 'dead', letter[1], struct.pack('>I6', number))
  redis.call('HSET', P .. 'letters', number, blob(letter[2]))
end

local function write_record(P, turn, before, number, record)
  local guess, _, rest = struct.unpack(LINK, record)
  if guess ~= before then
    local named = ''
    if before > number then
      -- Out of order: a prune by number breaks this chain here, and mends it by the home that both entries then name.
      local home = turn[4]
      named = home
      local key, field = P .. 'h:' .. math.floor(before / BLOCK), string.char(before % BLOCK)
      local other = redis.call('HGET', key, field)
      if other then
        local earlier, _, from = struct.unpack(LINK, other)
        redis.call('HSET', key, field, struct.pack(LINK, earlier, #home, home) .. string.sub(other, from))
      end
    end
    record = struct.pack(LINK, before, #named, named) .. string.sub(record, rest)
  end
  redis.call('HSET', P .. turn[14], string.char(number % BLOCK), record)
end

-- A home's only row on its way needs no lane.
local function take_place(row, person, at)
  if person.lanes == 0 and not person.company and not has_sole(person, at) then
    person.single = row
  else
    enter_lane(row)
  end
  person.company = true
end

local function add_rows(at, person, turn, index)
  local at_ms = turn[8]
  for each = 1, #turn[10], 2 do
    local name = turn[10][each]
    local id = tonumber(name)
    local row = made_row(at, id, blob(turn[10][each + 1]), 'new')
    row.name = name
    if row.home ~= person.home then
      enter_lane(row)  -- a word to another home: the lane is that one's, and no chain leads to it
    else
      row.before, person.row, person.changed = person.row, id, true
      take_place(row, person, at)
    end
    touch(row)
    if at_ms >= 0 then
      row.turn, row.index, row.at_ms = index - 1, (each - 1) / 2, at_ms
      new[#new + 1] = row
    end
  end
end

local function save(at, person, turn, index)
  local P, number = at.P, turn[3]
  if turn[7] > 0 then
    person.version, person.control, person.state, person.changed = turn[5] + 1, turn[6], blob(turn[7]), true
  end
  last_ms = math.max(last_ms, turn[8])
  local extras = turn[12]
  if extras then
    arm(P, turn[4], extras)
    for _, consent in ipairs(extras[3]) do note_consent(at, consent) end
    if extras[5] then bury(P, number, extras[5]) end
  end
  for each = 1, #turn[11], 2 do
    local poll, field = turn[11][each], turn[11][each + 1]
    if redis.call('HINCRBY', P .. 'tally:' .. poll, field, '1') == 1 then redis.call('SADD', P .. 'polls', poll) end
  end
  if #turn[10] > 0 then add_rows(at, person, turn, index) end
  if extras and extras[4] then deliver(at, turn[4], extras[4][6], extras[4]) end
  if turn[9] > 0 then
    write_record(P, turn, person.turn, number, blob(turn[9]))
    person.turn, person.changed = number, true
  end
end

-- Whether an earlier event of the partition is still to be handled.
local function waits_before(P, number)
  local first = redis.call('XRANGE', P .. 'in', '-', '+', 'COUNT', '1')[1]
  return first and tonumber(string.sub(first[1], 3)) < number
end

local function decide(turn, index)
  local at, home = partition(turn[1]), turn[4]
  if at.turn ~= turn[2] then
    refused[home] = true
    return -1
  end
  local person, id = contact(at, home), turn[13]
  if refused[home] or (turn[7] > 0 and turn[5] ~= person.version) or (turn[15] and waits_before(at.P, turn[3])) then
    refused[home] = true
    if #redis.call('XRANGE', at.P .. 'in', id, id) == 1 then return person.version + 1 end
    stir(at)
    return -2
  end
  if redis.call('XDEL', at.P .. 'in', id) == 0 then
    refused[home] = true
    stir(at)
    return -2
  end
  if at.taken >= turn[3] then redis.call('HDEL', at.P .. 'takes', turn[3]) end
  save(at, person, turn, index)
  return 0
end

local function first(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  if a.since ~= b.since then return a.since < b.since end
  if a.at.number ~= b.at.number then return a.at.number < b.at.number end
  return a.id < b.id
end

-- Claim these turns' own rows as far as claim would. What becomes of one may free another of its lane: then from the start.
local function claim_own()
  local dialed = {}
  if #new > 1 then
    for _, row in ipairs(new) do rank(row) end
    table.sort(new, first)
  end
  local again = true
  while again do
    again = false
    for _, row in ipairs(new) do
      local epoch = sends[row.at.name]
      if row.state == QUEUED and epoch and row.at.send == epoch and (budget[row.channel] or 0) > 0
        and may_go(row, row.at_ms) then
        local state = doom(row, row.at_ms)
        if state then
          row.state = state
          moved(row)
          again = true
          break
        end
        dial(row, epoch, row.at_ms)
        budget[row.channel] = budget[row.channel] - 1
        dialed[#dialed + 1] = row.turn
        dialed[#dialed + 1] = row.index
      end
    end
  end
  return dialed
end

local names = {}
for index, turn in ipairs(turns) do names[index] = turn[1] end
look(names, 1)
for index, turn in ipairs(turns) do verdicts[index] = decide(turn, index) end
local dialed = claim_own()
local woken = {}
for _, row in ipairs(touched) do
  if row.place == 'new' and row.state == QUEUED then freed[row.at.name] = true end
end
write_rows(last_ms)
write_contacts()
for name in pairs(freed) do woken[#woken + 1] = name end
wake('send', woken)
return cmsgpack.pack({verdicts, dialed})
