// The host's name. Reads /etc/hostname and the kernel's; writes with hostnamectl where systemd answers, see hostnamectl(1), hostname(5).
import * as v from 'valibot'
import type { Change } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import type { ArgumentsOf } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'

const schema = {
  /** The short or full name, letters, digits, hyphens and dots. */
  name: v.pipe(
    v.string(),
    v.regex(
      /^(?=.{1,64}$)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/,
      'expected a host name',
    ),
  ),
}

export type HostnameArgs = ArgumentsOf<typeof schema>

interface HostnameState {
  readonly file: string
  readonly kernel: string
}

/**
 * Sets the host's name, now and for the next boot. It does not touch `/etc/hosts`: see `hosts.entry`.
 * @example hostname({ name: 'web1' })
 */
export const hostname = defineResource<HostnameArgs, HostnameArgs, HostnameState>({
  name: 'hostname',
  schema,
  describe: (args) => args.name,
  probe: () => 'uname -n\nhead -n1 /etc/hostname 2>/dev/null || true',
  parse: (stdout, wishes) => {
    const [kernel = '', file = ''] = stdout.split('\n')
    return wishes.map(() => ({ file: file.trim(), kernel }))
  },
  plan: (state, wish) => {
    const changes: Change[] = []
    if (state.file !== wish.name) {
      changes.push({
        summary: `/etc/hostname ${state.file || 'absent'} → ${wish.name}`,
        steps: [
          {
            script: sh`printf '%s\\n' ${wish.name} >/etc/.hostname.new; chmod 0644 /etc/.hostname.new; mv -f /etc/.hostname.new /etc/hostname`,
          },
        ],
      })
    }
    if (state.kernel !== wish.name) {
      changes.push({
        summary: `running name ${state.kernel} → ${wish.name}`,
        steps: [{ script: sh`hostname -- ${wish.name}` }],
      })
    }
    const [first, ...rest] = changes
    return first ? { changes: [first, ...rest] } : { unchanged: `is ${wish.name}` }
  },
})
