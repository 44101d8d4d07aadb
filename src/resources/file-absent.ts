// file.absent: nothing at this path: no file, no link (its target stays), no directory with all that is in it.
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { fileArea, treeArea } from './areas.ts'
import { type PathStatus, parseStatus, plainPath, refuseDenied, statusProbe } from './file-status.ts'

const schema = {
  /** What shall not be there. A directory goes with everything in it, unless something is mounted there. */
  path: v.pipe(
    absolutePath,
    v.check((path) => !path.split('/').includes('..'), "expected a path without '..'"),
  ),
}

export type AbsentArgs = ArgumentsOf<typeof schema>

/** Directories that no playbook means to delete as a whole. */
const precious = [
  ...[
    '/',
    '/bin',
    '/boot',
    '/boot/efi',
    '/dev',
    '/etc',
    '/home',
    '/lib',
    '/lib32',
    '/lib64',
    '/libx32',
    '/media',
    '/mnt',
  ],
  ...['/opt', '/proc', '/root', '/run', '/sbin', '/srv', '/sys', '/tmp', '/usr', '/var'],
  ...[
    '/etc/apt',
    '/etc/default',
    '/etc/network',
    '/etc/pam.d',
    '/etc/ssh',
    '/etc/ssl',
    '/etc/sudoers.d',
    '/etc/systemd',
  ],
  ...['/etc/systemd/system', '/run/systemd', '/usr/bin', '/usr/lib', '/usr/lib64', '/usr/local', '/usr/local/bin'],
  ...['/usr/sbin', '/usr/share', '/var/backups', '/var/cache', '/var/lib', '/var/lib/apt', '/var/lib/dpkg', '/var/log'],
  ...['/var/mail', '/var/run', '/var/spool', '/var/tmp'],
]

/**
 * Removes a file, a link (not its target) or a directory. Directories of the system are refused.
 * @example file.absent({ path: '/etc/nginx/sites-enabled/default', notify: reload })
 */
export const fileAbsent = defineResource<AbsentArgs, AbsentArgs, PathStatus>({
  name: 'file.absent',
  schema,
  check: ({ path }) =>
    precious.includes(plainPath(path))
      ? `option 'path': '${path}' is a directory of the system and is not removed`
      : undefined,
  describe: (args) => args.path,
  prepare: (args) => ({ path: plainPath(args.path) }),
  probe: (wishes) =>
    statusProbe(
      wishes.map((wish) => wish.path),
      wishes.map(() => false),
    ),
  parse: (stdout, wishes) =>
    parseStatus(
      stdout,
      wishes.map((wish) => wish.path),
    ),
  plan: (status, { path }, { pretended }) => {
    if (status.type === 'denied' && !status.link) return refuseDenied(path)
    if (status.type === 'absent' && !status.link) {
      // a package that check mode did not install may bring it
      return pretended
        ? { unknown: 'is absent now; a change before this one may bring it' }
        : { unchanged: 'is absent' }
    }
    const kind = status.link ? 'link' : status.type === 'directory' ? 'directory' : 'file'
    const script = kind === 'directory' ? removeDirectory(path) : sh`rm -f -- ${path}`
    return { changes: [{ summary: `${kind} → absent`, steps: [{ script }] }] }
  },
  footprint: ({ path }) => ({ reads: [fileArea(path)], alters: [treeArea(path)] }),
})

// A link above may lead elsewhere, so the host itself says what the directory is. In mountinfo a space is \040, see proc(5).
function removeDirectory(path: string): string {
  return sh`path=${path}
real=$(cd -P -- "$path" && pwd -P)
for kept in ${precious}; do
  [ "$real" != "$kept" ] || { echo "error: $path is $real, a directory of the system, and is not removed" >&2; exit 1; }
done
while read -r id parent device root point rest; do
  case $point in *\\\\*) point=$(printf %b "$point") ;; esac
  case $point/ in
    "$real"/*) echo "error: $path is not removed, since something is mounted on $point" >&2; exit 1 ;;
  esac
done </proc/self/mountinfo
rm -rf -- "$path"`
}
