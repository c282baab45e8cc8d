-- SPDX-License-Identifier: Apache-2.0
-- open: hands a lane of the bucket to the holder of a token, and takes back what its predecessors
-- charged at or above `next` and so never settled. Doing it again changes nothing.
--
-- KEYS[1]  the bucket
-- ARGV     1 generation  2 token  3 next  4 lane tag  5 number of undo slots
-- answer   'OK', {'LOST', generation}, {'STALE', generation} or {'FENCED'}
--
-- A record, balance or counter that does not parse, or a sum that would leave +-9e15 while only a
-- part of the lanes is taken back, answers LOST as well: the bucket is then rebuilt from PostgreSQL,
-- which is always right, instead of stopping here for ever.

local LIMIT = 9e15
local CHUNK = 1000 -- names a redis.call: unpack ends near 8,000 values

local lane, position = ARGV[4], tonumber(ARGV[3])
local slots = tonumber(ARGV[5])
local names = {'g', 't:' .. lane, 'f:' .. lane}
for slot = 0, slots - 1 do
    names[4 + slot] = 'u:' .. lane .. ':' .. slot
end
local state = redis.call('HMGET', KEYS[1], unpack(names))

local generation = tonumber(state[1] or 0) or 0
if generation ~= tonumber(ARGV[1]) then
    return {generation < tonumber(ARGV[1]) and 'LOST' or 'STALE', generation}
end
if state[2] and tonumber(state[2]) > tonumber(ARGV[2]) then
    return {'FENCED'}
end
if state[3] and position < tonumber(state[3]) then
    return {'LOST', generation} -- PostgreSQL forgot what it had told us: it lost commits
end

-- Sums up what to give back. Parts below `next` are settled and are skipped.
local fields, back, records = {}, {}, {}
local function read(record)
    local _, at = string.find(record, '^%d+ %d+ ')
    while at and at < #record do
        local _, head, offset, delta, kind, size =
            string.find(record, '^(%d+) (%-?%d+) (n?)(%d+) ', at + 1)
        if not head then
            return false
        end
        at = head + size + 1
        if tonumber(offset) >= position then
            local field = (kind == 'n' and 'n:' or 'a:') .. string.sub(record, head + 1, at - 1)
            local sum = back[field]
            if not sum then
                fields[#fields + 1] = field
                sum = 0
            end
            sum = sum - tonumber(delta)
            if sum > LIMIT or sum < -LIMIT then
                return false
            end
            back[field] = sum
        end
    end
    return at == #record
end
for slot = 0, slots - 1 do
    local record = state[4 + slot]
    if record then
        if not read(record) then
            return {'LOST', generation}
        end
        records[#records + 1] = names[4 + slot]
    end
end

-- An account or counter that is not in the bucket is loaded later, from PostgreSQL and so without these parts.
local writes = {{'t:' .. lane, ARGV[2], 'o:' .. lane, string.format('%.0f', position - 1),
    'f:' .. lane, ARGV[3]}}
for from = 1, #fields, CHUNK do
    local to = math.min(from + CHUNK - 1, #fields)
    local values = redis.call('HMGET', KEYS[1], unpack(fields, from, to))
    local write = {}
    for i = from, to do
        local value = values[i - from + 1]
        if value then
            local sum = tonumber(value) and tonumber(value) + back[fields[i]]
            if not sum or sum > LIMIT or sum < -LIMIT then
                return {'LOST', generation}
            end
            write[#write + 1] = fields[i]
            write[#write + 1] = string.format('%.0f', sum)
        end
    end
    if #write > 0 then
        writes[#writes + 1] = write
    end
end

-- Only the first write can be refused (out of memory, no disk): from here on it is all or nothing.
for _, write in ipairs(writes) do
    redis.call('HSET', KEYS[1], unpack(write))
end
if #records > 0 then
    redis.call('HDEL', KEYS[1], unpack(records))
end
return 'OK'
