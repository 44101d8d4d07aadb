// MySQL and MariaDB: `mysql.database`, `mysql.user`, `mysql.config`, …; the server's flavour is read from the host.
export { type ConfigArgs, config } from './mysql-config.ts'
export { type DatabaseArgs, database } from './mysql-database.ts'
export { type FlavourArgs, flavour } from './mysql-flavour.ts'
export { type GroupMemberArgs, type GroupMemberResult, groupMember } from './mysql-group-member.ts'
export { type ReadOnlyArgs, readOnly } from './mysql-read-only.ts'
export { type ReplicationArgs, type ReplicationResult, replication } from './mysql-replication.ts'
export { type UserArgs, user } from './mysql-user.ts'
export { type VariableArgs, variable } from './mysql-variable.ts'
