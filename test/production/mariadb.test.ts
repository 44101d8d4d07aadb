// A pair of MariaDB servers: see replication.ts.
import anyTest, { type TestFn } from 'ava'
import { replicationTests, usePair } from './replication.ts'

const test = anyTest as TestFn
replicationTests(test, usePair(test, 'maria', 'mariadb'), 't-maria')
