-- What a grant's text holds, and the mark that covers it. Widths as in record.rs.
local function field(text, first, width)
  return string.sub(text, first, first + width - 1)
end

local function covering(text, narrow, wide, subject, use)
  local session = narrow .. 's:' .. field(text, 139, 27)
  local marks = redis.call('MGET', session, use and session .. '.' .. use or session,
    wide .. 'i:' .. field(text, 95, 22), wide .. 'j:' .. field(text, 117, 22), narrow .. 'u:' .. subject, wide .. 'e')
  local issued = tonumber(field(text, 75, 20))
  for at, until_ in ipairs(marks) do
    if until_ and issued <= tonumber(until_) then return at end
  end
  return 0
end
