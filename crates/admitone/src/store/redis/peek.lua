-- KEYS: grant. ARGV: three for the marks; anything, if fenced. Then come the marks.
local text, sub, use = redis.call('GET', KEYS[1]), string.sub, false
if not text then return {KEYS[1], 'absent'} end
if ARGV[4] and not string.find(redis.call('INFO', 'replication'), 'master_replid:' .. sub(text, 2, 41), 1, true) then
  return {KEYS[1], 'fenced'}
end
local number = tonumber(sub(text, 52, 61)) + 1
