// Users and groups as the host knows them, all in one go: getent(1), passwd(5), shadow(5), group(5).
import { ProvisionError } from '../core/error.ts'
import { sh } from '../shell/quote.ts'

/** A user. */
export interface Account {
  readonly uid: number
  readonly gid: number
  /** Name of the primary group; empty if the gid has none. */
  readonly group: string
  readonly comment: string
  readonly home: string
  readonly shell: string
  /** In /etc/passwd, where we can change it; else from LDAP and the like. */
  readonly local: boolean
  readonly homeExists: boolean
  /** All groups it is in, the primary one included. */
  readonly groups: readonly string[]
  /** The kind of password: `!` and `!hash` are locked, `*` never had one, empty lets anyone in. */
  readonly password: 'none' | 'locked' | 'impossible' | 'empty' | 'set'
  /** SHA-256 of the password's hash without the lock, so that the hash itself stays on the host; empty if there is none. */
  readonly digest: string
}

export interface GroupEntry {
  readonly gid: number
  /** In /etc/group, where we can change it. */
  readonly local: boolean
}

export interface Accounts {
  readonly users: ReadonlyMap<string, Account>
  readonly groups: ReadonlyMap<string, GroupEntry>
}

/** Asks for users and groups; a group may be a number. */
export function accountsProbe(ask: { users: readonly string[]; groups: readonly string[] }): string {
  const users = [...new Set(ask.users)]
  const groups = [...new Set(ask.groups)]
  return [
    'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"',
    // getent: 2 = one of the names was not found; anything else is no answer.
    ...(groups.length === 0
      ? []
      : [
          sh`found=$(getent group -- ${groups}) || [ $? = 2 ]
printf '%s\\n' "$found" | sed -n 's/^\\(.\\)/group:\\1/p'`,
        ]),
    ...(users.length === 0
      ? []
      : [
          sh`found=$(getent passwd -- ${users}) || [ $? = 2 ]
printf '%s\\n' "$found" | while IFS=: read -r name _ uid gid _ home _; do
  [ -n "$name" ] || continue
  primary=$(getent group "$gid" | cut -d : -f 1) || primary=
  all=$(id -nG -- "$name")
  field=$(getent shadow -- "$name" | cut -d : -f 2) || field=
  digest= kind=none
  case $field in
    '') getent shadow -- "$name" >/dev/null 2>&1 && kind=empty ;;
    '*'*) kind=impossible ;;
    '!'*) kind=locked ;;
    *) kind=set ;;
  esac
  hash=$field
  while [ "$hash" != "\${hash#!}" ]; do hash=\${hash#!}; done
  case $hash in '' | '*'*) ;; *) digest=$(printf %s "$hash" | sha256sum | cut -d ' ' -f 1) ;; esac
  home_there=no
  if [ -d "$home" ]; then home_there=yes; fi
  printf 'more:%s:%s:%s:%s:%s:%s\\n' "$name" "$primary" "$kind" "$digest" "$home_there" "$all"
done
printf '%s\\n' "$found" | sed -n 's/^\\(.\\)/user:\\1/p'`,
        ]),
    ...localNames('group', groups),
    ...localNames('user', users),
  ].join('\n')
}

function localNames(kind: 'user' | 'group', names: readonly string[]): readonly string[] {
  if (names.length === 0) return []
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group'
  return [sh`cut -d : -f 1 ${file} | grep -Fx ${names.flatMap((name) => ['-e', name])} | sed ${`s/^/local-${kind}:/`}`]
}

/** The answer of `accountsProbe`. */
export function parseAccounts(stdout: string): Accounts {
  const lines = stdout.split('\n').filter((line) => line !== '')
  const local = new Set(lines.filter((line) => line.startsWith('local-')))
  const more = new Map<string, readonly string[]>()
  const users = new Map<string, Account>()
  const groups = new Map<string, GroupEntry>()
  for (const line of lines) {
    const [kind, name = '', ...fields] = line.split(':')
    if (kind === 'more') more.set(name, fields)
    else if (kind === 'group')
      groups.set(name, { gid: numberOf(fields[1], line), local: local.has(`local-group:${name}`) })
    else if (kind === 'user') {
      const [, uid, gid, comment = '', home = '', shell = ''] = fields
      const [group = '', password, digest = '', homeExists, all = ''] = more.get(name) ?? []
      users.set(name, {
        uid: numberOf(uid, line),
        gid: numberOf(gid, line),
        group,
        comment,
        home,
        shell,
        local: local.has(`local-user:${name}`),
        homeExists: homeExists === 'yes',
        groups: all.split(' ').filter(Boolean),
        password: passwordKind(password, line),
        digest,
      })
    } else if (!kind?.startsWith('local-')) throw unreadable(line)
  }
  return { users, groups }
}

function passwordKind(text: string | undefined, line: string): Account['password'] {
  if (text === 'none' || text === 'locked' || text === 'impossible' || text === 'empty' || text === 'set') return text
  throw unreadable(line)
}

function numberOf(text: string | undefined, line: string): number {
  if (text === undefined || !/^\d+$/.test(text)) throw unreadable(line)
  return Number(text)
}

function unreadable(line: string): ProvisionError {
  return new ProvisionError({
    code: 'probe',
    message: `the accounts could not be read: expected a line of getent, found '${line.slice(0, 80)}'`,
  })
}
