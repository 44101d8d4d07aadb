// Users. Reads getent(1) and shadow(5); writes with useradd(8), usermod(8), chpasswd(8), userdel(8).
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { ApplyStep, Change, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath, accountName, secretOrString } from '../core/schema.ts'
import { sh } from '../shell/quote.ts'
import { type Account, type Accounts, accountsProbe, parseAccounts } from './accounts.ts'
import { accountFileAreas, areasAbove, groupArea, treeArea, userArea } from './areas.ts'

const line = v.pipe(v.string(), v.regex(/^[^:\n]*$/, 'expected a text without colons and line breaks'))

const schema = {
  /** The login name. */
  name: accountName,
  /** Its number. @default the next free one */
  uid: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Primary group, which must exist: its name or gid. @default a group of the user's own name */
  group: v.optional(v.union([accountName, v.pipe(v.number(), v.integer(), v.minValue(0))])),
  /** Further groups, which must exist. */
  groups: v.optional(v.array(accountName)),
  /** `true`: other groups the user is in stay; `false`: it is in `groups` and no others. @default true */
  append: v.optional(v.boolean()),
  /** The login shell. @default '/bin/bash'; for system users '/usr/sbin/nologin'; an existing user's is left alone */
  shell: v.optional(v.pipe(absolutePath, line)),
  /** The home directory. @default `/home/NAME`; an existing user's is left alone */
  home: v.optional(v.pipe(absolutePath, line)),
  /** Make the home directory if it is missing. @default true, for system users false */
  createHome: v.optional(v.boolean()),
  /** Move the files too when `home` changes. @default false */
  moveHome: v.optional(v.boolean()),
  /** Take the uid from the range for system users; counts only when the user is made. @default false */
  system: v.optional(v.boolean()),
  /** The password's hash as `mkpasswd` or `openssl passwd -6` prints it, not the password. @default left alone; none for a new user */
  passwordHash: v.optional(secretOrString),
  /** Lock the password (keys still work), or unlock it. @default left alone */
  locked: v.optional(v.boolean()),
  /** Full name and the like. @default left alone */
  comment: v.optional(line),
  /** Whether there is such a user. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
  /** With `state: 'absent'`: remove the home directory and the mail too. @default false */
  removeHome: v.optional(v.boolean()),
}

export type UserArgs = ArgumentsOf<typeof schema>

interface UserWish extends Omit<UserArgs, 'passwordHash'> {
  readonly passwordHash?: string | undefined
}

/**
 * Makes a user as wished, or removes one. Groups are added to what the user has, unless `append: false`.
 * @example user({ name: 'deploy', groups: ['www-data'], shell: '/bin/bash' })
 * @example user({ name: 'app', system: true, home: '/var/lib/app', createHome: true })
 */
export const user = defineResource<UserArgs, UserWish, Accounts>({
  name: 'user',
  schema,
  check: (args) => {
    if (args.state === 'absent' && args.name === 'root') return 'the user root cannot be removed'
    if (typeof args.passwordHash === 'string' && !looksHashed(args.passwordHash))
      return "option 'passwordHash': expected a hash such as '$6$…' or '$y$…' (openssl passwd -6), found something else"
    if (args.append === false && !args.groups) return "append: false needs 'groups'"
    return undefined
  },
  describe: (args) => args.name,
  prepare: ({ passwordHash, ...args }, { secrets }) => {
    if (passwordHash === undefined) return args
    const hash = secrets.reveal(passwordHash)
    if (!looksHashed(hash)) throw new TypeError("option 'passwordHash': the secret is no hash such as '$6$…' or '$y$…'")
    return { ...args, passwordHash: hash }
  },
  probe: (wishes) =>
    accountsProbe({
      users: wishes.map((wish) => wish.name),
      groups: wishes.flatMap((wish) => [
        wish.name,
        ...(wish.group === undefined ? [] : [String(wish.group)]),
        ...(wish.groups ?? []),
      ]),
      digests: wishes.filter((wish) => wish.passwordHash !== undefined).map((wish) => wish.name),
    }),
  parse: (stdout, wishes) => {
    const accounts = parseAccounts(stdout)
    return wishes.map(() => accounts)
  },
  plan: (accounts, wish) => {
    const account = accounts.users.get(wish.name)
    if (wish.state === 'absent') return planRemoval(account, wish)
    const missing = [wish.group, ...(wish.groups ?? [])].find(
      (name) => name !== undefined && !groupExists(accounts, name),
    )
    if (missing !== undefined) return { unknown: `there is no group ${missing}, which user ${wish.name} should be in` }
    return account ? planUpdate(account, wish) : planCreation(accounts, wish)
  },
  evidence: (accounts, wish) => accounts.users.get(wish.name)?.digest,
  footprint: (wish, accounts) => {
    const groups = [wish.name, ...(wish.group === undefined ? [] : [wish.group]), ...(wish.groups ?? [])].map(groupArea)
    const home = wish.home ?? `/home/${wish.name}`
    const isNew = accounts && !accounts.users.has(wish.name) && wish.uid === undefined && wish.state !== 'absent'
    return {
      reads: [userArea(wish.name), ...groups, ...accountFileAreas],
      // one that is there may own files anywhere, by its number
      alters: isNew
        ? [userArea(wish.name), groupArea(wish.name), 'accounts', treeArea(home), ...areasAbove(home)]
        : undefined,
    }
  },
})

