-- KEYS: stream. ARGV: how long entries are kept in ms; field; value.
local time = redis.call('TIME')
local now, life = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1])
local id = redis.call('XADD', KEYS[1], 'MINID', '~', string.format('%.0f', now - life), '*', ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', now + life))
return id
