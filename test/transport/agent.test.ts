// The agent itself, on this machine, under each shell that is here: no ssh, no root.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { type Agent, type AgentOptions, openAgent, type StartFailure, startAgent } from '../../src/transport/agent.ts'
import { agentCommand, agentScript } from '../../src/transport/agent-script.ts'
import type { Channel, ChannelEnd } from '../../src/transport/channel.ts'
import type { StepResult } from '../../src/transport/connection.ts'
import { killScript } from '../../src/transport/host-connection.ts'
import { localChannel } from '../../src/transport/local.ts'

const folder = mkdtempSync(join(tmpdir(), 'hostwright-agent-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

interface Shell {
  readonly name: string
  /** Starts the agent, as a login shell would. */
  readonly open: () => Channel
}

/** A folder of busybox's own commands, so that not only the shell but dd, setsid and sleep are busybox's too. */
function busyboxPath(): string | undefined {
  if (spawnSync('busybox', ['true']).status !== 0) return undefined
  const path = join(folder, 'busybox')
  execFileSync('mkdir', [path])
  execFileSync('busybox', ['--install', '-s', path])
  return path
}

function shells(): Shell[] {
  if (process.platform !== 'linux') return []
  const found: Shell[] = [{ name: 'sh', open: () => localChannel(agentCommand('sh')) }]
  if (spawnSync('bash', ['-c', ':']).status === 0) {
    found.push({ name: 'bash', open: () => localChannel(agentCommand('bash')) })
  }
  const path = busyboxPath()
  if (path !== undefined) {
    found.push({ name: 'busybox', open: () => localChannel(`PATH=${path} ${agentCommand('sh')}`) })
  }
  return found
}

class Refusal extends Error {
  readonly failure: StartFailure
  constructor(failure: StartFailure) {
    super(`${failure.kind}: ${failure.text ?? failure.output}`)
    this.failure = failure
  }
}

function options(more: Partial<AgentOptions> = {}, open?: () => Channel): AgentOptions {
  return {
    lock: false,
    lockWait: 0,
    holder: 'someone@somewhere, pid 1, since now',
    startTimeout: 10,
    explainStart: (failure) => new Refusal(failure),
    explainLoss: (end: ChannelEnd) => new Error(`lost: ${end.error?.message ?? end.code}`),
    kill: async (pid) => {
      if (!open) return
      const other = await startAgent(open(), options())
      await other.run([{ script: killScript(pid, undefined) }])
      await other.close()
    },
    ...more,
  }
}

async function started(t: ExecutionContext, shell: Shell, more: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = await startAgent(shell.open(), options(more, shell.open))
  t.teardown(() => agent.close())
  return agent
}

/** Waits for a condition with a deadline that names it. */
async function until(condition: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`still not: ${condition}`)
    await delay(10)
  }
}

/** Every process's arguments and environment, but not our own. */
function everyProcess(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((name) => {
      try {
        return `${readFileSync(`/proc/${name}/cmdline`, 'latin1')}\n`
      } catch {
        return ''
      }
    })
    .join('')
}

function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('the agent is plain ASCII, because its length is given in bytes', (t) => {
  t.regex(agentScript, /^[\n\x20-\x7e]+$/)
})

