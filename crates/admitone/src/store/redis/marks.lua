-- Which mark covers the grant `text`, at its use number `use` if it has several: its number in redis.rs, or 0. Widths as in
-- record.rs. ARGV: what the bucket's keys begin with; the subject's mark; the mark of everything.
local handle, sid, jti, wide = sub(text, 139, 165), sub(text, 95, 116), sub(text, 117, 138), sub(ARGV[3], 1, -2)
local session = ARGV[1] .. 'm:s:' .. handle
-- The session's mark comes first anyway, so it stands in for those that there cannot be.
local of_use = use and session .. '.' .. use or session
sid = sid == '----------------------' and session or wide .. 'i:' .. sid
jti = jti == '----------------------' and session or wide .. 'j:' .. jti
local mark = 0
-- Hardly a grant has any, and one number says so for less than six values cost.
if redis.call('EXISTS', session, sid, jti, ARGV[2], ARGV[3]) > 0 or use and redis.call('EXISTS', of_use) > 0 then
  local issued = tonumber(sub(text, 75, 94))
  for at, until_ in ipairs(redis.call('MGET', session, of_use, sid, jti, ARGV[2], ARGV[3])) do
    if mark == 0 and until_ and issued <= tonumber(until_) then mark = at end
  end
end
