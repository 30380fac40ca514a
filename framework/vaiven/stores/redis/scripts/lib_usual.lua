-- Saving a usual turn by few commands: one of a home in this call, a state, at most one row, which its commit dials since the
-- home has no other on its way. What is not so after all is UNUSUAL, and nothing was done.

local DIALED = 2
local owners, verdicts, states = owners_of(ASKED), {}, {}  -- states: names and values, for one MSET

-- enter(own, P, id, number): nil if it may be saved, since it stands in the inbox; else the answer.
local function save(own, turn, enter)
  local partition, epoch, id, home, base, control, state, number, record, block, field, tallies, row, name, made, at_ms, send =
    unpack(turn)
  if own.turn ~= epoch then return -1 end
  local P = own.P
  local key = P .. 'c:' .. home
  local version, _, last, newest, sole, lanes, ledger = 0, 0, 0, 0, 0, 0, 0
  local head = redis.call('GETRANGE', key, '0', LAST_OF_HEAD)
  if #head == HEAD_SIZE then version, _, last, newest, sole, lanes, ledger = struct.unpack(HEAD, head) end
  if version ~= base or last > number then return UNUSUAL end
  if row > 0 and (own.send ~= send or lanes + ledger > 0
    or (sole > 0 and redis.call('HEXISTS', P .. 'dial', string.format('%d', sole)) == 1)) then return UNUSUAL end
  local refusal = enter(own, P, id, number)
  if refusal then return refusal end
  record = ARGV[3 + record]
  local guess, _, rest = struct.unpack(LINK, record)
  if guess ~= last then record = struct.pack(LINK, last, 0, '') .. string.sub(record, rest) end
  redis.call('HSET', P .. block, field, record)
  for each = 1, #tallies, 2 do
    local poll = tallies[each]
    if redis.call('HINCRBY', P .. 'tally:' .. poll, tallies[each + 1], '1') == 1 then redis.call('SADD', P .. 'polls', poll) end
  end
  if row > 0 then
    redis.call('HSET', P .. 'dial', name,
      struct.pack(LINE, DIALED, 1, 0, 0, send, at_ms, newest, 0, 0, '', 0, '') .. ARGV[3 + made])
    newest, sole = row, row
  end
  state = ARGV[3 + state]
  head = struct.pack(HEAD, base + 1, control, number, newest, sole, lanes, ledger)
  if string.sub(state, 1, HEAD_SIZE) ~= head then state = head .. string.sub(state, HEAD_SIZE + 1) end
  states[#states + 1] = key
  states[#states + 1] = state
  return 0
end
