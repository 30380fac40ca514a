-- Saving usual turns (``usual.UsualTurns``) by few commands: one of a home in this call, a state, at most one tally and one row,
-- which its commit dials since the home has no other on its way. What is not so after all is UNUSUAL, and nothing was done.

-- Its partition's place, turn and send epoch; version; number, the home's turn before; its field and its row's in their block; the
-- row's brief, but for the row before; what the tally counts. Then the keys of the block, of the contact, of the tally.
local TURN = '>BI4I4I4I8I8c1c2c17Bc0sss'
-- Behind that, of each: the contact's value, the record, what the row was made with.
local FIRST, VALUES = 5, 3
-- HEAD with rows as they are packed.
local LINKS, NO_ROW = '>I4I4I6c7c7I2B', string.rep('\0', ID_SIZE)

local arguments, told, place = ARGV, ARGV[4], 1
local owners, written = owners_of(ASKED), {}  -- names and values, for one MSET

local function is_dialed(own, row)
  if brief_of(own.briefs, row) then return true end
  if own.dials == 0 then return false end
  local dial = prefix_of(own) .. 'dial'
  if redis.call('HEXISTS', dial, string.format('%d', (struct.unpack('>I7', row)))) == 1 then return true end
  if redis.call('EXISTS', dial) == 0 then own.dials, own.changed = 0, true end
  return false
end

-- What is behind it; enter(own, number): nil if it may be saved, since it stands in the inbox; else the answer.
local function save(state, record, made, enter)
  local owner, epoch, send, base, number, guess, field, row_field, brief, counted, block, key, tally
  owner, epoch, send, base, number, guess, field, row_field, brief, counted, block, key, tally, place =
    struct.unpack(TURN, told, place)
  local own = owners[owner]
  if own.turn ~= epoch then return -1 end
  local version, control, last, newest, sole, lanes, ledger = 0, 0, 0, NO_ROW, NO_ROW, 0, 0
  local head = redis.call('GETRANGE', key, '0', LAST_OF_HEAD)
  if #head == HEAD_SIZE then version, control, last, newest, sole, lanes, ledger = struct.unpack(LINKS, head) end
  if version ~= base or last > number then return UNUSUAL end
  if made ~= '' and (own.send ~= send or lanes + ledger > 0 or (sole ~= NO_ROW and is_dialed(own, sole))) then return UNUSUAL end
  local refusal = enter(own, number)
  if refusal then return refusal end
  if guess ~= last then record = struct.pack(LINK, last, 0, '') .. string.sub(record, 8) end
  if tally ~= '' and redis.call('HINCRBY', tally, counted, '1') == 1 then
    local P = prefix_of(own)
    redis.call('SADD', P .. 'polls', string.sub(tally, #P + #'tally:' + 1))
  end
  if made ~= '' then
    redis.call('HSET', block, field, record, row_field, made)
    own.briefs, own.changed = own.briefs .. brief .. newest, true
  else
    redis.call('HSET', block, field, record)
    if lanes + ledger > 0 or newest ~= NO_ROW or sole ~= NO_ROW then
      control = struct.unpack('>I4', state, 5)
      state = struct.pack(LINKS, base + 1, control, number, newest, sole, lanes, ledger) .. string.sub(state, HEAD_SIZE + 1)
    end
  end
  local known = #written
  written[known + 1], written[known + 2] = key, state
  return 0
end

-- A verdict of each.
local function save_all(enter)
  local verdicts = {}
  for value = FIRST, #arguments, VALUES do
    verdicts[#verdicts + 1] = save(arguments[value], arguments[value + 1], arguments[value + 2], enter)
  end
  put_owners(owners, written)
  if #written > 0 then redis.call('MSET', unpack(written)) end
  return verdicts
end
