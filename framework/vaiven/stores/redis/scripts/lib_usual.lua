-- Saving usual turns (``usual.UsualTurns``) by few commands: one of a home in this call, a state, at most one tally and one row,
-- which its commit dials since the home has no other on its way. What is not so after all is UNUSUAL, and nothing was done.

-- Its partition's place, turn and send epoch; version and controller; number, the home's turn before, instant; its field and its
-- row's in their block; the row; what the tally counts. Then the keys of the block, of the contact, of the tally.
local TURN = '>BI4I4I4I4I8I8I8c1c2c7Bc0sss'
local owners, states, told, place = owners_of(ASKED), {}, ARGV[4], 1  -- states: names and values, for one MSET

local function is_dialed(own, row)
  if brief_of(own.briefs, struct.pack('>I7', row)) then return true end
  if own.dials == 0 then return false end
  local dial = own.P .. 'dial'
  if redis.call('HEXISTS', dial, string.format('%d', row)) == 1 then return true end
  if redis.call('EXISTS', dial) == 0 then own.dials, own.changed = 0, true end
  return false
end

-- enter(own, number): nil if it may be saved, since it stands in the inbox; else the answer.
local function save(index, enter)
  local owner, epoch, send, base, control, number, guess, at_ms, field, row_field, row, counted, block, key, tally
  owner, epoch, send, base, control, number, guess, at_ms, field, row_field, row, counted, block, key, tally, place =
    struct.unpack(TURN, told, place)
  local own = owners[owner]
  if own.turn ~= epoch then return -1 end
  local P = own.P
  local version, _, last, newest, sole, lanes, ledger = 0, 0, 0, 0, 0, 0, 0
  local head = redis.call('GETRANGE', key, '0', LAST_OF_HEAD)
  if #head == HEAD_SIZE then version, _, last, newest, sole, lanes, ledger = struct.unpack(HEAD, head) end
  if version ~= base or last > number then return UNUSUAL end
  local value = 3 * index
  local state, record, made = ARGV[2 + value], ARGV[3 + value], ARGV[4 + value]
  if made ~= '' and (own.send ~= send or lanes + ledger > 0 or (sole > 0 and is_dialed(own, sole))) then return UNUSUAL end
  local refusal = enter(own, number)
  if refusal then return refusal end
  if guess ~= last then record = struct.pack(LINK, last, 0, '') .. string.sub(record, 8) end
  if tally ~= '' and redis.call('HINCRBY', tally, counted, '1') == 1 then
    redis.call('SADD', P .. 'polls', string.sub(tally, #P + #'tally:' + 1))
  end
  if made ~= '' then
    redis.call('HSET', block, field, record, row_field, made)
    own.briefs, own.changed = own.briefs .. row .. struct.pack('>I6I7I4', at_ms, newest, send), true
  else
    redis.call('HSET', block, field, record)
    if newest + sole + lanes + ledger > 0 then
      state = struct.pack(HEAD, base + 1, control, number, newest, sole, lanes, ledger) .. string.sub(state, HEAD_SIZE + 1)
    end
  end
  local known = #states
  states[known + 1], states[known + 2] = key, state
  return 0
end

-- A verdict of each.
local function save_all(enter)
  local verdicts, size, index = {}, #told, 0
  while place <= size do
    index = index + 1
    verdicts[index] = save(index, enter)
  end
  put_owners(owners, states)
  if #states > 0 then redis.call('MSET', unpack(states)) end
  return verdicts
end
