-- What providers tell of rows: the rules of rules.py and memory_rows.py.

local FAILED = 5  -- of the codes of DeliveryStatus, which rise as the lattice does; 0 is nothing told
local PARKED = 'p:'

-- Merge one receipt into a row.
local function merge(row, status, reason, provider_id)
  local known, was, state = row.delivery, row.state, row.state
  local delivery = math.max(known, status)
  local failed = delivery == FAILED
  if state == HELD or state == UNKNOWN then
    state = failed and REJECTED or ACCEPTED
  elseif state == REJECTED and known == FAILED and not failed then
    state = ACCEPTED
  end
  if failed and known ~= FAILED then
    if reason ~= '' then row.reason = reason end
  elseif known == FAILED and not failed then
    row.reason = ''
  end
  row.delivery, row.state = delivery, state
  if row.provider_id == '' then row.provider_id = provider_id end
  if was < FINAL and state ~= was then moved(row) else touch(row) end
end

local function parked_key(P, channel, provider_id)
  return P .. PARKED .. channel .. ':' .. provider_id
end

local function park(at, channel, receipt)
  local status, provider_id = receipt[1], receipt[4]
  local key = parked_key(at.P, channel, provider_id)
  local known = redis.call('GET', key)
  if not known or status > cmsgpack.unpack(known)[1] then
    redis.call('SET', key, cmsgpack.pack({status, receipt[5]}), 'PX', PARKED_MS)
    at.parked = tonumber(redis.call('TIME')[1]) + PARKED_MS / 1000
    mark(at.P, PARKED_MARK, at.parked)
  end
end

-- A receipt that came before its row was known to the provider.
local function meet(row, provider_id)
  if row.at.parked == 0 or provider_id == '' then return end
  local known = redis.call('GETDEL', parked_key(row.P, row.channel, provider_id))
  if known then
    local receipt = cmsgpack.unpack(known)
    merge(row, receipt[1], receipt[2], provider_id)
  end
end

-- receipt: status, row it refers to (-1: none, -2: not one of ours), watermark (-1: none), provider id, reason.
local function deliver(at, home, channel, receipt)
  local status, id, watermark, provider_id, reason = receipt[1], receipt[2], receipt[3], receipt[4], receipt[5]
  if id ~= -1 then
    local row = id >= 0 and find_row(at, id)
    if row and row.channel == channel then merge(row, status, reason, provider_id) end
    return
  end
  local found
  newest(at, contact(at, home).row, REACH, function(row)
    if row.channel ~= channel then return false end
    if watermark >= 0 then
      if row.state ~= ACCEPTED or row.dialed_ms > watermark then return false end
      if row.delivery >= status then return true end
      merge(row, status, reason, provider_id)
    elseif row.provider_id == provider_id then
      found = true
      merge(row, status, reason, provider_id)
    end
    return found
  end)
  if watermark < 0 and not found and provider_id ~= '' then park(at, channel, receipt) end
end
