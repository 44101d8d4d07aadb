// The ssh daemon: `sshd.config`.
export { type SshdConfigArgs, sshdConfig as config } from './sshd-config.ts'
export type { SshdOptions } from './sshd-options.ts'
