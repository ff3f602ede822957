-- Which mark covers a grant: its number in redis.rs, or 0. Widths as in record.rs.
local sub, nothing = string.sub, '----------------------'

local function covering(text, bucket, subject, everything, use)
  local session = bucket .. 'm:s:' .. sub(text, 139, 165)
  local wide, sid, jti = sub(everything, 1, -2), sub(text, 95, 116), sub(text, 117, 138)
  -- The session's mark comes first anyway, so it stands in for what the login has not.
  sid = sid == nothing and session or wide .. 'i:' .. sid
  jti = jti == nothing and session or wide .. 'j:' .. jti
  local of_use = use and session .. '.' .. use or session
  -- Hardly a grant has any: one number says so, for less than six values cost.
  local known = redis.call('EXISTS', session, sid, jti, subject, everything)
  if known == 0 and (not use or redis.call('EXISTS', of_use) == 0) then return 0 end
  local issued = tonumber(sub(text, 75, 94))
  for at, until_ in ipairs(redis.call('MGET', session, of_use, sid, jti, subject, everything)) do
    if until_ and issued <= tonumber(until_) then return at end
  end
  return 0
end
