-- KEYS: grant, outstanding. ARGV: id.
redis.call('ZREM', KEYS[2], ARGV[1])
return {KEYS[1], redis.call('DEL', KEYS[1])}
