// What systemd runs: `systemd.service`, `systemd.unit`.
export { type SystemdServiceArgs, systemdService as service } from './systemd-service.ts'
export { type SystemdUnitArgs, systemdUnit as unit } from './systemd-unit.ts'
