-- What a run has spent: reserved before it is spent, settled when it is known.
--
-- KEYS  spent, reserved
-- ARGV  'reserve', 'settle' or 'count', an id, then for each name its amount and limit
-- Returns the first name that would pass its limit, or ''.  Done twice under one id, a
-- deed is done once.
local spent, reserved = KEYS[1], KEYS[2]
local deed, id = ARGV[1], ARGV[2]

local function counted(name)
  return tonumber(redis.call('HGET', spent, name) or '0')
end

if deed == 'count' then
  for i = 3, #ARGV, 3 do
    if counted(ARGV[i]) < tonumber(ARGV[i + 1]) then
      redis.call('HSET', spent, ARGV[i], ARGV[i + 1])
    end
  end
  return ''
end

local known = redis.call('HGET', reserved, id)
if (deed == 'reserve') == (known ~= false) then
  return ''
end

if deed == 'reserve' then
  for i = 3, #ARGV, 3 do
    if counted(ARGV[i]) + tonumber(ARGV[i + 1]) > tonumber(ARGV[i + 2]) then
      return ARGV[i]
    end
  end
else
  for name, amount in string.gmatch(known, '(%a+) (%d+)') do
    redis.call('HINCRBY', spent, name, '-' .. amount)
  end
  redis.call('HDEL', reserved, id)
end

local amounts = {}
for i = 3, #ARGV, 3 do
  redis.call('HINCRBY', spent, ARGV[i], ARGV[i + 1])
  amounts[#amounts + 1] = ARGV[i] .. ' ' .. ARGV[i + 1]
end
if deed == 'reserve' then
  redis.call('HSET', reserved, id, table.concat(amounts, ' '))
end
return ''
