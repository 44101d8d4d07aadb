// The backups of a pair of MySQL servers: see backup-suite.ts.
import anyTest, { type TestFn } from 'ava'
import { backupTests } from './backup-suite.ts'

backupTests(anyTest as TestFn, 'mysql', 'backup')
