// Names of hosts without DNS: `hosts.entry`.
export { type HostsEntryArgs, hostsEntry as entry } from './hosts-entry.ts'
