-- Where a row is: a block of history, and its field there. Under that is, from the first, what it was made with; its line, which
-- moves, stands where the row stands, and once that is final there, too, LINE_MARK behind the field.
local LINE_MARK = 'l'

local function block_of(row)
  local number = math.floor(row / ROWS_A_TURN)
  return 'h:' .. math.floor(number / BLOCK), string.char(number % BLOCK, row % ROWS_A_TURN)
end
