-- KEYS: a subject's places. ARGV: session; how many there are; life in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return {KEYS[1], 'full'} end
local ends = string.format('%.0f', now + tonumber(ARGV[3]))
redis.call('ZADD', KEYS[1], ends, ARGV[1])
redis.call('PEXPIREAT', KEYS[1], ends)
return {KEYS[1], 'claimed'}
