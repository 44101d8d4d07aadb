import { spawn } from 'node:child_process'
import { homedir, userInfo } from 'node:os'
import { env } from 'node:process'
import type { Channel, ChannelEnd } from './channel.ts'
import type { Line } from './host-connection.ts'

/** This machine as a host. */
export function localLine(name: string): Line {
  return {
    target: { name, address: 'local', port: 0, user: userInfo().username },
    open: async (command) => localChannel(command),
    close: async () => undefined,
    isRemote: false,
  }
}

/** A command run by /bin/sh on this machine, in a session of its own: Ctrl-C in our terminal is ours to handle. */
export function localChannel(command: string): Channel {
  const child = spawn('/bin/sh', ['-c', command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    // What sshd would give, and nothing of ours: steps must not depend on the terminal that started us.
    env: { HOME: homedir(), USER: userInfo().username, LOGNAME: userInfo().username, PATH: env.PATH },
  })
  let letGo: () => void = () => undefined
  const ended = new Promise<ChannelEnd>((resolve) => {
    letGo = () => resolve({ code: undefined })
    child.once('error', (error) => resolve({ code: undefined, error }))
    child.once('close', (code, signal) => resolve({ code: code ?? (signal ? 128 : undefined) }))
  })
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    destroy: () => {
      child.stdin.destroy()
      child.stdout.destroy()
      child.stderr.destroy()
      // A step that runs goes on to its end; we do not wait for it.
      child.unref()
      letGo()
    },
  }
}
