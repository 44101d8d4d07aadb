// The program that keeps a server in its group, by its decisions: what it does for what the members say of themselves. A stand-in for the
// client answers for them. The same on real servers is in test/production/group.test.ts.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { renderTemplate } from '../../src/template/render.ts'

const addresses = ['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const
const seeds = addresses.map((address) => `${address}:33061`).join(',')
const template = fileURLToPath(new URL('../../templates/mysql/group.sh.ejs', import.meta.url))

/** The client: a member's answer is in the file of its address; a start is written down; sets are `uuid:1-n`. */
const client = `#!/bin/sh
host=$SELF
for word; do case $word in --host=*) host=\${word#--host=} ;; esac; done
sql=$(cat)
case $sql in
*GTID_SUBSET*) echo "$sql" | sed "s/.*SUBSET('\\([^']*\\)', '\\([^']*\\)').*/\\1 \\2/; s/:1-/ /g" | awk 'NF == 4 { print $1 == $3 && $2 <= $4 } NF == 2 { print substr($0, 1, 1) == " " } NF == 0 { print 1 }' ;;
*START*) echo "$sql" >"$FAKE/started" ;;
*) if ! cat "$FAKE/$host"; then echo "Can't connect to $host" >&2; exit 1; fi ;;
esac
`

interface Answer {
  readonly state: 'ONLINE' | 'RECOVERING' | 'OFFLINE' | 'ERROR'
  readonly majority?: boolean
  readonly known?: string
  readonly replica?: boolean
  readonly loose?: boolean
  readonly sees?: string
  readonly set?: string
}
/** By address; one that is missing does not answer. */
type Answers = readonly (Answer | undefined)[]

/** What the program does on one member: `joins`, `starts` or `waits`, and what it says. */
async function look(answers: Answers, self: string, verb = 'once'): Promise<{ does: string; says: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-group-'))
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/mysql'), client, { mode: 0o755 })
  writeFileSync(join(folder, 'start.sql'), 'START GROUP_REPLICATION;\n')
  answers.forEach((answer, index) => {
    if (!answer) return
    const {
      state,
      majority = state === 'ONLINE',
      known = seeds,
      replica = false,
      loose = false,
      sees = '-',
      set = '-',
    } = answer
    const fields = [state, '-', Number(majority), known, Number(replica), Number(loose), sees, 0, set]
    writeFileSync(join(folder, addresses[index] ?? ''), `${fields.join('\t')}\n`)
  })
  const secrets = { reveal: (value: unknown) => String(value), redact: (text: string) => text }
  const vars = { start: join(folder, 'start.sql'), self, members: [...addresses], seeds, interval: 3, patience: 0 }
  const script = join(folder, 'mysql-group')
  writeFileSync(script, renderTemplate({ file: template, vars, secrets }))
  const env = { PATH: `${folder}/bin:${process.env.PATH}`, FAKE: folder, SELF: self }
  const says = (await promisify(execFile)('sh', [script, verb], { env })).stdout.trim()
  let started = ''
  try {
    started = readFileSync(join(folder, 'started'), 'utf8')
  } catch {
    return { does: 'waits', says }
  }
  return { does: started.includes('bootstrap_group = ON') ? 'starts' : 'joins', says }
}

const a = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const b = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'
const off = (set: string, more: Partial<Answer> = {}): Answer => ({ state: 'OFFLINE', set, ...more })
const on: Answer = { state: 'ONLINE', set: `${a}:1-9` }

const situations: readonly [title: string, answers: Answers, does: string][] = [
  ['three new servers: the first one starts', [off('-'), off('-'), off('-')], 'starts waits waits'],
  ['a new server and a group: it joins', [off('-'), on, on], 'joins waits waits'],
  [
    'a crashed server is back before the group has noticed',
    [off(`${a}:1-9`), { ...on, sees: addresses.join(',') }, on],
    'waits waits waits',
  ],
  [
    'all lost power, all have the same: the first one starts',
    [off(`${a}:1-9`), off(`${a}:1-9`), off(`${a}:1-9`)],
    'starts waits waits',
  ],
  [
    'all lost power: the one with the most data starts',
    [off(`${a}:1-7`), off(`${a}:1-8`), off(`${a}:1-9`)],
    'waits waits starts',
  ],
  [
    'the first one was rebuilt empty while the others were off',
    [off('-'), off(`${a}:1-9`), off(`${a}:1-8`)],
    'waits starts waits',
  ],
  [
    'one does not answer: nobody starts, though two are a majority',
    [off(`${a}:1-9`), off(`${a}:1-9`), undefined],
    'waits waits waits',
  ],
  [
    'all were cut off from each other and gave up',
    [{ state: 'ERROR', set: `${a}:1-9` }, { state: 'ERROR', set: `${a}:1-9` }, off(`${a}:1-8`)],
    'starts waits waits',
  ],
  [
    'data that has grown apart is a person’s business',
    [off(`${a}:1-9`), off(`${b}:1-3`), off('-')],
    'waits waits waits',
  ],
  [
    'a member without a majority is not joined, and no group is started beside it',
    [{ ...on, majority: false }, off(`${a}:1-9`), off(`${a}:1-9`)],
    'waits waits waits',
  ],
  [
    'one is just joining or starting',
    [{ state: 'RECOVERING', set: `${a}:1-9` }, off(`${a}:1-9`), off(`${a}:1-9`)],
    'waits waits waits',
  ],
  [
    'a server with data but no history keeps all from starting',
    [off('-', { loose: true }), off('-'), off('-')],
    'waits waits waits',
  ],
  [
    'a replica keeps all from starting',
    [off(`${a}:1-9`), off(`${a}:1-9`, { replica: true }), off('-')],
    'waits waits waits',
  ],
  ['a replica does not join a group', [off(`${a}:1-9`, { replica: true }), on, on], 'waits waits waits'],
  [
    'members that do not agree on who they are',
    [off('-'), off('-'), off('-', { known: '10.0.0.13:33061,10.0.0.99:33061' })],
    'waits waits waits',
  ],
  [
    'an answer that is no set of transactions counts as none',
    [off("x'); --"), off('-'), off('-')],
    'waits waits waits',
  ],
]

for (const [title, answers, expected] of situations) {
  test(title, async (t) => {
    const looks = await Promise.all(addresses.map((address) => look(answers, address)))
    t.is(looks.map(({ does }) => does).join(' '), expected, looks.map(({ says }) => says).join('\n'))
    t.true(looks.filter(({ does }) => does === 'starts').length <= 1)
  })
}

test('it says what it waits for', async (t) => {
  const says = async (answers: Answers, self: string = addresses[0]) => (await look(answers, self)).says
  t.is(
    await says([off('-'), undefined, undefined]),
    'waits: no answer from 10.0.0.12 10.0.0.13, and a group is not started without all of its members',
  )
  t.is(
    await says([off(`${a}:1-9`), off(`${b}:1-3`), off('-')]),
    'waits for a person: the data of 10.0.0.11 and of 10.0.0.12 have grown apart',
  )
  t.is(await says([undefined, on, on]), 'this server does not answer')
})

test('a person may start the group without a member that is gone, but never beside a living one or against the data', async (t) => {
  const forced = async (answers: Answers, self: string = addresses[0]) => (await look(answers, self, 'force')).does
  t.is(await forced([off(`${a}:1-9`), off(`${a}:1-8`), undefined]), 'starts')
  t.is(await forced([off(`${a}:1-9`), off(`${a}:1-8`), undefined], addresses[1]), 'waits')
  t.is(await forced([off(`${a}:1-9`), undefined, on]), 'joins')
  t.is(await forced([off(`${a}:1-9`), { ...on, majority: false }, undefined]), 'waits')
})
