-- Saving usual turns (``usual.UsualTurns``) by few commands: one of a home in this call, a state, at most one tally and one row,
-- which its commit dials since the home has no other on its way. What is not so after all is UNUSUAL, and nothing was done.

-- Its partition's place, turn and send epoch; version and controller; number, row, the home's turn before, instant; its field and
-- its row's in their block. Then the block, the home, the row's name, the tally.
local TURN = '>BI4I4I4I4I8I8I8I8c1c2ssssss'
local DIALED = 2
local owners, states, told, place = owners_of(ASKED), {}, ARGV[4], 1  -- states: names and values, for one MSET

-- enter(own, number): nil if it may be saved, since it stands in the inbox; else the answer.
local function save(index, enter)
  local owner, epoch, send, base, control, number, row, guess, at_ms, field, row_field, block, home, name, poll, option, outcome
  owner, epoch, send, base, control, number, row, guess, at_ms, field, row_field, block, home, name, poll, option, outcome, place =
    struct.unpack(TURN, told, place)
  local own = owners[owner]
  if own.turn ~= epoch then return -1 end
  local P = own.P
  local key = P .. 'c:' .. home
  local version, _, last, newest, sole, lanes, ledger = 0, 0, 0, 0, 0, 0, 0
  local head = redis.call('GETRANGE', key, '0', LAST_OF_HEAD)
  if #head == HEAD_SIZE then version, _, last, newest, sole, lanes, ledger = struct.unpack(HEAD, head) end
  if version ~= base or last > number then return UNUSUAL end
  if row > 0 and (own.send ~= send or lanes + ledger > 0
    or (sole > 0 and redis.call('HEXISTS', P .. 'dial', string.format('%d', sole)) == 1)) then return UNUSUAL end
  local refusal = enter(own, number)
  if refusal then return refusal end
  local value = 3 * index
  local state, record = ARGV[2 + value], ARGV[3 + value]
  if guess ~= last then record = struct.pack(LINK, last, 0, '') .. string.sub(record, 8) end
  if poll ~= '' and redis.call('HINCRBY', P .. 'tally:' .. poll, option .. '\0' .. outcome, '1') == 1 then
    redis.call('SADD', P .. 'polls', poll)
  end
  if row > 0 then
    redis.call('HSET', P .. block, field, record, row_field, ARGV[4 + value])
    redis.call('HSET', P .. 'dial', name, struct.pack(LINE, DIALED, 1, 0, 0, send, at_ms, newest, 0, 0, '', 0, ''))
  else
    redis.call('HSET', P .. block, field, record)
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
