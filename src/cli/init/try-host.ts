// Tries a host while the wizard asks: the host's key first, then login, root, system, disk. Keys that are trusted are
// noted in a file of their own until the project is written, so that Ctrl-C leaves nothing behind.
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asProvisionError, ProvisionError } from '../../core/error.ts'
import type { InventoryHost } from '../../core/host.ts'
import { openSecrets } from '../../secrets/open-secrets.ts'
import { connect, ourSurroundings } from '../../transport/connect.ts'
import { appendKnownHost } from '../../transport/known-hosts.ts'
import { type ScannedKey, scanHostKey } from '../../transport/scan-host-key.ts'
import type { HostAnswer } from '../../wizard/answers.ts'
import type { Io } from '../io.ts'
import type { Ask } from './ask.ts'
import type { Tried } from './host-questions.ts'

/** Megabytes below which a database does not fit. */
const smallDisk = 2048

const look = `. /etc/os-release 2>/dev/null
printf '%s\\n' "\${PRETTY_NAME:-unknown}" "\${ID:-unknown} \${ID_LIKE:-}" "$(id -un)" "$(df -Pm / | awk 'NR == 2 { print $4 }')" "$(command -v systemctl || :)"`

/** Tries hosts; `keep` notes the trusted keys for good, `forget` drops them. */
export function makeTryHost(io: Io, ask: Pick<Ask, 'yes' | 'say'>) {
  const folder = mkdtempSync(join(tmpdir(), 'provision-init-'))
  const noted = join(folder, 'known_hosts')
  const trusted = new Map<string, ScannedKey>()
  const secrets = openSecrets({ file: join(folder, 'none'), env: io.env, generate: 'never' })
  const surroundings = { ...ourSurroundings(), ...(io.env.HOME && { home: io.env.HOME }) }

  const tryHost = async (answer: HostAnswer): Promise<Tried> => {
    const host = entryOf(answer)
    const giveUp = new AbortController()
    const { signal } = giveUp
    const release = io.onSignal(() => giveUp.abort())
    try {
      const scanned = await scanHostKey(host, secrets, surroundings, signal)
      if (scanned?.verdict === 'unknown' && trusted.get(scanned.name)?.key !== scanned.key) {
        ask.say(`  ${answer.name} is not known yet. Its key: ${scanned.type} ${scanned.fingerprint}`)
        ask.say('  Compare it with: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub   (on the host, or in its console)')
        if (!(await ask.yes(`Trust this key of ${answer.name}?`, false)))
          return { ok: false, lines: [`✗ ${answer.name}: its key is not trusted, so nothing was sent to it`] }
        trusted.set(scanned.name, scanned)
        appendFileSync(noted, `${scanned.name} ${scanned.type} ${scanned.key}\n`, { mode: 0o600 })
      }
      const own = scanned !== undefined && trusted.has(scanned.name)
      const tried = own ? { ...host, connection: { ...host.connection, knownHosts: noted } } : host
      const connection = await (io.connect ?? connect)(tried, secrets, { lock: false, signal })
      try {
        const [answered] = await connection.run([{ script: look }])
        return describe(answer.name, answered?.stdout ?? '')
      } finally {
        await connection.close()
      }
    } catch (thrown) {
      if (signal.aborted) throw new ProvisionError({ code: 'interrupted', message: 'interrupted' })
      const error = asProvisionError(thrown)
      if (error.code === 'interrupted' || error.code === 'internal') throw error
      const more = [error.detail, error.hint && `Try: ${error.hint}`].filter(
        (line) => line !== undefined && line !== '',
      )
      return {
        ok: false,
        lines: [`✗ ${error.message}`, ...more.flatMap((text) => (text ?? '').split('\n').map((line) => `  ${line}`))],
      }
    } finally {
      release()
    }
  }
  return {
    tryHost,
    keep: () => {
      for (const { file, name, type, key } of trusted.values()) appendKnownHost(file, name, type, key)
      return [...new Set([...trusted.values()].map(({ file }) => file))]
    },
    forget: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function entryOf({ name, address = name, ...settings }: HostAnswer): InventoryHost {
  return {
    name,
    groups: ['all'],
    vars: {},
    where: { get: () => undefined },
    connection: { address, ...settings, connectAttempts: 1 },
  }
}

function describe(name: string, answer: string): Tried {
  const [system = 'unknown', kind = '', user = '', free = '', systemctl = ''] = answer.split('\n')
  const problems = [
    ...(/\b(debian|ubuntu)\b/.test(kind)
      ? []
      : [`! ${name}: the shipped roles are made for Debian and Ubuntu, found ${system}`]),
    ...(user === 'root' ? [] : [`! ${name}: we are ${user} and not root; the roles need root`]),
    ...(systemctl === '' ? [`! ${name}: systemd is not there; the roles need it`] : []),
    ...(Number(free) < smallDisk
      ? [
          `! ${name}: only ${free} MB are free on /; expected at least ${smallDisk}. Make room: apt-get clean, or a larger disk`,
        ]
      : []),
  ]
  const gigabytes = (Number(free) / 1024).toFixed(1)
  return {
    ok: problems.length === 0,
    lines: [`✔ ${name}: ${system}, ${user} works, ${gigabytes} GB free`, ...problems],
  }
}
