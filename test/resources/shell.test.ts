import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Secret } from '../../src/core/secret.ts'
import { assert } from '../../src/resources/assert.ts'
import { command, script } from '../../src/resources/shell.ts'
import { facts, planOne, planTable } from './table.ts'

const said = (code: number, stdout = '', stderr = '') =>
  `${code}:${Buffer.from(stdout).toString('base64')}:${Buffer.from(stderr).toString('base64')}\n`
const stepsOf = (task: ReturnType<typeof command>, probe = 'run\n') => {
  const plan = planOne(task, probe, { facts, check: false })
  return 'changes' in plan ? plan.changes.flatMap((change) => change.steps) : []
}

planTable([
  {
    title: 'runs, whatever was before',
    task: command({ run: 'make install' }),
    probe: 'run\n',
    expect: { changes: ['run make install'] },
    scripts: ['make install'],
  },
  {
    title: 'a guard skips it with its reason',
    task: command({ run: 'make install', creates: '/opt/x' }),
    probe: 'skip:/opt/x exists\n',
    expect: { unchanged: '/opt/x exists' },
  },
  {
    title: 'arguments are quoted one by one',
    task: command({ argv: ['printf', '%s\n', "it's", '-n', '$HOME', 'é', 'a\nb'], cwd: '/srv/my app' }),
    probe: 'run\n',
    expect: { changes: ["run printf '%s…"] },
    scripts: ["cd -- '/srv/my app'\nprintf '%s\n' 'it'\\''s' '-n' '$HOME' 'é' 'a\nb'"],
  },
  {
    title: 'a command that only reads is no change',
    task: command({ run: 'nginx -v', probe: true }),
    probe: `run\n${said(0, 'nginx/1.22\n')}`,
    expect: { unchanged: 'ran, exit code 0' },
  },
  {
    title: 'a command that only reads fails with its code',
    task: command({ run: 'nginx -t', probe: true }),
    probe: `run\n${said(1, '', 'emerg: no "x"\n')}`,
    expect: { refused: 'nginx -t: exit code 1, expected 0' },
  },
  {
    title: 'a command that only reads may end with other codes',
    task: command({ run: 'grep x /etc/y', probe: true, okCodes: [0, 1] }),
    probe: `run\n${said(1)}`,
    expect: { unchanged: 'ran, exit code 1' },
  },
  {
    title: 'holds when the command says so',
    task: assert({ that: 'test -d /srv' }),
    probe: said(0),
    expect: { unchanged: 'test -d /srv: as expected' },
  },
  {
    title: 'compares the whole output',
    task: assert({ that: 'uname -m', expect: { stdout: 'x86_64' } }),
    probe: said(0, 'aarch64\n'),
    expect: { refused: "uname -m: found 'aarch64', expected 'x86_64'" },
  },
  {
    title: 'looks for a text',
    task: assert({ that: 'cat /x', expect: { contains: 'two\n' } }),
    probe: said(0, 'one\ntwo\nthree'),
    expect: { unchanged: 'cat /x: as expected' },
  },
  {
    title: 'matches a pattern',
    task: assert({ that: 'nginx -v', expect: { matches: /1\.3\d/ } }),
    probe: said(0, 'nginx/1.22'),
    expect: { refused: "nginx -v: found 'nginx/1.22', expected it to match /1\\.3\\d/" },
  },
  {
    title: 'expects another code',
    task: assert({ that: 'exit 3', expect: { code: 3 } }),
    probe: said(3),
    expect: { unchanged: 'exit 3: as expected' },
  },
  {
    title: 'asks the facts',
    task: assert({ facts: (known) => known.memoryMegabytes >= 4000, message: 'needs 4 GB of memory' }),
    probe: 'none\n',
    expect: { refused: 'needs 4 GB of memory' },
  },
  {
    title: 'is content with the facts',
    task: assert({ facts: (known) => known.memoryMegabytes >= 2000, message: 'needs 2 GB of memory' }),
    probe: 'none\n',
    expect: { unchanged: 'it is so' },
  },
])

test('a message of its own keeps what was found as detail', (t) => {
  const plan = planOne(assert({ that: 'nginx -t', message: 'nginx is broken' }), said(1, '', 'emerg\n'), {
    facts,
    check: true,
  })
  t.deepEqual(plan, { refused: 'nginx is broken', detail: 'nginx -t: exit code 1, expected 0\nemerg' })
})

