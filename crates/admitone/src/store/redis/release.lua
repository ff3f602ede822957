-- KEYS: any of the bucket. ARGV: nothing; records; places; then session, subject of each.
for at = 4, #ARGV, 2 do
  redis.call('DEL', ARGV[2] .. ARGV[at])
  redis.call('ZREM', ARGV[3] .. ARGV[at + 1], ARGV[at])
end
return KEYS[1]
