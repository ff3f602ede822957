-- KEYS: grant, outstanding. ARGV: before the fence; after the fence up to the end in ms; after that; fenced 0/1;
-- life in ms; id; cap.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = now + tonumber(ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then return {KEYS[1], 'cap'} end
local fence = ARGV[4] == '1' and replid() or string.rep('-', 40)
if #fence ~= 40 then return redis.error_reply('NOFENCE the server has no master_replid') end
local text = ARGV[1] .. fence .. ARGV[2] .. string.format('%013.0f', ends) .. ARGV[3]
redis.call('SET', KEYS[1], text, 'PX', ARGV[5])
redis.call('ZADD', KEYS[2], string.format('%.0f', ends), ARGV[6])
local last = redis.call('PEXPIRETIME', KEYS[2])
if last < ends then redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', ends)) end
return {KEYS[1], 'put'}
