-- A home's rows from one on, newest first: row, value; of each. The last one leads on.
-- Keys: h:, wait, dial.
-- Asked: partition, row, how many.
-- With: shapes own partition contacts places briefs rows

local given = {}
newest(partition(ASKED[1]), ASKED[2], ASKED[3], function(row)
  given[#given + 1] = {row.id, value_of(row)}
end)
return given
