-- Who owns a partition, and its marks: one short string, read by every script. An epoch below zero is that of a lease given back.

local OWN = '>i4i4I6I6I4I6'
local OWN_SIZE = 30
-- Where each lies, and how: the epochs, the last number swept, the highest ever taken, until when receipts may be parked (s), the
-- last number given.
local TURN_MARK, SEND_MARK, SWEPT_MARK, TAKEN_MARK = {0, '>i4'}, {4, '>i4'}, {8, '>I6'}, {14, '>I6'}
local PARKED_MARK, LAST_MARK = {20, '>I4'}, {24, '>I6'}

local function read_own(value)
  if not value then return 0, 0, 0, 0, 0, 0 end
  if #value < OWN_SIZE then value = value .. string.rep('\0', OWN_SIZE - #value) end
  return struct.unpack(OWN, value)
end

local function mark(P, place, value)
  redis.call('SETRANGE', P .. 'own', place[1], struct.pack(place[2], value))
end
