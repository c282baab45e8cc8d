-- SPDX-License-Identifier: Apache-2.0
-- load: adds accounts and counters that are absent, and touches nothing else. A present one is
-- newer than what the caller read: it holds charges that are not settled yet.
--
-- KEYS[1]  the bucket
-- ARGV     1 generation  2 the name g, then n names a:<account> or n:<counter>, then their n values
-- answer   'OK', {'LOST', generation} or {'STALE', generation}

local n = (#ARGV - 2) / 2
local state = redis.call('HMGET', KEYS[1], unpack(ARGV, 2, 2 + n))

local generation = tonumber(state[1] or 0) or 0
if generation ~= tonumber(ARGV[1]) then
    return {generation < tonumber(ARGV[1]) and 'LOST' or 'STALE', generation}
end
local write = {}
for i = 1, n do
    if not state[1 + i] then
        write[#write + 1] = ARGV[2 + i]
        write[#write + 1] = ARGV[2 + n + i]
    end
end
if #write > 0 then
    redis.call('HSET', KEYS[1], unpack(write))
end
return 'OK'
