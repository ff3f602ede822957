-- KEYS: document; stream. ARGV: the revision that is there; the document, which begins with its own; how long entries of the
-- stream are kept in ms; field; value.
local known = redis.call('GET', KEYS[1])
local revision = known and string.match(known, '^%d+') or '0'
if revision ~= ARGV[1] then return {KEYS[1], 0} end
redis.call('SET', KEYS[1], ARGV[2])
local time = redis.call('TIME')
local now, life = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[3])
redis.call('XADD', KEYS[2], 'MINID', '~', string.format('%.0f', now - life), '*', ARGV[4], ARGV[5])
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', now + life))
return {KEYS[1], 1}
