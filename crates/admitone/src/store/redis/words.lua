-- KEYS: nodes. ARGV: what the words' keys begin with; how many at most.
local answer = {KEYS[1]}
local keys = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)
if #keys == 0 then return answer end
for at, node in ipairs(keys) do keys[at] = ARGV[1] .. node end
for _, word in ipairs(redis.call('MGET', unpack(keys))) do
  if word then answer[#answer + 1] = word end
end
return answer
