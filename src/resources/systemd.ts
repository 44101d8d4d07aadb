// What systemd runs: `systemd.service`, `systemd.unit`.
export { type SystemdServiceArgs, systemdService as service } from './systemd-service.ts'
