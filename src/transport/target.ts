/** Where a connection goes, for messages. */
export interface Target {
  /** The host's name in the inventory. */
  readonly name: string
  readonly address: string
  /** 0 for local. */
  readonly port: number
  readonly user: string
}

/** `web1 (admin@192.0.2.10:22)`. */
export function describeTarget(target: Target): string {
  if (target.port === 0) return `${target.name} (local)`
  const address = target.address.includes(':') ? `[${target.address}]` : target.address
  return `${target.name} (${target.user}@${address}:${target.port})`
}
