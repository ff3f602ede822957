-- KEYS: mark. ARGV: until; life in s. A mark only ever covers more, for longer.
local known = tonumber(redis.call('GET', KEYS[1]) or -1)
local life = math.max(tonumber(ARGV[2]), redis.call('TTL', KEYS[1]))
local until_ = tonumber(ARGV[1]) > known and ARGV[1] or string.format('%.0f', known)
redis.call('SET', KEYS[1], until_, 'EX', string.format('%.0f', life))
return KEYS[1]
