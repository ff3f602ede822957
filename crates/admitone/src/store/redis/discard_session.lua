-- KEYS: outstanding. ARGV: what the names of grants begin with; the session's handle.
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local grant = ARGV[1] .. id
  local text = redis.call('GET', grant)
  if text and string.sub(text, 139, 165) == ARGV[2] then
    redis.call('ZREM', KEYS[1], id)
    return {KEYS[1], redis.call('DEL', grant)}
  end
end
return {KEYS[1], 0}
