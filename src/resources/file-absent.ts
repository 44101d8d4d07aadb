// file.absent: nothing at this path: no file, no link (its target stays), no directory with all that is in it.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'

const schema = {
  /** What shall not be there. A directory goes with everything in it. */
  path: v.pipe(
    absolutePath,
    v.check((path) => !path.split('/').includes('..'), "expected a path without '..'"),
  ),
}

export type AbsentArgs = ArgumentsOf<typeof schema>

/** Directories that no playbook means to delete as a whole. */
const precious = new Set([
  '',
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/home',
  '/lib',
  '/lib64',
  '/opt',
  '/proc',
  '/root',
  '/run',
  '/sbin',
  '/srv',
  '/sys',
  '/tmp',
  '/usr',
  '/usr/bin',
  '/usr/lib',
  '/usr/local',
  '/usr/sbin',
  '/usr/share',
  '/var',
  '/var/lib',
  '/var/lib/dpkg',
  '/var/log',
  '/etc/ssh',
  '/etc/systemd',
  '/etc/apt',
])

/**
 * Removes a file, a link or a directory.
 * @example file.absent({ path: '/etc/nginx/sites-enabled/default', notify: reload })
 */
export const fileAbsent = defineResource<AbsentArgs, AbsentArgs, string>({
  name: 'file.absent',
  schema,
  check: ({ path }) => {
    const plain = path.replace(/\/+/g, '/').replace(/(\/\.)*\/?$/, '')
    return precious.has(plain) ? `option 'path': '${path}' is a directory of the system and is not removed` : undefined
  },
  describe: (args) => args.path,
  probe: (wishes) => sh`for path in ${wishes.map((wish) => wish.path)}; do
  if [ -L "$path" ]; then echo link; elif [ -d "$path" ]; then echo directory; elif [ -e "$path" ]; then echo file; else echo absent; fi
done`,
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((_, index) => {
      const line = lines[index] ?? ''
      if (!['absent', 'link', 'directory', 'file'].includes(line))
        throw new Error(`unexpected line '${line.slice(0, 60)}'`)
      return line
    })
  },
  plan: (kind, { path }, { pretended }) => {
    // a package that check mode did not install may bring it
    if (kind === 'absent')
      return pretended
        ? { unknown: 'is absent now; a change before this one may bring it' }
        : { unchanged: 'is absent' }
    return {
      changes: [
        {
          summary: `${kind} → absent`,
          steps: [{ script: kind === 'directory' ? sh`rm -rf --one-file-system -- ${path}` : sh`rm -f -- ${path}` }],
        },
      ],
    }
  },
})
