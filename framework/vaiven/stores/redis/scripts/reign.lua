-- What precedes the first write over a connection. A server that another one may have served for meanwhile, or that was started
-- again, may have lost its last words: then what is remembered of before counts no more. Every lease goes on under another epoch,
-- which its owner learns when it renews. Lost leases had epochs, and lost events numbers, which must not come again: so the next
-- ones are higher by more than can have been lost.
-- A full server goes on with this.
-- Keys: own, lease, takes.
-- Asked: which run of a server this is; partitions.
-- With: own partition gaps

local EPOCHS, NUMBERS = 65536, 1048576

local function next_up(epoch)
  if epoch == 0 then return 0 end
  return epoch > 0 and epoch + EPOCHS or epoch - EPOCHS
end

-- Numbers go on at the beginning of a block of history. A gap grows as long as nothing has come behind it.
local function skip(at)
  local P, last, gaps = at.P, at.last, gaps_of(at.P)
  local to = math.floor((last + NUMBERS) / BLOCK) * BLOCK - 1
  if #gaps > 0 and gaps[#gaps][2] == last then
    gaps[#gaps][2] = to
  else
    gaps[#gaps + 1] = {last + 1, to}
  end
  mark(P, LAST_MARK, to)
  keep_gaps(P, gaps)
end

for _, name in ipairs(ASKED[2]) do
  local at = partition(name)
  if redis.call('HGET', at.P .. 'lease', 'run') ~= ASKED[1] then
    if at.turn ~= 0 or at.send ~= 0 or at.last > 0 then skip(at) end
    mark(at.P, TURN_MARK, next_up(at.turn))
    mark(at.P, SEND_MARK, next_up(at.send))
    redis.call('DEL', at.P .. 'takes')
    redis.call('HSET', at.P .. 'lease', 'run', ASKED[1])
  end
end
return 0
