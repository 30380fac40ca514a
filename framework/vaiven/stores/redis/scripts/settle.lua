-- Record what became of attempts.
-- A full server goes on with this.
-- Keys: own, in, c:, h:, wait, dial, waits, lane, q:, s:, unknown, late, p:. Channels: wake:turn, wake:send.
-- Asked: partition, epoch, row, attempt, state, provider id, reason, retry instant, event, its partition; of each.
-- Answer: 1 or 0 of each.
-- With: shapes own partition contacts places briefs rows receipts

local answers, woken, freed_in = {}, {}, {}

local function settle(told)
  local at, name = partition(told[1]), told[3]
  if at.send ~= told[2] then return 0 end
  local row = row_in(at, tonumber(name), 'dial', name)
  if not row or row.state ~= DIALED or row.attempt ~= told[4] then
    stir(at)
    return 0
  end
  local state = told[5]
  if row.delivery > 0 then
    state = (row.delivery == FAILED and state ~= ACCEPTED) and REJECTED or ACCEPTED
  end
  row.state, row.retry_ms = state, told[8]
  if state == HELD or state == UNKNOWN then row.unknowns = row.unknowns + 1 end
  if told[6] ~= '' then row.provider_id = told[6] end
  if told[7] ~= '' then
    row.reason = told[7]
  elseif row.delivery == 0 then
    row.reason = ''
  end
  moved(row)
  meet(row, told[6])
  if told[9] > 0 then
    append(partition(told[10]), blob(told[9]))
    woken[#woken + 1] = told[10]
  end
  return 1
end

for each, told in ipairs(ASKED) do answers[each] = settle(told) end
write_rows(0)
write_contacts()
for name in pairs(freed) do freed_in[#freed_in + 1] = name end
wake('turn', woken)
wake('send', freed_in)
return answers
