// Seven ways to lock oneself out, one for each host of the lab, by its name. Run by test/lab/lock-out.test.ts.
import { authorizedKey, definePlaybook, play, role, sshd, type Task, ufw } from 'hostwright'

const stranger = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Yd3tqbqnX0l8Y9vGkYh8uC6gkT3m8D1oq0Hq5m8aZ stranger'

/** What no guard sees before it is done: rules for an interface that is not there, settings that sshd finds right. */
export const lockOuts: Readonly<Record<string, () => Task>> = {
  deny: () => ufw.ruleset({ rules: [{ action: 'allow', port: 22, interface: 'eth9' }] }),
  port: () =>
    ufw.ruleset({
      rules: [
        { action: 'allow', port: 2222 },
        { action: 'allow', port: 22, interface: 'eth9' },
      ],
    }),
  moved: () => sshd.config({ options: { Port: 2222 } }),
  keyless: () =>
    sshd.config({
      options: { PermitRootLogin: false, PasswordAuthentication: false, AllowUsers: ['ann'] },
    }),
  keys: () => authorizedKey({ user: 'debian', key: stranger, exclusive: true }),
  loopback: () => sshd.config({ options: { ListenAddress: ['127.0.0.1', '::1'] } }),
  foreign: () => sshd.config({ options: { ListenAddress: ['203.0.113.9'] } }),
}

const lockOut = role('lock-out', { params: {} }, (_params, host) => [lockOuts[host.name]?.()])

export default definePlaybook([play({ hosts: 'all', roles: [lockOut()] })])
