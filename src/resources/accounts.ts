// Users and groups as the host knows them, all in one go: getent(1), passwd(5), shadow(5), group(5).
import { ProvisionError } from '../core/error.ts'
import { raw, sh } from '../shell/quote.ts'

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
  /** There is a hash, locked or not. */
  readonly hashed: boolean
  /** SHA-256 of the password's hash without the lock, so that the hash itself stays on the host; if it was asked for. */
  readonly digest: string | undefined
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

/** What is asked for; a group may be a number. */
interface Question {
  readonly users: readonly string[]
  readonly groups: readonly string[]
  /** Users whose password's digest is wanted. */
  readonly digests?: readonly string[]
}

/** Asks for users and groups, whose number does not matter: a process for each database, not for each name. */
export function accountsProbe(ask: Question): string {
  const users = [...new Set(ask.users)]
  const groups = [...new Set(ask.groups)]
  const digests = [...new Set(ask.digests ?? [])]
  const locals = [...users, ...groups].flatMap((name) => ['-e', `^${name.replaceAll(/[^\w-]/g, '[$&]')}:`])
  // getent: 2 = one of the names was not found; anything else is no answer.
  return sh`export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
gids=
set --
${raw(users.length === 0 ? '' : usersScript(users, digests))}
echo '== group'
getent group -- ${groups} $gids || [ $? = 2 ]
echo '== local'
grep -so ${locals} /etc/passwd /etc/group || [ $? = 1 ]`
}

function usersScript(users: readonly string[], digests: readonly string[]): string {
  return sh`found=$(getent passwd -- ${users}) || [ $? = 2 ]
printf '== passwd\\n%s\\n== home\\n' "$found"
while IFS=: read -r name _ _ gid _ home _; do
  [ -n "$name" ] || continue
  set -- "$@" "$name"
  gids="$gids $gid"
  [ ! -d "$home" ] || echo "$name"
done <<found
$found
found
if [ $# -gt 0 ]; then
  echo '== groups'
  groups -- "$@" || :
  echo '== password'
  getent shadow -- "$@" | while IFS=: read -r name field _; do
    case $field in
      '') kind=empty ;;
      '*'*) kind=impossible ;;
      '!'*) kind=locked ;;
      *) kind=set ;;
    esac
    hash=$field
    while [ "$hash" != "\${hash#!}" ]; do hash=\${hash#!}; done
    digest=-
    case $hash in '' | '*'*) digest= ;; esac
    for asked in ${digests}; do
      [ "$digest$asked" != "-$name" ] || digest=$(printf %s "$hash" | sha256sum | cut -d ' ' -f 1)
    done
    printf '%s:%s:%s\\n' "$name" "$kind" "$digest"
  done
fi`
}

/** The answer of `accountsProbe`. */
export function parseAccounts(stdout: string): Accounts {
  const parts = new Map(
    stdout
      .split(/^== /m)
      .slice(1)
      .map((part) => {
        const [name = '', ...lines] = part.split('\n')
        return [name, lines.filter((line) => line !== '')]
      }),
  )
  if (!parts.has('local')) throw unreadable(stdout.trim()) // printed last, always
  const rows = (name: string) => (parts.get(name) ?? []).map((line) => ({ line, fields: line.split(':') }))
  const local = new Set(parts.get('local'))
  const homes = new Set(parts.get('home'))
  const memberships = new Map(rows('groups').map(({ fields: [name = '', all = ''] }) => [name.trim(), words(all)]))
  const passwords = new Map(rows('password').map(({ fields: [name = '', kind, digest] }) => [name, { kind, digest }]))
  const groups = new Map(
    rows('group').map(({ line, fields: [name = '', , gid] }) => [
      name,
      { gid: numberOf(gid, line), local: local.has(`/etc/group:${name}:`) },
    ]),
  )
  const users = new Map<string, Account>()
  for (const { line, fields } of rows('passwd')) {
    const [name = '', , uid, gid, comment = '', home = '', shell = ''] = fields
    const { kind, digest } = passwords.get(name) ?? { kind: 'none', digest: '' }
    const member = memberships.get(name)
    if (!member) throw unreadable(line)
    users.set(name, {
      uid: numberOf(uid, line),
      gid: numberOf(gid, line),
      group: [...groups].find(([, { gid: number }]) => number === Number(gid))?.[0] ?? '',
      comment,
      home,
      shell,
      local: local.has(`/etc/passwd:${name}:`),
      homeExists: homes.has(name),
      groups: member,
      password: passwordKind(kind, line),
      hashed: digest !== '',
      digest: digest === '-' ? undefined : digest,
    })
  }
  return { users, groups }
}

const words = (text: string) => text.split(' ').filter(Boolean)

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
