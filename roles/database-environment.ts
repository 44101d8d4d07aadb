// Where an app finds its databases, as environment variables: see examples/app/server.js for how they are read.
import type { Host } from 'hostwright'
import { databaseEndpoint } from './database-endpoint.ts'
import { databaseHosts } from './mysql-parameters.ts'

/**
 * Writes go to the primary, reads to the replicas (to the primary while there is none): through the load balancers, which know who is
 * what; without them to the servers that the inventory names.
 * @example app({ source, env: { ...databaseEnvironment(host), DB_NAME: 'shop', DB_PASSWORD: secret('db.shop') } })
 */
export function databaseEnvironment(host: Host): Record<string, string | number> {
  const endpoint = databaseEndpoint(host)
  if (endpoint) {
    const { name, writePort, readPort } = endpoint
    return { DB_WRITE_HOST: name, DB_WRITE_PORT: writePort, DB_READ_HOSTS: name, DB_READ_PORT: readPort }
  }
  const { primary, replicas } = databaseHosts(host)
  return { DB_WRITE_HOST: primary, DB_READ_HOSTS: (replicas.length > 0 ? replicas : [primary]).join(',') }
}