for (const shell of shells()) {
  const { name } = shell

  test(`${name}: probes share a process, and their answers are as if they did not`, async (t) => {
    const scripts = [
      'echo $$; leak=1; cd /tmp; exec 2>/dev/null; f() { echo hidden; }',
      `echo $$; echo "\${leak-none} $# $PWD" >&2; f 2>/dev/null || printf "no f"`,
      'printf "no newline"; exit 3',
      'false; echo "set -e is off"',
      'echo before; if ( ; then',
      `printf "it's %s" '"$HOME" '"'"; printf "\\nä\\n\\n"; : "$undefined"`,
      'cat; printf last',
    ]
    const agent = await started(t, shell)
    const [apart, shared] = [false, true].map((probe) => scripts.map((script) => ({ script, always: true, probe })))
    const alone = await agent.run(apart ?? [])
    const results = await agent.run([{ script: 'echo first' }, ...(shared ?? []), { script: 'echo skipped' }])
    const pids = results.slice(1, 3).map(({ stdout }) => /^\d+/.exec(stdout)?.[0])
    t.is(pids[0], pids[1], 'one process for both')
    const plain = (result: StepResult | undefined) =>
      result && {
        ...result,
        stdout: result.stdout.replace(/^\d+/, ''),
        stderr: result.stderr.replace(/^\S*sh: .*/gm, 'sh'),
      }
    for (const [index, script] of scripts.entries()) {
      const [seen, expected] = [plain(results[index + 1]), plain(alone[index])]
      t.deepEqual(
        { ...seen, stderr: seen?.stderr !== '' },
        { ...expected, stderr: expected?.stderr !== '' } as never,
        script,
      )
    }
    t.is(results[2]?.stderr, 'none 0 /\n')
    t.true(results.at(-1)?.skipped, 'a probe that failed is a step that failed')
  })

  test(`${name}: a probe that ends its process leaves those behind it unasked; other users, timeouts and inputs do not share`, async (t) => {
    const agent = await started(t, shell)
    const probe = { always: true, probe: true }
    const results = await agent.run([
      { ...probe, script: 'echo one' },
      { ...probe, script: 'echo two; kill -9 $$' },
      { ...probe, script: 'echo three' },
      { ...probe, script: 'echo four', timeout: 20 },
      { ...probe, script: 'cat', input: 'five' },
      { ...probe, script: 'echo "$A"', env: { A: 'six' } },
      { ...probe, script: `echo "\${A-none}"` },
    ])
    t.deepEqual(
      results.map(({ code, stdout, skipped }) => [code, stdout, skipped]),
      [
        [0, 'one\n', false],
        [137, 'two\n', false],
        [-1, '', true],
        [0, 'four\n', false],
        [0, 'five', false],
        [0, 'six\n', false],
        [0, 'none\n', false],
      ],
    )
    const late = await agent.run([
      { ...probe, script: 'echo one', timeout: 1 },
      { ...probe, script: 'echo two; sleep 1000', timeout: 1 },
      { ...probe, script: 'echo three', timeout: 1 },
    ])
    t.deepEqual(
      late.map(({ timedOut, skipped }) => [timedOut, skipped]),
      [
        [false, false],
        [true, false],
        [false, true],
      ],
    )
  })

  test(`${name}: stdout, stderr and exit code come apart and exact`, async (t) => {
    const agent = await started(t, shell)
    const results = await agent.run([
      { script: 'printf out; printf err >&2' },
      { script: 'printf "no newline"; exit 3', always: true },
      { script: 'printf "a\\n\\n"; printf "\\nb" >&2', always: true },
      { script: ':', always: true },
    ])
    t.deepEqual(
      results.map(({ code, stdout, stderr }) => [code, stdout, stderr]),
      [
        [0, 'out', 'err'],
        [3, 'no newline', ''],
        [0, 'a\n\n', '\nb'],
        [0, '', ''],
      ],
    )
  })

  test(`${name}: a signal is 128+n, set -eu holds, a syntax error fails`, async (t) => {
    const agent = await started(t, shell)
    const results = await agent.run([
      { script: 'kill -9 $$' },
      { script: 'false; echo not reached', always: true },
      { script: 'echo "$not_set_anywhere"', always: true },
      { script: 'if then', always: true },
      { script: 'echo "$-" $# "$0"; pwd; umask', always: true },
    ])
    t.is(results[0]?.code, 137)
    t.deepEqual([results[1]?.code, results[1]?.stdout], [1, ''])
    t.not(results[2]?.code, 0)
    t.regex(results[2]?.stderr ?? '', /not_set_anywhere/)
    t.not(results[3]?.code, 0)
    t.regex(results[4]?.stdout ?? '', /^[a-zA-Z]*u[a-zA-Z]* 0 sh\n\/\n0022\n$/)
  })

  test(`${name}: a failed step skips the rest, inputs included, except those that always run`, async (t) => {
    const agent = await started(t, shell)
    const results = await agent.run([
      { script: 'cat; exit 1', input: 'first' },
      { script: 'cat', input: 'second'.repeat(50_000) },
      { script: 'echo third' },
      { script: 'cat', input: 'fourth', always: true },
    ])
    t.deepEqual(
      results.map(({ code, stdout, skipped }) => [code, stdout, skipped]),
      [
        [1, 'first', false],
        [-1, '', true],
        [-1, '', true],
        [0, 'fourth', false],
      ],
    )
    const [next] = await agent.run([{ script: 'echo the next request starts afresh' }])
    t.is(next?.code, 0)
    t.is(agent.requests(), 2)
  })

  test(`${name}: input is exact to the byte, whatever its size`, async (t) => {
    const agent = await started(t, shell)
    const file = join(folder, `${name}-input`)
    for (const size of [1, 2, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 1_000_003]) {
      const bytes = randomBytes(size)
      writeFileSync(file, bytes)
      const hash = createHash('sha256').update(bytes).digest('hex')
      const results = await agent.run([
        { script: 'sha256sum', input: bytes },
        { script: 'sha256sum', input: { path: file, size } },
        { script: 'wc -c' },
      ])
      t.deepEqual(
        results.map((result) => result.stdout.trim().split(' ')[0]),
        [hash, hash, '0'],
        `${size} bytes`,
      )
    }
  })

  test(`${name}: 20 MB go up whole`, async (t) => {
    const agent = await started(t, shell)
    const bytes = randomBytes(20 * 1024 * 1024)
    const from = performance.now()
    const [result] = await agent.run([{ script: 'sha256sum', input: bytes }])
    t.is(result?.stdout.slice(0, 64), createHash('sha256').update(bytes).digest('hex'))
    t.log(`${Math.round(performance.now() - from)} ms`)
  })

  test(`${name}: what a script does not read of its input disturbs nothing`, async (t) => {
    const agent = await started(t, shell)
    const input = 'echo this must never run\n'.repeat(20_000)
    const results = await agent.run([
      { script: 'exit 0', input },
      { script: 'read -r line; echo "$line"', input },
      { script: 'exec <&-; echo closed', input },
      { script: 'exit 7', input, always: true },
      { script: 'kill -9 $$', input, always: true },
      { script: 'echo fine', always: true },
    ])
    t.deepEqual(
      results.map(({ code, stdout }) => [code, stdout]),
      [
        [0, ''],
        [0, 'echo this must never run\n'],
        [0, 'closed\n'],
        [7, ''],
        [137, ''],
        [0, 'fine\n'],
      ],
    )
  })

  test(`${name}: odd values of the environment arrive as they are`, async (t) => {
    const agent = await started(t, shell)
    const values = ['', ' ', "it's", '"$HOME" `id` $(id) \\n', 'two\nlines\n', '-n', 'ÄÖÜ 日本 🚀', '*', '\\', "'", '!']
    for (const value of values) {
      const [result] = await agent.run([{ script: 'printf %s "$ODD"', env: { ODD: value } }])
      t.is(result?.stdout, value)
      t.is(result?.code, 0)
    }
    const [after] = await agent.run([{ script: 'env | grep -c "^ODD=" || :' }])
    t.is(after?.stdout, '0\n')
  })

  test(`${name}: UTF-8 cut anywhere is put together again, live and in the result`, async (t) => {
    const agent = await started(t, shell)
    const live: string[] = []
    const script = `printf '\\303'; sleep 0.05; printf '\\244\\360\\237'; sleep 0.05; printf '\\232\\200'`
    const [result] = await agent.run([{ script }], { onOutput: (_step, _stream, text) => live.push(text) })
    t.is(result?.stdout, 'ä🚀')
    t.is(live.join(''), 'ä🚀')
    t.false(live.join('').includes('\ufffd'))
  })

  test(`${name}: output comes live`, async (t) => {
    const agent = await started(t, shell)
    const fifo = join(folder, `${name}-live`)
    execFileSync('mkfifo', [fifo])
    const seen: string[] = []
    const [result] = await agent.run([{ script: `echo one; echo two >&2; read -r go <'${fifo}'; echo "$go"` }], {
      // The step ends only after we saw its first output.
      onOutput: (step, stream, text) => {
        seen.push(`${step} ${stream} ${text}`)
        if (seen.length === 2) writeFileSync(fifo, 'three\n')
      },
    })
    t.deepEqual([...seen].sort(), ['0 stderr two\n', '0 stdout one\n', '0 stdout three\n'])
    t.is(result?.stdout, 'one\nthree\n')
  })

  test(`${name}: nothing of script, input or environment is in any process's arguments`, async (t) => {
    const agent = await started(t, shell)
    const script = 'read -r secret; printf %s "$secret" | wc -c; : SCRIPTSECRET; echo ready; sleep 0.2; cat >/dev/null'
    let arguments_ = ''
    const [result] = await agent.run(
      [
        { script, input: `INPUTSECRET\n`, env: { PASSWORD: 'ENVSECRET' } },
        { script: ': LATERSECRET', input: 'x' },
      ],
      {
        onOutput: (_step, _stream, text) => {
          if (text.includes('ready')) arguments_ = everyProcess()
        },
      },
    )
    t.is(result?.code, 0)
    t.regex(arguments_, /sleep\0/)
    t.notRegex(arguments_, /(?:SCRIPT|INPUT|ENV|LATER)SECRET/)
  })

  test(`${name}: a timeout kills the whole tree and says so`, async (t) => {
    const agent = await started(t, shell)
    const script = "sh -c 'sleep 1000 & echo $!; wait' & sleep 1000 & echo $!; wait"
    const results = await agent.run([{ script, timeout: 1 }, { script: 'echo skipped' }])
    t.deepEqual(
      results.map(({ code, timedOut, skipped }) => ({ code, timedOut, skipped })),
      [
        { code: 143, timedOut: true, skipped: false },
        { code: -1, timedOut: false, skipped: true },
      ],
    )
    const pids = (results[0]?.stdout ?? '').trim().split('\n').map(Number)
    t.is(pids.length, 2)
    await until('the sleeps are dead', () => !pids.some(isAlive))
    const [next] = await agent.run([{ script: 'echo still here', timeout: 5 }])
    t.is(next?.stdout, 'still here\n')
  })

  test(`${name}: a step that catches TERM has five seconds, then it is killed; it never counts as done`, async (t) => {
    const agent = await started(t, shell)
    const [gentle] = await agent.run([
      { script: "trap 'echo tidy; exit 0' TERM; while :; do sleep 0.1; done", timeout: 1 },
    ])
    t.deepEqual([gentle?.code, gentle?.stdout, gentle?.timedOut], [124, 'tidy\n', true])
  })

  test(`${name}: an abort kills what runs, skips the rest, and the agent goes on`, async (t) => {
    const agent = await started(t, shell)
    const controller = new AbortController()
    const results = await agent.run([{ script: 'sleep 1000 & echo $!; wait' }, { script: 'echo not this' }], {
      signal: controller.signal,
      onOutput: () => controller.abort(),
    })
    t.is(results[0]?.code, 143)
    t.true(results[1]?.skipped)
    await until('the sleep is dead', () => !isAlive(Number(results[0]?.stdout)))
    const [next] = await agent.run([{ script: 'echo fine' }])
    t.is(next?.stdout, 'fine\n')
    const [never] = await agent.run([{ script: 'echo never' }], { signal: controller.signal })
    t.true(never?.skipped)
  })

  test(`${name}: a daemon that keeps the output open neither hangs a step nor speaks in later ones`, async (t) => {
    const agent = await started(t, shell)
    const script = '(while sleep 0.02; do echo noise; echo noise >&2; done) & echo $!'
    const from = performance.now()
    const results = await agent.run([{ script }, { script: 'sleep 0.2; echo clean; sleep 0.2' }])
    t.true(performance.now() - from < 5000)
    const pid = Number(results[0]?.stdout.split('\n')[0])
    t.teardown(() => process.kill(pid))
    t.is(results[0]?.code, 0)
    t.is(results[1]?.stdout, 'clean\n')
    t.is(results[1]?.stderr, '')
    const [next] = await agent.run([{ script: 'sleep 0.1; echo clean' }])
    t.is(next?.stdout, 'clean\n')
    t.true(isAlive(pid), 'the daemon lives while we are connected')
  })

  test(`${name}: a step can reopen its own output`, async (t) => {
    const agent = await started(t, shell)
    const [result] = await agent.run([
      { script: 'echo one >/dev/stdout; echo two >/dev/stderr; echo three | tee /dev/stderr' },
    ])
    t.deepEqual([result?.stdout, result?.stderr], ['one\nthree\n', 'two\nthree\n'])
  })

  test(`${name}: when we die, the step that runs goes on to its end, writes included, and keeps the lock till then`, async (t) => {
    const lock = join(folder, `${name}-dying.lock`)
    const done = join(folder, `${name}-done`)
    const fifo = join(folder, `${name}-dying`)
    execFileSync('mkfifo', [fifo])
    const channel = shell.open()
    const agent = await startAgent(channel, options({ lock }, shell.open))
    let begun = false
    const script = `echo begun; read -r go <'${fifo}'; i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done; echo one >'${done}'`
    const running = agent.run([{ script }, { script: `cat >>'${done}'`, input: 'two\n' }], {
      onOutput: () => {
        begun = true
      },
    })
    running.catch(() => undefined)
    await until('the step has begun', () => begun)
    channel.destroy()
    const refusal = await t.throwsAsync(startAgent(shell.open(), options({ lock })), { instanceOf: Refusal })
    t.is(refusal?.failure.kind, 'locked')
    writeFileSync(fifo, 'go\n')
    const next = await startAgent(shell.open(), options({ lock, lockWait: 10 }))
    t.is(readFileSync(done, 'utf8'), 'one\ntwo\n', 'what had arrived is done too')
    await next.close()
  })

  test(`${name}: a step whose input was cut off is killed before it can take the part for the whole`, async (t) => {
    const file = join(folder, `${name}-cut`)
    const channel = shell.open()
    const agent = await startAgent(channel, options())
    const input = join(folder, `${name}-short`)
    writeFileSync(input, Buffer.alloc(100_000, 'x'))
    // The file is announced as longer than it is, which is what a connection that breaks half-way looks like.
    const running = agent.run([
      {
        script: `echo $$ >'${file}.pid'; cat >'${file}.new'; mv '${file}.new' '${file}'`,
        input: { path: input, size: 100_001 },
      },
    ])
    await t.throwsAsync(running, { message: /became shorter/ })
    channel.stdin.destroy()
    await channel.ended
    // it may have died before it wrote its number
    await until(
      'the step is dead',
      () => !existsSync(`${file}.pid`) || !isAlive(Number(readFileSync(`${file}.pid`, 'utf8'))),
    )
    t.throws(() => readFileSync(file), { code: 'ENOENT' })
  })

  test(`${name}: the lock names its holder, waits as long as told, and goes with the agent`, async (t) => {
    const lock = join(folder, `${name}.lock`)
    const first = await startAgent(shell.open(), options({ lock, holder: 'alice@laptop, pid 42, since noon' }))
    const refusal = await t.throwsAsync(startAgent(shell.open(), options({ lock })), { instanceOf: Refusal })
    t.is(refusal?.message, 'locked: alice@laptop, pid 42, since noon')
    const waiting: string[] = []
    const second = startAgent(
      shell.open(),
      options({
        lock,
        lockWait: 20,
        onLockWait: (holder) => {
          waiting.push(holder)
          void first.close()
        },
      }),
    )
    await (await second).close()
    t.deepEqual(waiting, ['alice@laptop, pid 42, since noon'])
    const third = await startAgent(shell.open(), options({ lock }))
    await third.close()
  })

  test(`${name}: an agent that rests lets others have the lock, and takes it again`, async (t) => {
    const lock = join(folder, `${name}-rest.lock`)
    const again = { lockWait: 0, holder: 'again', timeout: 10 }
    const first = await started(t, shell, { lock })
    // with a daemon on its output the agent changes to another process, which must let go of the lock as well
    await first.run([{ script: 'sleep 1000 & echo $!' }]).then(([result]) => {
      t.teardown(() => process.kill(Number(result?.stdout)))
    })
    await first.rest()
    const second = await startAgent(shell.open(), options({ lock, holder: 'second' }))
    await second.close()
    await first.resume(again)
    t.is((await first.run([{ script: 'echo here' }]))[0]?.stdout, 'here\n')
    const refused = await t.throwsAsync(startAgent(shell.open(), options({ lock })), { instanceOf: Refusal })
    t.is(refused?.message, 'locked: again')
    await first.rest()
    const third = await started(t, shell, { lock, holder: 'third' })
    const taken = await t.throwsAsync(first.resume(again), { instanceOf: Refusal })
    t.is(taken?.message, 'locked: third')
    await t.throwsAsync(first.run([{ script: ':' }]), { message: 'locked: third' })
    t.is((await third.run([{ script: 'echo still' }]))[0]?.stdout, 'still\n')
  })

  test(`${name}: requests that come before the agent is ready go out with its start, and fail with it`, async (t) => {
    const lock = join(folder, `${name}-early.lock`)
    const first = openAgent(shell.open(), options({ lock }))
    t.teardown(() => first.close())
    const results = await Promise.all([
      first.run([{ script: 'cat', input: 'one' }]),
      first.run([{ script: 'echo two' }]),
    ])
    t.deepEqual(
      results.map(([result]) => result?.stdout),
      ['one', 'two\n'],
    )
    const mark = join(folder, `${name}-early.mark`)
    const second = openAgent(shell.open(), options({ lock }))
    await t.throwsAsync(second.run([{ script: `: >${mark}` }]), { instanceOf: Refusal, message: /^locked: / })
    await t.throwsAsync(second.ready, { instanceOf: Refusal })
    t.false(existsSync(mark))
  })

  test(`${name}: a daemon started by a step does not inherit the lock`, async (t) => {
    const lock = join(folder, `${name}-inherit.lock`)
    const first = await startAgent(shell.open(), options({ lock }))
    const [result] = await first.run([{ script: 'sleep 1000 >/dev/null 2>&1 & echo $!' }])
    const pid = Number(result?.stdout)
    t.teardown(() => process.kill(pid))
    await first.close()
    const second = await startAgent(shell.open(), options({ lock }))
    await second.close()
    t.true(isAlive(pid))
  })

  test(`${name}: nothing of the agent is left when it is closed, even with a daemon holding its output`, async (t) => {
    const channel = shell.open()
    const agent = await startAgent(channel, options())
    const [result] = await agent.run([{ script: 'setsid sleep 1000 & echo $!; echo $PPID' }])
    const [daemon = 0, parent = 0] = (result?.stdout ?? '').trim().split('\n').map(Number)
    t.teardown(() => process.kill(daemon))
    await agent.close()
    await until('the agent is gone', () => !isAlive(parent))
    t.is((await channel.ended).error, undefined)
  })

  test(`${name}: requests are sent one after another`, async (t) => {
    const agent = await started(t, shell)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        agent.run([{ script: `echo ${index}` }, { script: 'cat', input: `i${index}` }]),
      ),
    )
    t.deepEqual(
      answers.map((results) => results.map((result) => result.stdout)),
      Array.from({ length: 20 }, (_, index) => [`${index}\n`, `i${index}`]),
    )
  })

  test(`${name}: a large script and many steps fit in one request`, async (t) => {
    const agent = await started(t, shell)
    const comment = `# ${'x'.repeat(300)}\n`.repeat(1000)
    const results = await agent.run([
      { script: `${comment}echo after 300 kB` },
      ...Array.from({ length: 100 }, (_, index) => ({ script: `echo ${index}` })),
    ])
    t.is(results[0]?.stdout, 'after 300 kB\n')
    t.is(results[100]?.stdout, '99\n')
    t.is(agent.requests(), 1)
  })
}

