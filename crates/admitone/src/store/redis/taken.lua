-- What is left of a grant that was taken, and the record of its session. The second mark, of a multi-use ticket, is that of
-- this use alone.
if (mark == 0 or use and mark == 2) and not is_last then
  local time = redis.call('TIME')
  local left = tonumber(sub(text, 62, 74)) - time[1] * 1000 - math.floor(time[2] / 1000)
  if left > 0 then
    local rest = sub(text, 1, 51) .. string.format('%010.0f', number) .. sub(text, 62)
    redis.call('SET', KEYS[1], rest, 'PX', string.format('%.0f', left))
  end
else
  redis.call('ZREM', KEYS[2], sub(KEYS[1], -32))
end
if mark == 0 then
  if use then handle = handle .. '.' .. use end
  redis.call('SET', ARGV[1] .. 's:' .. handle, ARGV[4], 'EX', ARGV[5])
end
-- Nearly always: a shorter answer is made and read sooner.
if mark == 0 and not use then return {KEYS[1], text} end
return {KEYS[1], 'taken', mark, number, text}