function planRemoval(account: Account | undefined, wish: UserWish): Plan {
  if (!account) return { unchanged: 'absent' }
  if (!account.local) return { refused: `user ${wish.name} is not in /etc/passwd and cannot be removed from there` }
  const flags = wish.removeHome ? ['-r'] : []
  // userdel complains of a missing mail spool with -r, and succeeds.
  const summary = `uid ${account.uid} → absent${wish.removeHome ? `, with ${account.home}` : ''}`
  return { changes: [{ summary, steps: [{ script: sh`userdel ${flags} ${wish.name}` }] }] }
}

function planCreation(accounts: Accounts, wish: UserWish): Plan {
  const home = createsHome(wish)
  // useradd refuses to make a group that is there already.
  const primary = wish.group ?? (accounts.groups.has(wish.name) ? wish.name : undefined)
  const flags = [
    home ? '-m' : '-M',
    ...(wish.system ? ['-r'] : []),
    ...(wish.uid === undefined ? [] : ['-u', wish.uid]),
    ...(primary === undefined ? ['-U'] : ['-g', primary]),
    ...(wish.groups?.length ? ['-G', wish.groups.join(',')] : []),
    '-s',
    wish.shell ?? (wish.system ? '/usr/sbin/nologin' : '/bin/bash'),
    ...(wish.home === undefined ? [] : ['-d', wish.home]),
    ...(wish.comment === undefined ? [] : ['-c', wish.comment]),
  ]
  const parents = home ? sh`mkdir -p -- ${(wish.home ?? '/home/x').replace(/\/[^/]*\/*$/, '') || '/'}\n` : ''
  const steps: ApplyStep[] = [{ script: `${parents}${sh`useradd ${flags} ${wish.name}`}` }]
  if (wish.passwordHash !== undefined) steps.push(setPassword(wish, wish.locked === true))
  const details = [
    wish.uid === undefined ? undefined : `uid ${wish.uid}`,
    primary === undefined ? undefined : `group ${primary}`,
    wish.groups?.length ? `in ${wish.groups.join(', ')}` : undefined,
    home ? `home ${wish.home ?? `/home/${wish.name}`}` : undefined,
  ].filter((detail) => detail !== undefined)
  return { changes: [{ summary: `absent → present${details.length ? `: ${details.join(', ')}` : ''}`, steps }] }
}

function planUpdate(account: Account, wish: UserWish): Plan {
  const changes: Change[] = []
  const modify = (summary: string, flags: readonly (string | number)[]) =>
    changes.push({ summary, steps: [{ script: sh`usermod ${flags} ${wish.name}` }] })
  if (wish.uid !== undefined && wish.uid !== account.uid) modify(`uid ${account.uid} → ${wish.uid}`, ['-u', wish.uid])
  const primary = typeof wish.group === 'number' ? account.gid : account.group
  if (wish.group !== undefined && wish.group !== primary && String(wish.group) !== String(account.gid))
    modify(`group ${account.group || account.gid} → ${wish.group}`, ['-g', wish.group])
  const groups = planGroups(account, wish)
  if (groups) modify(groups.summary, groups.flags)
  if (wish.shell !== undefined && wish.shell !== account.shell)
    modify(`shell ${account.shell || 'unset'} → ${wish.shell}`, ['-s', wish.shell])
  if (wish.comment !== undefined && wish.comment !== account.comment)
    modify(`comment '${account.comment}' → '${wish.comment}'`, ['-c', wish.comment])
  const moved = wish.home !== undefined && trimSlash(wish.home) !== trimSlash(account.home) ? wish.home : undefined
  if (moved) modify(`home ${account.home} → ${moved}`, [...(wish.moveHome ? ['-m'] : []), '-d', moved])
  if (createsHome(wish) && (moved ? !wish.moveHome : !account.homeExists))
    changes.push({
      summary: `home directory ${wish.home ?? account.home} absent → present`,
      steps: [{ script: makeHome(wish) }],
    })
  const password = planPassword(account, wish)
  if (password && 'refused' in password) return password
  if (password) changes.push(password)
  const [first, ...rest] = changes
  if (!first) return { unchanged: `uid ${account.uid}` }
  if (!account.local)
    return {
      refused: `user ${wish.name} is not in /etc/passwd and cannot be changed there`,
      detail: changes.map((change) => change.summary).join('\n'),
    }
  return { changes: [first, ...rest] }
}

