export { type ServerArgs, server } from './haproxy-server.ts'
