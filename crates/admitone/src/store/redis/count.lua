-- KEYS: a subject's places.
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
return {KEYS[1], redis.call('ZCARD', KEYS[1])}