function planGroups(account: Account, wish: UserWish): { summary: string; flags: readonly string[] } | undefined {
  if (!wish.groups) return undefined
  const primary = wish.group === undefined ? account.group : String(wish.group)
  const extra = account.groups.filter((name) => name !== account.group && name !== primary)
  const wanted = wish.groups.filter((name) => name !== primary)
  const missing = wanted.filter((name) => !account.groups.includes(name))
  const unwanted = wish.append === false ? extra.filter((name) => !wanted.includes(name)) : []
  if (missing.length === 0 && unwanted.length === 0) return undefined
  const parts = [...missing.map((name) => `+${name}`), ...unwanted.map((name) => `-${name}`)]
  const summary = `groups ${parts.join(' ')}`
  return unwanted.length > 0
    ? { summary, flags: ['-G', wanted.join(',')] }
    : { summary, flags: ['-a', '-G', missing.join(',')] }
}

function planPassword(account: Account, wish: UserWish): Change | Extract<Plan, { refused: string }> | undefined {
  const locked = account.password === 'locked' || account.password === 'impossible'
  const lock = wish.locked ?? (account.hashed && account.password === 'locked')
  if (wish.passwordHash !== undefined) {
    const same = createHash('sha256').update(wish.passwordHash).digest('hex') === account.digest
    if (same && lock === locked) return undefined
    const summary = same
      ? lock
        ? 'password → locked'
        : 'password → unlocked'
      : `password ${account.hashed ? 'differs' : 'absent'} → set${lock ? ', locked' : ''}`
    return { summary, steps: [setPassword(wish, lock)] }
  }
  if (wish.locked === undefined || wish.locked === locked) return undefined
  if (wish.locked) return { summary: 'password → locked', steps: [{ script: sh`usermod -L ${wish.name}` }] }
  if (!account.hashed)
    return {
      refused: `user ${wish.name} has no password that could be unlocked`,
      hint: 'Give it one with passwordHash.',
    }
  return { summary: 'password → unlocked', steps: [{ script: sh`usermod -U ${wish.name}` }] }
}

function setPassword(wish: UserWish, locked: boolean): ApplyStep {
  return { script: 'chpasswd -e', input: `${wish.name}:${locked ? '!' : ''}${wish.passwordHash}\n` }
}

// What useradd -m does, for a user that is there: the skeleton's files, owned by the user, with the mode of login.defs(5).
function makeHome(wish: UserWish): string {
  return sh`entry=$(getent passwd -- ${wish.name})
home=$(printf '%s\\n' "$entry" | cut -d : -f 6)
owner=$(printf '%s\\n' "$entry" | cut -d : -f 3,4)
[ ! -d "$home" ] || exit 0
mode=$(sed -n 's/^HOME_MODE[[:space:]]*\\([0-7]*\\).*/\\1/p' /etc/login.defs 2>/dev/null)
mkdir -p -- "$(dirname -- "$home")"
umask 077
mkdir -- "$home"
if [ -d /etc/skel ]; then cp -R /etc/skel/. "$home/"; fi
chown -R -h "$owner" -- "$home"
chmod "\${mode:-0755}" -- "$home"`
}

function createsHome(wish: UserWish): boolean {
  return wish.createHome ?? !wish.system
}

function groupExists(accounts: Accounts, name: string | number): boolean {
  if (accounts.groups.has(String(name))) return true
  return [...accounts.groups.values()].some((entry) => String(entry.gid) === String(name))
}

function looksHashed(text: string): boolean {
  return /^\$[0-9a-z]+\$[^:\n]+$/.test(text)
}

function trimSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path
}
