-- The last number that a partition gave, the last that a prune swept, and the gaps between.
-- Keys: own, in, lease.
-- Asked: partition.
-- With: own partition numbers gaps

local at = partition(ASKED)
return {last_number(at.P), at.swept, gaps_of(at.P)}
