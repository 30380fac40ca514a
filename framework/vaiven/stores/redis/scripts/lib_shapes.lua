-- How values begin: a contact's head, a row's line, the link of a record to its home's turn before.

local HEAD, HEAD_SIZE, LAST_OF_HEAD = '>I4I4I6I7I7I2B', 31, '30'
local LINE = '>BI2I2BI4I6I7I6I2c0I2c0'
local LINK = '>I6Bc0'
