-- Which history of writes this server has, and whether a grant is of it.
local function replid()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
end

local function is_of_here(text)
  return string.find(redis.call('INFO', 'replication'), 'master_replid:' .. string.sub(text, 2, 41), 1, true)
end
