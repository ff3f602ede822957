-- KEYS: grant (its id at the end), outstanding. ARGV: three for the marks; the session's record; its life in s; anything, if
-- fenced. Then come the marks, and then taken.lua. Every redemption runs all of it, and a function would be made anew each
-- time: there is none.
local text, sub = redis.call('GETDEL', KEYS[1]), string.sub
if not text then return {KEYS[1], 'absent'} end
if ARGV[6] and not string.find(redis.call('INFO', 'replication'), 'master_replid:' .. sub(text, 2, 41), 1, true) then
  redis.call('ZREM', KEYS[2], sub(KEYS[1], -32))
  return {KEYS[1], 'fenced'}
end
local number, use, is_last = 1, false, true
if sub(text, 42, 61) ~= '00000000010000000000' then
  local uses = tonumber(sub(text, 42, 51))
  number = tonumber(sub(text, 52, 61)) + 1
  use, is_last = uses > 1 and number, number >= uses
end
