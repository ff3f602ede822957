-- KEYS: any of the bucket. ARGV: life in ms; records; places; then session, subject, record of each.
local time = redis.call('TIME')
local ends = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1]))
for at = 4, #ARGV, 3 do
  local places = ARGV[3] .. ARGV[at + 1]
  redis.call('SET', ARGV[2] .. ARGV[at], ARGV[at + 2], 'PX', ARGV[1])
  redis.call('ZADD', places, ends, ARGV[at])
  redis.call('PEXPIREAT', places, ends)
end
return KEYS[1]
