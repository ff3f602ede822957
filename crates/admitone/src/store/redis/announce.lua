-- KEYS: stream. ARGV: how long entries are kept in ms; field, value, ….
local time = redis.call('TIME')
local oldest = time[1] * 1000 - tonumber(ARGV[1])
return redis.call('XADD', KEYS[1], 'MINID', '~', string.format('%.0f', oldest), '*', unpack(ARGV, 2))
