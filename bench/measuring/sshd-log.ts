/** What sshd says that it has let in. */
export interface Logins {
  readonly logins: number
  /** Commands, shells and sftp; several may share one login. */
  readonly sessions: number
}

/** Counts over the logs of several hosts, as sshd writes them with LogLevel VERBOSE. */
export function countLogins(logs: readonly string[]): Logins {
  const count = (words: string) => logs.reduce((sum, log) => sum + log.split(words).length - 1, 0)
  return { logins: count('Accepted publickey'), sessions: count('Starting session') }
}
