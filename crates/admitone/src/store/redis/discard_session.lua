-- KEYS: outstanding. ARGV: what the names of grants begin with; the session's handle.
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local grant = ARGV[1] .. id
  local text = redis.call('GET', grant)
  if text and field(text, 139, 27) == ARGV[2] then
    redis.call('ZREM', KEYS[1], id)
    return {KEYS[1], redis.call('DEL', grant)}
  end
end
return {KEYS[1], 0}
