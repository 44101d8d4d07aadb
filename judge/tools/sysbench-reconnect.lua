-- A test of sysbench's own, named by SYSBENCH_TEST, in which a lost connection is made anew. sysbench can do that itself (its option
-- mysql-ignore-errors), but crashes at it with the client library that Debian builds it with.
dofile("/usr/share/sysbench/" .. os.getenv("SYSBENCH_TEST") .. ".lua")

-- 2002, 2003: refused; 2006, 2013: lost; 2026: lost inside TLS
local lost = { [2002] = true, [2003] = true, [2006] = true, [2013] = true, [2026] = true }
local patience = 30 -- seconds

function sysbench.hooks.sql_error_ignorable(failure)
   if not lost[failure.sql_errno] then return false end
   local deadline = os.time() + patience
   pcall(thread_done)
   while not pcall(thread_init) do
      if os.time() > deadline then return false end
   end
   print("connected anew")
   return true
end
