// `hostwright/roles`: the shipped roles, published and typed. Copy a file of this folder into a project to change it.
export { type AppParams, app } from './app.ts'
export { type BaseParams, base } from './base.ts'
export { type FirewallParams, firewall } from './firewall.ts'
export { type HaproxyParams, haproxy } from './haproxy.ts'
export { type LetsencryptParams, letsencrypt } from './letsencrypt.ts'
export { databaseHosts, type MysqlParams, mysql, mysqlReplica } from './mysql.ts'
export { type NginxParams, nginx } from './nginx.ts'
export { type Rolling, rolling } from './rolling.ts'
