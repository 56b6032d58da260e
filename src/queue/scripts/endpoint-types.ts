/** `endpointTypes(stats)`: the event types of all endpoints that ever had a queue, in no order. */
export const ENDPOINT_TYPES = `
local function endpointTypes(stats)
  local types, seen = {}, {}
  for _, field in ipairs(redis.call('HKEYS', stats)) do
    local name = string.match(field, '^accepted:(.+)$') or string.match(field, '^replayed:(.+)$')
    if name and not seen[name] then
      types[#types + 1] = name
      seen[name] = true
    end
  end
  return types
end
`;
