-- The head of a contact's value: what scripts decide by. The state behind it is opaque to them.
-- "sole" is the row that was dialed last while it was the only one of this person on its way; it has no lane unless it gets
-- company, and may be settled since. "lanes" counts those that there are, "ledger" says whether the person ever opted out or in.

local people, NOTHING = {}, string.rep('\0', HEAD_SIZE)

local function contact(at, home)
  local known = at.people[home]
  if known then return known end
  local name = at.P .. 'c:' .. home
  known = {
    name = name, home = home, version = 0, control = 0, turn = 0, row = 0, sole = 0, lanes = 0, ledger = 0, by_channel = {},
  }
  local head = redis.call('GETRANGE', name, '0', LAST_OF_HEAD)
  if #head == HEAD_SIZE then
    known.version, known.control, known.turn, known.row, known.sole, known.lanes, known.ledger = struct.unpack(HEAD, head)
  end
  at.people[home] = known
  people[#people + 1] = known
  return known
end

local function write_contacts()
  for _, one in ipairs(people) do
    if one.state then redis.call('SET', one.name, one.state) end
    if one.changed then
      -- Written over the room that a state leaves in front: cheaper than to put both together here.
      local head = struct.pack(HEAD, one.version, one.control, one.turn, one.row, one.sole, one.lanes, one.ledger)
      if head == NOTHING then
        redis.call('DEL', one.name)  -- only a lane of words was here
      else
        redis.call('SETRANGE', one.name, '0', head)
      end
    end
  end
end
