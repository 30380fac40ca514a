-- The least first of many sorted sources. A source is {more = fn(), key = …}: more gives the next few items, none at its end.

local function heap_of(less)
  local items = {}
  local heap = {}
  function heap.push(item)
    local at = #items + 1
    items[at] = item
    while at > 1 do
      local up = math.floor(at / 2)
      if not less(items[at], items[up]) then break end
      items[at], items[up] = items[up], items[at]
      at = up
    end
  end
  function heap.pop()
    local top, last = items[1], table.remove(items)
    if #items > 0 then
      items[1] = last
      local at, size = 1, #items
      while true do
        local low, left = at, at * 2
        if left <= size and less(items[left], items[low]) then low = left end
        if left + 1 <= size and less(items[left + 1], items[low]) then low = left + 1 end
        if low == at then break end
        items[at], items[low] = items[low], items[at]
        at = low
      end
    end
    return top
  end
  return heap
end

-- Put a source's next few items into the heap; the last of them fetches more when it is popped.
local function refill(heap, source)
  local items = source.more()
  if #items > 0 then
    items[#items].source = source
    for _, item in ipairs(items) do heap.push(item) end
  end
end

local function pop(heap)
  local item = heap.pop()
  if item and item.source then refill(heap, item.source) end
  return item
end
