import { connect } from 'node:net'
import { ProvisionError } from '../core/error.ts'
import { pause, tryCommand } from './command.ts'
import type { LabPlace } from './home.ts'
import { consoleTail, isRunning } from './machine.ts'

/** How long a host may take to boot; on a busy machine with many hosts it is a matter of tens of seconds. */
const bootDeadlineMs = 120_000

/** OpenSSH arguments that open a lab host with the lab's own key and known hosts, and nothing of the user's. */
export function sshArguments(place: LabPlace, user: string, address: string): string[] {
  const options = [
    'BatchMode=yes',
    'ConnectTimeout=5',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${place.knownHosts}`,
    'GlobalKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
  ]
  return ['-F', 'none', '-i', place.identityFile, ...options.flatMap((option) => ['-o', option]), `${user}@${address}`]
}

/** Waits until a host lets its user in over SSH and has finished booting. */
export async function waitForHost(
  place: LabPlace,
  host: { readonly name: string; readonly address: string; readonly user: string },
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + bootDeadlineMs
  let seen = 'no SSH banner on port 22'
  for (;;) {
    if (await hasBanner(host.address)) {
      const state = ['systemctl', 'is-system-running', '--wait']
      const ssh = [...sshArguments(place, host.user, host.address), ...state]
      const answer = await tryCommand('ssh', ssh, { signal, timeoutMs: Math.max(1, deadline - Date.now()) })
      const word = answer.stdout.trim()
      if (word === 'running' || word === 'degraded') return
      seen = word
        ? `systemd says "${word}"`
        : `ssh exited with ${answer.exitCode}: ${answer.stderr.trim() || 'nothing on stderr'}`
    }
    const alive = await isRunning(place, host.name)
    if (!alive || Date.now() > deadline) {
      const how = alive ? `did not finish booting within ${bootDeadlineMs / 1000} seconds` : 'died while booting'
      throw new ProvisionError({
        code: 'lab',
        message: `The lab host ${host.name} ${how} (${seen}).`,
        detail: await consoleTail(place, host.name),
      })
    }
    await pause(40, signal)
  }
}

async function hasBanner(address: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: address, port: 22, timeout: 2000 })
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', (data) => settle(data.toString('latin1').startsWith('SSH-')))
    socket.once('error', () => settle(false))
    socket.once('timeout', () => settle(false))
    socket.once('close', () => settle(false))
  })
}
