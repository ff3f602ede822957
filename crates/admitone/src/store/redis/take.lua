-- KEYS: grant, outstanding. ARGV: what the bucket's keys begin with; the subject's mark; the mark of everything; the
-- session's record; its life in s; anything, if fenced.
local text = redis.call('GETDEL', KEYS[1])
if not text then return {KEYS[1], 'absent'} end
local id = sub(KEYS[1], -32)
if ARGV[6] and not is_of_here(text) then
  redis.call('ZREM', KEYS[2], id)
  return {KEYS[1], 'fenced'}
end
local number, use, is_last = 1, false, true
if sub(text, 42, 61) ~= '00000000010000000000' then
  local uses = tonumber(sub(text, 42, 51))
  number = tonumber(sub(text, 52, 61)) + 1
  use, is_last = uses > 1 and number, number >= uses
end
local mark = covering(text, ARGV[1], ARGV[2], ARGV[3], use)
if mark == 0 and not is_last then
  local time = redis.call('TIME')
  local left = tonumber(sub(text, 62, 74)) - time[1] * 1000 - math.floor(time[2] / 1000)
  if left > 0 then
    local rest = sub(text, 1, 51) .. string.format('%010.0f', number) .. sub(text, 62)
    redis.call('SET', KEYS[1], rest, 'PX', string.format('%.0f', left))
  end
else
  redis.call('ZREM', KEYS[2], id)
end
if mark == 0 then
  local session = sub(text, 139, 165)
  if use then session = session .. '.' .. use end
  redis.call('SET', ARGV[1] .. 's:' .. session, ARGV[4], 'EX', ARGV[5])
end
return {KEYS[1], 'taken', mark, number, text}
