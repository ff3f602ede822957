-- KEYS: record. ARGV: when the login happened; the record; its life in s; then the keys of marks.
local marks = {}
for at = 4, #ARGV do marks[at - 3] = ARGV[at] end
for at, until_ in ipairs(redis.call('MGET', unpack(marks))) do
  if until_ and tonumber(ARGV[1]) <= tonumber(until_) then return {KEYS[1], at} end
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return {KEYS[1], 0}
