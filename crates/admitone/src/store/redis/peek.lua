-- KEYS: grant. ARGV: what the bucket's keys begin with; the subject's mark; the mark of everything; anything, if fenced.
local text = redis.call('GET', KEYS[1])
if not text then return {KEYS[1], 'absent'} end
if ARGV[4] and not is_of_here(text) then return {KEYS[1], 'fenced'} end
local number = tonumber(sub(text, 52, 61)) + 1
return {KEYS[1], 'there', covering(text, ARGV[1], ARGV[2], ARGV[3], false), number, text}
