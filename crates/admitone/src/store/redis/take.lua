-- KEYS: grant, outstanding. ARGV: id; fenced 0/1; narrow marks; wide marks; subject; records; record; its life in s.
local text = redis.call('GETDEL', KEYS[1])
if not text then return {KEYS[1], 'absent'} end
local uses, number = tonumber(field(text, 42, 10)), tonumber(field(text, 52, 10)) + 1
if ARGV[2] == '1' and field(text, 2, 40) ~= replid() then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return {KEYS[1], 'fenced'}
end
local use = uses > 1 and number
local mark = covering(text, ARGV[3], ARGV[4], ARGV[5], use)
-- The second mark, of a multi-use ticket, is that of this use alone.
if (mark == 0 or use and mark == 2) and number < uses then
  local time = redis.call('TIME')
  local left = tonumber(field(text, 62, 13)) - time[1] * 1000 - math.floor(time[2] / 1000)
  if left > 0 then
    local rest = string.sub(text, 1, 51) .. string.format('%010.0f', number) .. string.sub(text, 62)
    redis.call('SET', KEYS[1], rest, 'PX', string.format('%.0f', left))
  end
else
  redis.call('ZREM', KEYS[2], ARGV[1])
end
if mark == 0 then
  local session = field(text, 139, 27)
  if use then session = session .. '.' .. use end
  redis.call('SET', ARGV[6] .. session, ARGV[7], 'EX', ARGV[8])
end
return {KEYS[1], 'taken', mark, number, text}
