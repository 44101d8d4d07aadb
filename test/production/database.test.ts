// A pair of MySQL servers: see replication.ts.
import anyTest, { type TestFn } from 'ava'
import { replicationTests, usePair } from './replication.ts'

const test = anyTest as TestFn
replicationTests(test, usePair(test, 'db', 'mysql'), 't-db')