test('secrets go to stdin, never into the script', (t) => {
  const steps = stepsOf(command({ run: 'cat >/dev/null', stdin: new Secret([{ secret: 'x' }]) }))
  t.deepEqual(steps, [{ script: 'cat >/dev/null', input: 'hunter2' }])
})

test('the result holds the output, its lines and the code', (t) => {
  const { resource } = command({ run: 'x' })
  t.deepEqual(resource.result?.([{ code: 0, stdout: 'a\nb\n', stderr: 'warned\n' }], {}), {
    stdout: 'a\nb\n',
    stderr: 'warned\n',
    code: 0,
    lines: ['a', 'b'],
  })
  t.deepEqual(resource.result?.([{ code: 0, stdout: '', stderr: 'warned\nended well with exit code 3\n' }], {}), {
    stdout: '',
    stderr: 'warned\n',
    code: 3,
    lines: [],
  })
  t.deepEqual(resource.result?.([{ code: 4, stdout: '', stderr: 'bad\n' }], {}), {
    stdout: '',
    stderr: 'bad\n',
    code: 4,
    lines: [],
  })
})

test('the result of a reading command is there without an apply', (t) => {
  const plan = planOne(command({ run: 'x', probe: true }), `run\n${said(0, 'é\n', 'w')}`, { facts, check: true })
  t.deepEqual('result' in plan ? plan.result : plan, { stdout: 'é\n', stderr: 'w', code: 0, lines: ['é'] } as never)
})

test('guards and reading commands of several tasks stay apart', (t) => {
  const { resource } = command({ run: 'x' })
  const wishes = [{ run: 'a' }, { run: 'b', probe: true }, { run: 'c', creates: '/c' }]
  const states = resource.parse(`run\nrun\n${said(0, 'run\nskip:x\n')}skip:/c exists\n`, wishes)
  t.is(states[1].reading.stdout, 'run\nskip:x\n')
  t.is(states[2].skip, '/c exists')
})

test('output of a probe that nobody understands is an error', (t) => {
  const error = (probe: string) =>
    t.throws(() => planOne(command({ run: 'x', probe: true }), probe, { facts, check: false }))?.message
  t.is(error('sh: x\n'), "expected 'run' or 'skip:…' of a guard, found 'sh: x'")
  t.is(error('run\nnonsense\n'), "expected the encoded output of a command, found 'nonsense'")
})

test('the script goes to the interpreter of its first line, with its arguments quoted', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-'))
  const path = join(folder, 'x.sh')
  writeFileSync(path, '#!/bin/bash -e\necho "$1"\n')
  t.deepEqual(stepsOf(script({ src: path, args: ["it's", '-n'] })), [
    {
      script: "cat | {\n  exec 3<&0 </dev/null\n  exec /bin/bash '-e' /dev/fd/3 'it'\\''s' '-n'\n}",
      input: '#!/bin/bash -e\necho "$1"\n',
    },
  ])
  t.regex(stepsOf(script({ script: 'echo x' }))[0]?.script ?? '', /exec sh '-eu' \/dev\/fd\/3/)
  t.regex(stepsOf(script({ script: 'print 1', interpreter: 'python3' }))[0]?.script ?? '', /exec python3 \/dev\/fd\/3/)
  const missing = t.throws(() => stepsOf(script({ src: join(folder, 'nope.sh') })))
  t.is(missing?.message, `script '${join(folder, 'nope.sh')}' was not found`)
})

test('a secret script does not show in its title', (t) => {
  const task = script({ script: new Secret([{ secret: 'x' }]) })
  t.is(task.resource.describe(task.args), 'a secret script')
})

test('what types cannot say is refused at load', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message
  t.is(
    message(() => command({ run: 'x', argv: ['y'] })),
    "shell.command: expected either 'run' or 'argv'",
  )
  t.is(
    message(() => command({ run: 'x', probe: true, stdin: 'y' })),
    'shell.command: a command that only reads (probe: true) gets no stdin',
  )
  t.is(
    message(() => script({})),
    "shell.script: expected either 'src' or 'script'",
  )
  t.is(
    message(() => assert({})),
    "assert: expected 'that' or 'facts'",
  )
})
