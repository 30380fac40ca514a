-- The last number that a partition gave, the last that a prune swept, and the gaps between.
-- Keys: own, lease.
-- Asked: partition.
-- With: own partition gaps

local at = partition(ASKED)
return {at.last, at.swept, gaps_of(at.P)}
