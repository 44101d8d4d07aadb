// Two regions with MariaDB servers: see regions-suite.ts.
import anyTest, { type TestFn } from 'ava'
import { regionsTests } from './regions-suite.ts'

regionsTests(anyTest as TestFn, 'mariadb', 'regions-maria')