test('noise of a login shell before the agent is left out', async (t) => {
  const agent = await startAgent(localChannel(`echo Welcome; echo motd >&2; ${agentCommand('sh')}`), options())
  const [result] = await agent.run([{ script: 'echo hi' }])
  t.deepEqual([result?.stdout, result?.stderr], ['hi\n', ''])
  await agent.close()
})

test('a command that ends instead of starting the agent is told with its output', async (t) => {
  const refusal = await t.throwsAsync(
    startAgent(localChannel('echo This account is currently not available.; exit 1'), options()),
    { instanceOf: Refusal },
  )
  t.is(refusal?.failure.kind, 'ended')
  t.is(refusal?.failure.end?.code, 1)
  t.is(refusal?.failure.output, 'This account is currently not available.')
})

test('a command that never speaks is given up', async (t) => {
  const refusal = await t.throwsAsync(startAgent(localChannel('exec sleep 60'), options({ startTimeout: 0.2 })), {
    instanceOf: Refusal,
  })
  t.is(refusal?.failure.kind, 'slow')
})

test('a password goes to the prompt once; a second prompt means that it is wrong', async (t) => {
  const asking = `printf 'Password: ' >&2; read -r given; [ "$given" = right ] || { sleep 0.1; printf 'Password: ' >&2; read -r given; exit 1; }; `
  const prompt = (password: string | undefined) => ({ isPrompt: (text: string) => /: $/.test(text), password })
  const agent = await startAgent(localChannel(asking + agentCommand('sh')), options({ prompt: prompt('right') }))
  const [result] = await agent.run([{ script: 'echo in' }])
  t.is(result?.stdout, 'in\n')
  await agent.close()
  for (const password of ['wrong', undefined]) {
    const refusal = await t.throwsAsync(
      startAgent(localChannel(asking + agentCommand('sh')), options({ prompt: prompt(password) })),
      { instanceOf: Refusal },
    )
    t.is(refusal?.failure.kind, 'password')
  }
})

test('the end of the channel during a request is an error, at once and for later requests', async (t) => {
  const channel = localChannel(agentCommand('sh'))
  const agent = await startAgent(channel, options())
  let begun = false
  const running = agent.run([{ script: 'echo begun; sleep 5' }], {
    onOutput: () => {
      begun = true
    },
  })
  running.catch(() => undefined)
  await until('the step has begun', () => begun)
  channel.destroy()
  await t.throwsAsync(running, { message: /^lost/ })
  await t.throwsAsync(agent.run([{ script: ':' }]), { message: /^lost/ })
})
