// Keys that may log in as a user: ~/.ssh/authorized_keys, sshd(8), with the modes that StrictModes of sshd_config(5) wants.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import * as v from 'valibot'
import type { Change, Plan } from '../core/resource.ts'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, accountName } from '../core/schema.ts'
import { raw, sh } from '../shell/quote.ts'
import { type KeyLine, parseKeyLine, sameKey, sameOptions } from './authorized-keys-file.ts'
import { armRevert, confirmation, guardedStep, pendingProbe, type Revert } from './revert.ts'

const key = v.pipe(
  v.string(),
  v.check(
    (text) => !text.trim().includes('\n') && parseKeyLine(text)?.options === '',
    "expected a public key in one line such as 'ssh-ed25519 AAAA… name' (options go into 'options')",
  ),
)

const schema = {
  /** Who may log in with the key. */
  user: accountName,
  /** The public key, or several. */
  key: v.union([key, v.pipe(v.array(key), v.minLength(1, 'expected at least one key'))]),
  /** Remove all other keys of the user. @default false */
  exclusive: v.optional(v.boolean()),
  /** Restrictions as in the file: `'from="192.0.2.0/24",no-pty'`. @default an existing key's are left alone, a new one gets none */
  options: v.optional(v.pipe(v.string(), v.regex(/^[^\n#][^\n]*$/, 'expected options in one line'))),
  /** Whether the key may log in. @default 'present' */
  state: v.optional(v.picklist(['present', 'absent'])),
  /** With `state: 'absent'`: also if no key remains. @default false: the task refuses to lock the user out */
  allowNone: v.optional(v.boolean()),
  /** Seconds after which the host itself undoes a change that no new connection confirmed. @default 60 */
  revertAfter: v.optional(v.pipe(v.number(), v.integer(), v.minValue(15), v.maxValue(3600))),
}

export type AuthorizedKeyArgs = ArgumentsOf<typeof schema>

interface AuthorizedKeyWish extends AuthorizedKeyArgs {
  /** The key that this connection logs in with, if it is known and the user is the one it logs in as. */
  readonly ownKey: string | undefined
  /** This connection logs in as the user, or may: then taking keys away could cut us off. */
  readonly own: boolean
}

/** A directory or file: absent, or its mode and owner. */
type Entry = { readonly mode: number; readonly owner: string; readonly what: string } | undefined

interface KeyState {
  /** Undefined: there is no such user. */
  readonly user: { readonly home: string; readonly owner: string } | undefined
  readonly home: Entry
  readonly folder: Entry
  readonly file: Entry
  readonly content: string
  /** A change of these keys waits to be confirmed. */
  readonly pending: boolean
}

/**
 * Lets keys log in as a user, or no longer. Keys are compared by type and body: comments and the order of options do not count.
 * It refuses to remove the last key of a user, and the key that this run is connected with. Keys of the login that this run uses are
 * taken away only if a new connection succeeds after it; otherwise the host itself puts the previous state back.
 * @example authorizedKey({ user: 'deploy', key: ['ssh-ed25519 AAAA… ann', 'ssh-ed25519 AAAA… bob'], exclusive: true })
 */
export const authorizedKey = defineResource<AuthorizedKeyArgs, AuthorizedKeyWish, KeyState>({
  name: 'authorizedKey',
  schema,
  check: (args) => {
    if (args.state === 'absent' && args.exclusive) return "exclusive does not go with state: 'absent'"
    if (args.state === 'absent' && args.options !== undefined) return "options do not go with state: 'absent'"
    return undefined
  },
  describe: (args) => args.user,
  prepare: (args, { host }) => {
    const { user = args.user, identityFile, connection } = host.connection // who logs in may be ~/.ssh/config's business
    const own = user === args.user && connection !== 'local'
    return { ...args, own, ownKey: own && identityFile ? readPublicKey(identityFile) : undefined }
  },
  probe: (wishes) => {
    const users = [...new Set(wishes.map((wish) => wish.user))]
    const pending = users.map((name) => pendingProbe(revertName(name), `pending\t${name}`))
    return sh`for name in ${users}; do
  entry=$(getent passwd -- "$name") || entry=
  if [ -z "$entry" ]; then
    printf 'user\\t%s\\n' "$name"
    continue
  fi
  home=$(printf '%s\\n' "$entry" | cut -d : -f 6)
  printf 'user\\t%s\\t%s\\t%s\\n' "$name" "$home" "$(printf '%s\\n' "$entry" | cut -d : -f 3,4)"
  if [ -e "$home" ]; then stat -L -c 'entry	%a	%u:%g	%F' -- "$home"; else echo entry; fi
  for path in "$home/.ssh" "$home/.ssh/authorized_keys"; do
    if [ -e "$path" ] || [ -L "$path" ]; then stat -c 'entry	%a	%u:%g	%F' -- "$path"; else echo entry; fi
  done
  content=
  if [ -f "$home/.ssh/authorized_keys" ]; then content=$(base64 <"$home/.ssh/authorized_keys" | tr -d '\\n'); fi
  printf 'content\\t%s\\n' "$content"
done
${raw(pending.join('\n'))}`
  },
  parse,
  plan,
})

function parse(stdout: string, wishes: readonly AuthorizedKeyWish[]): readonly KeyState[] {
  const states = new Map<string, KeyState>()
  const lines = stdout.split('\n').map((line) => line.split('\t'))
  const pending = new Set(lines.flatMap(([kind, name = '']) => (kind === 'pending' ? [name] : [])))
  for (const [index, [kind, name = '', home, owner]] of lines.entries()) {
    if (kind !== 'user') continue
    if (home === undefined || owner === undefined) {
      const nothing = { user: undefined, home: undefined, folder: undefined, file: undefined }
      states.set(name, { ...nothing, content: '', pending: pending.has(name) })
      continue
    }
    const [first, second, third, content] = lines.slice(index + 1, index + 5)
    if (content?.[0] !== 'content') throw new TypeError(`the keys of ${name} could not be read`)
    states.set(name, {
      user: { home, owner },
      home: entryOf(first),
      folder: entryOf(second),
      file: entryOf(third),
      content: Buffer.from(content[1] ?? '', 'base64').toString('utf8'),
      pending: pending.has(name),
    })
  }
  return wishes.map((wish) => {
    const state = states.get(wish.user)
    if (!state) throw new TypeError(`the probe said nothing of the keys of ${wish.user}`)
    return state
  })
}

function entryOf(line: readonly string[] | undefined): Entry {
  const [kind, mode, owner = '', what = ''] = line ?? []
  if (kind !== 'entry') throw new TypeError(`expected a line of stat, found '${line?.join(' ') ?? ''}'`)
  return mode === undefined ? undefined : { mode: Number.parseInt(mode, 8), owner, what }
}

function plan(state: KeyState, wish: AuthorizedKeyWish): Plan {
  const { user } = state
  const absent = wish.state === 'absent'
  if (!user) return absent ? { unchanged: 'there is no such user' } : { unknown: `there is no user ${wish.user}` }
  const folder = `${user.home}/.ssh`
  const path = `${folder}/authorized_keys`
  const odd = oddEntry(state, user.home)
  if (odd) return { refused: `${odd}, so the keys of ${wish.user} are not written there` }
  if (!state.home && !absent) return { unknown: `${wish.user} has no home directory ${user.home}` }
  const edited = editKeys(state.content, wish)
  if ('refused' in edited) return edited
  const changes: Change[] = []
  if (edited.summaries.length > 0) {
    const [first = '', ...rest] = edited.summaries
    const diff = { label: path, before: state.content, after: edited.content }
    changes.push({ summary: first, diff, steps: [write(path, folder, user.owner, edited.content)] })
    changes.push(...rest.map((summary) => ({ summary, steps: [] })))
  }
  if (!absent) changes.push(...planModes(state, path, folder, user, edited.summaries.length > 0))
  const [first, ...rest] = changes
  const revert = revertOf(path, wish)
  if (first && !state.pending && !(wish.own && edited.takesAway)) return { changes: [first, ...rest] }
  if (first) {
    const steps = [armRevert(revert), ...first.steps.map((step) => guardedStep(revert, step))]
    return { changes: [{ ...first, steps }, ...rest], confirm: confirmation(revert) }
  }
  if (!state.pending) return { unchanged: absent ? 'absent' : 'as wished' }
  return {
    changes: [{ summary: 'the last change was not confirmed → confirmed', steps: [] }],
    confirm: confirmation(revert),
  }
}

function revertName(user: string): string {
  return `keys-${user}`
}

function revertOf(path: string, wish: AuthorizedKeyWish): Revert {
  return {
    name: revertName(wish.user),
    what: `the new keys of ${wish.user}`,
    files: [path],
    reload: ':',
    seconds: wish.revertAfter ?? 60,
  }
}

/** sshd ignores the file if others than the user could have written it. */
function planModes(
  state: KeyState,
  path: string,
  folder: string,
  user: { readonly home: string; readonly owner: string },
  written: boolean,
): readonly Change[] {
  const changes: Change[] = []
  const mend = (entry: Entry, at: string, mode: number) => {
    if (!entry || (entry.mode === mode && entry.owner === user.owner)) return
    const now = `${octal(entry.mode)} ${entry.owner}`
    const script = sh`chown -h ${user.owner} -- ${at}\nchmod ${octal(mode)} -- ${at}`
    changes.push({ summary: `${at} ${now} → ${octal(mode)} ${user.owner}`, steps: [{ script }] })
  }
  if (state.home && (state.home.mode & 0o022) !== 0) {
    const script = sh`chmod go-w -- ${user.home}`
    const mode = state.home.mode & ~0o022
    changes.push({ summary: `${user.home} ${octal(state.home.mode)} → ${octal(mode)}`, steps: [{ script }] })
  }
  mend(state.folder, folder, 0o700)
  if (!written) mend(state.file, path, 0o600)
  return changes
}

function editKeys(
  content: string,
  wish: AuthorizedKeyWish,
): { content: string; summaries: readonly string[]; takesAway: boolean } | Extract<Plan, { refused: string }> {
  const wished = (typeof wish.key === 'string' ? [wish.key] : wish.key).flatMap((text) => parseKeyLine(text) ?? [])
  const summaries: string[] = []
  const lines: string[] = []
  const done: KeyLine[] = []
  let restricted = false
  const removed: KeyLine[] = []
  for (const line of content === '' ? [] : content.replace(/\n$/, '').split('\n')) {
    const present = parseKeyLine(line)
    const match = present && wished.find((one) => sameKey(one, present))
    if (!present || (!match && !wish.exclusive)) {
      lines.push(line)
      continue
    }
    // A second line with the same key counts as another, because sshd takes the first.
    if (!match || wish.state === 'absent' || done.some((one) => sameKey(one, match))) {
      removed.push(present)
      summaries.push(`${shortKey(present)} present → absent`)
      continue
    }
    done.push(match)
    if (wish.options === undefined || sameOptions(wish.options, present.options)) lines.push(line)
    else {
      summaries.push(`${shortKey(present)} options ${present.options || 'none'} → ${wish.options}`)
      restricted = true
      lines.push(`${wish.options} ${match.text}`)
    }
  }
  if (wish.state !== 'absent') {
    for (const key of wished) {
      if (done.some((one) => sameKey(one, key))) continue
      done.push(key)
      summaries.push(`${shortKey(key)} absent → present`)
      lines.push(wish.options === undefined ? key.text : `${wish.options} ${key.text}`)
    }
  }
  const remaining = lines.flatMap((line) => parseKeyLine(line) ?? [])
  const own = wish.ownKey === undefined ? undefined : parseKeyLine(wish.ownKey)
  if (own && removed.some((one) => sameKey(one, own)) && !remaining.some((one) => sameKey(one, own)))
    return {
      refused: `this would remove ${shortKey(own)} of ${wish.user}, the key that this run is connected with`,
      hint: 'Add it to key.',
    }
  if (removed.length > 0 && remaining.length === 0 && !wish.allowNone)
    return { refused: `no key of ${wish.user} would remain`, hint: 'If that is meant: allowNone: true.' }
  const takesAway = restricted || removed.length > 0
  return { content: lines.length === 0 ? '' : `${lines.join('\n')}\n`, summaries, takesAway }
}

// Root writes into a directory of the user's here: a link in it could lead anywhere.
function write(path: string, folder: string, owner: string, content: string): Change['steps'][number] {
  const script = sh`folder=${folder} path=${path} owner=${owner}
umask 077
if [ -L "$folder" ] || [ -L "$path" ]; then echo 'error: a link is in the way' >&2; exit 1; fi
if [ ! -d "$folder" ]; then
  mkdir -- "$folder"
  chown -h "$owner" -- "$folder"
fi
new=$(mktemp -- "$folder/.authorized_keys.XXXXXX")
trap 'rm -f -- "$new"' EXIT
cat >"$new"
chown "$owner" -- "$new"
chmod 0600 -- "$new"
sync -- "$new" 2>/dev/null || sync
mv -fT -- "$new" "$path"`
  return { script, input: content }
}

function oddEntry(state: KeyState, home: string): string | undefined {
  if (state.home && state.home.what !== 'directory') return `${home} is a ${state.home.what}`
  if (state.folder && state.folder.what !== 'directory') return `${home}/.ssh is a ${state.folder.what}`
  if (state.file && !state.file.what.startsWith('regular'))
    return `${home}/.ssh/authorized_keys is a ${state.file.what}`
  return undefined
}

/** The type, the end of the body and the comment: enough to recognise a key. */
function shortKey(key: KeyLine): string {
  const comment = key.text.slice(key.text.indexOf(key.body) + key.body.length).trim()
  return `${key.type} …${key.body.slice(-8)}${comment ? ` (${comment})` : ''}`
}

function readPublicKey(identityFile: string): string | undefined {
  try {
    return readFileSync(`${resolve(identityFile.replace(/^~(?=\/)/, homedir()))}.pub`, 'utf8')
  } catch {
    return undefined // the public half need not be there; then nothing is known of our own key
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
