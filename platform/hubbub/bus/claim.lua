-- Who hosts a seat: takes seats that nobody living holds, or gives them back.
--
-- KEYS  seats
-- ARGV  lease prefix, holder, 'claim' or 'release', then the seats
-- Returns for each seat '<incarnation> <last number>', or '' where another living
-- holder has it.  A claim raises the incarnation, so the old one is fenced for good.
local seats, prefix, me, deed = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local living = {[me] = true, [''] = false}

local function lives(holder)
  if living[holder] == nil then
    living[holder] = redis.call('EXISTS', prefix .. holder) == 1
  end
  return living[holder]
end

local replies = {}
for i = 4, #ARGV do
  local seat = redis.call('HGET', seats, ARGV[i]) or '0 0 0 '
  local inc, no, seq, holder = string.match(seat, '^(%d+) (%d+) (%d+) (.*)$')
  local reply = ''
  if deed == 'release' then
    if holder == me then
      redis.call('HSET', seats, ARGV[i], inc .. ' ' .. no .. ' ' .. seq .. ' ')
    end
  elseif holder == me or not lives(holder) then
    inc = string.format('%d', inc + 1)
    redis.call('HSET', seats, ARGV[i], inc .. ' ' .. no .. ' ' .. seq .. ' ' .. me)
    reply = inc .. ' ' .. no
  end
  replies[#replies + 1] = reply
end
return replies
