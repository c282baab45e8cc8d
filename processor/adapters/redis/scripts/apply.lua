-- SPDX-License-Identifier: Apache-2.0
-- apply: charges one batch of one lane to the accounts of one bucket, whole or not at all.
--
-- KEYS[1]  the bucket
-- ARGV     1 generation  2 token  3 committed  4 first offset  5 last offset  6 undo record
--          7 the number n of accounts  8 to 12 the names g, t:<lane>, o:<lane>, f:<lane>,
--          u:<lane>:<slot>; then the names a:<account> of n accounts, each once, and the names
--          n:<counter> of m counters, each once; then n deltas; then what each of the m counters
--          is believed to be; then what it becomes
-- answer   'OK', {'LOST', generation}, {'STALE', generation}, {'FENCED'}, {'REOPEN'}, {'FULL'},
--          {'LOAD', index...}, {'ALLOWANCE', value...} with all m counters as they are, or
--          {'RANGE', index, balance}; indices count from 0, over accounts and then counters
--
-- This is the hot path, and what it costs is calls and values that cross into Lua: hence one HMGET,
-- one HSET, names made by the caller, a total per account instead of an item per record, and an
-- undo record that is stored unread. Every number here is an integer below 2^53 or compared with
-- one, so a double is exact.

local LIMIT = 9e15
local tonumber, format = tonumber, string.format

local n = tonumber(ARGV[7])
local m = (#ARGV - 12 - 2 * n) / 3
local state = redis.call('HMGET', KEYS[1], unpack(ARGV, 8, 12 + n + m))

local generation = tonumber(state[1] or 0) or 0
if generation ~= tonumber(ARGV[1]) then
    return {generation < tonumber(ARGV[1]) and 'LOST' or 'STALE', generation}
end
local token = tonumber(state[2] or -1)
if token ~= tonumber(ARGV[2]) then
    return {token > tonumber(ARGV[2]) and 'FENCED' or 'REOPEN'}
end
if tonumber(ARGV[4]) <= tonumber(state[3]) then
    return {'REOPEN'}
end
local floor = math.max(tonumber(state[4]), tonumber(ARGV[3]))
if state[5] and tonumber(string.match(state[5], '^%d+ (%d+) ')) >= floor then
    return {'FULL'} -- not settled yet: overwritten, it could not be taken back
end

local write = {ARGV[10], ARGV[5], ARGV[11], format('%.0f', floor), ARGV[12], ARGV[6]}
local deltas = 12 + n + m
local absent, beyond
for i = 1, n do
    local value = state[5 + i]
    if not value then
        absent = absent or {'LOAD'}
        absent[#absent + 1] = i - 1
    else
        local balance = tonumber(value)
        if not balance then -- damaged: the bucket is rebuilt from PostgreSQL
            return {'LOST', generation}
        end
        local sum = balance + ARGV[deltas + i]
        if sum > LIMIT or sum < -LIMIT then
            beyond = beyond or {'RANGE', i - 1, balance}
        end
        write[5 + 2 * i] = ARGV[12 + i]
        write[6 + 2 * i] = format('%.0f', sum)
    end
end

local befores, afters = deltas + n, deltas + n + m
local truth, otherwise = {'ALLOWANCE'}, false
for i = 1, m do
    local value = state[5 + n + i]
    if not value then
        absent = absent or {'LOAD'}
        absent[#absent + 1] = n + i - 1
    else
        truth[1 + i] = tonumber(value)
        if not truth[1 + i] then
            return {'LOST', generation}
        end
        otherwise = otherwise or truth[1 + i] ~= tonumber(ARGV[befores + i])
        write[5 + 2 * (n + i)] = ARGV[12 + n + i]
        write[6 + 2 * (n + i)] = ARGV[afters + i]
    end
end
if absent or otherwise or beyond then
    return absent or otherwise and truth or beyond
end
redis.call('HSET', KEYS[1], unpack(write))
return 'OK'
