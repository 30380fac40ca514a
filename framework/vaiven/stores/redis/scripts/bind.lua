-- Bind an address to a home, unless it has one; give the home it has.
-- Keys: alias:<address>.
-- Asked: home.

return redis.call('SET', KEYS[1], ASKED, 'NX', 'GET') or ASKED
