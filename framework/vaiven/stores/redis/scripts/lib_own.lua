-- Who owns a partition, and its marks: one short string, read by every script. An epoch below zero is that of a lease given back.
-- Behind them stand the rows that usual turns dialed, until they are settled (lib_briefs.lua).

local OWN = '>i4i4I6I6I4I6B'
local OWN_SIZE = 31
-- Where each lies, and how: the epochs, the last number swept, the highest ever taken, until when receipts may be parked (s), the
-- last number given, whether there may be rows in "dial".
local TURN_MARK, SEND_MARK, SWEPT_MARK, TAKEN_MARK = {0, '>i4'}, {4, '>i4'}, {8, '>I6'}, {14, '>I6'}
local PARKED_MARK, LAST_MARK, DIAL_MARK = {20, '>I4'}, {24, '>I6'}, {30, 'B'}

local function read_own(value)
  if not value then return 0, 0, 0, 0, 0, 0, 0, '' end
  if #value < OWN_SIZE then value = value .. string.rep('\0', OWN_SIZE - #value) end
  local turn, send, swept, taken, parked, last, dials = struct.unpack(OWN, value)
  return turn, send, swept, taken, parked, last, dials, string.sub(value, OWN_SIZE + 1)
end

local function mark(P, place, value)
  redis.call('SETRANGE', P .. 'own', place[1], struct.pack(place[2], value))
end
