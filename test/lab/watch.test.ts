// `provision watch` on real hosts: one connection for all rounds, drift by hand, an edited template, a connection that is lost.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import anyTest, { type TestFn } from 'ava'
import { useLab } from './harness.ts'
import { provision, root, startProvision } from './provision.ts'

const test = anyTest as TestFn
const lab = useLab(test, 'watch', ['web1:bookworm', 'web2:trixie'])
const directory = mkdtempSync(join(root, '.provision-test-'))
test.after.always(() => rmSync(directory, { recursive: true, force: true }))

function write(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(`${path}~`, text)
  renameSync(`${path}~`, path) // as editors do
  return path
}

/** The peers' ports of the ssh connections to a host, the question's own left out. */
async function connections(host: string): Promise<string[]> {
  const script = `ss -Hnt state established '( sport = :22 )' | sed 's/.*://; s/[[:space:]]*$//' | grep -vx "$(echo "$SSH_CONNECTION" | cut -d' ' -f2)"`
  // sudo drops the variable; the oldest process of the question has it
  const own = `SSH_CONNECTION=$(tr '\\0' '\\n' </proc/$PPID/environ | sed -n 's/^SSH_CONNECTION=//p'); p=$PPID; while [ -z "$SSH_CONNECTION" ] && [ "$p" -gt 1 ]; do p=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$p/status); SSH_CONNECTION=$(tr '\\0' '\\n' </proc/$p/environ | sed -n 's/^SSH_CONNECTION=//p'); done`
  const { stdout } = await lab().on(host, `${own}; ${script}`)
  return stdout.split('\n').filter(Boolean)
}

test.serial('a watch holds one connection to each host, and shows what changes', async (t) => {
  t.timeout(180_000)
  const { status } = lab()
  const host = (name: string) =>
    `${name}: { address: '${lab().address(name)}', user: '${status.hosts.find((each) => each.name === name)?.user}' }`
  const inventory = write(
    'hosts.ts',
    `import { defineInventory } from 'hostwright'
export default defineInventory({
  identityFile: ${JSON.stringify(status.identityFile)}, knownHosts: ${JSON.stringify(status.knownHosts)},
  hosts: { ${host('web1')}, ${host('web2')} },
})
`,
  )
  const playbook = write(
    'site.ts',
    `import { definePlaybook, file, play } from 'hostwright'
export default definePlaybook([play({ name: 'Watched', hosts: 'all', tasks: [
  file.template({ src: 'note.ejs', dest: '/etc/watched', vars: {} }),
] })])
`,
  )
  write('note.ejs', 'one\n')
  t.is((await provision([playbook, '--inventory', inventory])).code, 0)

  const { child, done } = startProvision([
    'watch',
    playbook,
    '--inventory',
    inventory,
    '--interval',
    '1s',
    '--output',
    'json',
  ])
  t.teardown(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout?.on('data', (more: string) => {
    text += more
  })
  const rounds = () =>
    text
      .split('{"type":"watch:round"')
      .slice(1)
      .filter((round) => round.includes('"type":"recap"'))
  const until = async (what: string, condition: (round: string) => boolean): Promise<string> => {
    const from = rounds().length
    const deadline = Date.now() + 30_000
    for (;;) {
      const found = rounds().slice(from).find(condition)
      if (found) return found
      if (Date.now() > deadline) throw new Error(`waited in vain: ${what}\n${text.slice(-3000)}`)
      await delay(50)
    }
  }
  const changedOn = (name: string) => (round: string) => round.includes(`"${name}":{"ok":0,"changed":1`)
  const isQuiet = (round: string) =>
    !changedOn('web1')(round) && !changedOn('web2')(round) && !round.includes('"unreachable":true')

  await until('a round without drift', isQuiet)
  const first = await connections('web1')
  t.is(first.length, 1)

  await lab().must('web1', 'echo by hand >>/etc/watched')
  const drift = await until('drift on web1', changedOn('web1'))
  t.false(changedOn('web2')(drift))
  t.regex(drift, /"cause":"interval"/)
  t.is(await lab().must('web1', 'cat /etc/watched'), 'one\nby hand\n')

  // the lock is free between two rounds
  const run = await provision([playbook, '--inventory', inventory])
  t.is(run.code, 0, run.stderr)
  await until('no drift any more', isQuiet)

  write('note.ejs', 'two\n')
  const edited = await until('the new template', (round) => changedOn('web1')(round) && changedOn('web2')(round))
  t.regex(edited, /"cause":"files","files":\["[^"]*note\.ejs"\]/)
  write('note.ejs', 'one\n')
  await until('no drift any more', isQuiet)
  t.deepEqual(await connections('web1'), first)

  await lab().must(
    'web1',
    `ss -Hntp state established '( sport = :22 )' | grep ':${first[0]} ' | grep -o 'pid=[0-9]*' | cut -d= -f2 | xargs kill -9`,
  )
  await until('a round after the connection was lost', isQuiet)
  const second = await connections('web1')
  t.is(second.length, 1)
  t.notDeepEqual(second, first)

  child.kill('SIGINT')
  const { code, stderr } = await done
  t.true(code === 0 || code === 130, stderr) // 130 if a round was running
  t.deepEqual(await connections('web1'), [])
})
