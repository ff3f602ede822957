-- KEYS: grant. ARGV: fenced 0/1; narrow marks; wide marks; subject.
local text = redis.call('GET', KEYS[1])
if not text then return {KEYS[1], 'absent'} end
if ARGV[1] == '1' and field(text, 2, 40) ~= replid() then return {KEYS[1], 'fenced'} end
local number = tonumber(field(text, 52, 10)) + 1
return {KEYS[1], 'there', covering(text, ARGV[2], ARGV[3], ARGV[4], false), number, text}
