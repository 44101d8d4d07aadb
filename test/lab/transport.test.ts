import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { isProvisionError, type ProvisionError } from '../../src/core/error.ts'
import type { ConnectionSettings, InventoryHost } from '../../src/core/host.ts'
import { labDown } from '../../src/lab/lab.ts'
import { makeConnect, makeDial } from '../../src/transport/connect.ts'
import type { Connection, ConnectProgress } from '../../src/transport/connection.ts'
import { keepConnections } from '../../src/transport/kept.ts'
import type { Surroundings } from '../../src/transport/ssh-route.ts'
import { type Lab, openLab } from './harness.ts'

let opened: Lab | undefined
function lab(): Lab {
  if (!opened) throw new Error('the lab is not up')
  return opened
}
const work = mkdtempSync(join(tmpdir(), 'hostwright-transport-'))
test.after.always(async (t) => {
  t.timeout(120_000)
  rmSync(work, { recursive: true, force: true })
  if (!process.env.KEEP_LAB) await labDown('t-transport')
})

const password = `p'w "$x" \\ ü`
const rootPassword = 'root password'
const passphrase = 'a passphrase'
const encryptedKey = join(work, 'encrypted')
const strangeKey = join(work, 'strange')
const secrets = { reveal: String, redact: (text: string) => text }
const readyHosts = ['h1', 'h2'] as const

test.before('a lab with users to log in as', async (t) => {
  t.timeout(600_000)
  opened = await openLab('transport', ['h1:bookworm', 'h2:trixie'])
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', encryptedKey])
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', strangeKey])
  const keys = [`${lab().status.identityFile}.pub`, `${encryptedKey}.pub`]
    .map((file) => readFileSync(file, 'utf8'))
    .join('')
  const users = `
    keys=$(cat)
    for user in asks fresh plain fishy kbd single bare; do
      id "$user" >/dev/null 2>&1 || useradd -m -s /bin/bash "$user"
      mkdir -p "/home/$user/.ssh"
      printf '%s\\n' "$keys" >"/home/$user/.ssh/authorized_keys"
      chown -R "$user:" "/home/$user/.ssh"
    done
    mkdir -p /root/.ssh; printf '%s\\n' "$keys" >/root/.ssh/authorized_keys
    printf 'asks ALL=(ALL:ALL) ALL\\nfresh ALL=(ALL:ALL) ALL\\nfishy ALL=(ALL) NOPASSWD: ALL\\nsingle ALL=(ALL) NOPASSWD: ALL\\n' >/etc/sudoers.d/test
    printf 'echo noise of a login shell; echo more >&2\\n' >/home/fishy/.bashrc`
  // Not reloaded again while the tests run: sshd is away for a moment then.
  const sshd = `
    mkdir -p /opt/bb
    busybox --install -s /opt/bb
    cat >/etc/ssh/sshd_config.d/00-test.conf
    sshd -t 2>/dev/null || sed -i /PerSourcePenalties/d /etc/ssh/sshd_config.d/00-test.conf
    systemctl reload ssh`
  const configuration = [
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication yes',
    'PermitRootLogin yes',
    'PerSourcePenalties no',
    'MaxStartups 100',
    'Match User kbd',
    'PasswordAuthentication no',
    'Match User single',
    'MaxSessions 1',
    'Match User bare',
    'SetEnv PATH=/opt/bb',
    '',
  ].join('\n')
  const must = async (host: string, command: string, input: string) => {
    const result = await lab().on(host, command, input)
    t.is(result.code, 0, result.stderr)
  }
  await Promise.all(
    readyHosts.map(async (host) => {
      await must(host, 'DEBIAN_FRONTEND=noninteractive apt-get -qqy install busybox fish tcsh >/dev/null 2>&1', '')
      await must(host, users, keys)
      await must(
        host,
        'chpasswd',
        `asks:${password}\nfresh:${password}\nplain:${password}\nkbd:${password}\nroot:${rootPassword}\n`,
      )
      await must(host, sshd, configuration)
      await until('sshd is back', async () => (await lab().on(host, 'true')).code === 0)
    }),
  )
})

function settings(host: string, more: Partial<ConnectionSettings> = {}): InventoryHost['connection'] {
  const { status } = lab()
  return {
    address: lab().address(host),
    user: 'debian',
    identityFile: status.identityFile,
    knownHosts: status.knownHosts,
    connectAttempts: 1,
    ...more,
  }
}

/** Settings without some of the usual ones. */
function without(
  given: InventoryHost['connection'],
  ...names: (keyof ConnectionSettings)[]
): InventoryHost['connection'] {
  const kept = Object.entries(given).filter(([name]) => !(names as string[]).includes(name))
  return Object.fromEntries(kept) as unknown as InventoryHost['connection'] // `address` is never among the names
}

function surroundings(more: Partial<Surroundings> = {}): Surroundings {
  return { home: join(work, 'no-home'), localUser: 'nobody-here', configFiles: [], ...more }
}

function hostWith(connection: InventoryHost['connection']): InventoryHost {
  return { name: 'web1', groups: ['all'], connection, vars: {}, where: { get: () => undefined } }
}

/** Connects without the host's lock, so that the tests of a host can run side by side. */
async function open(
  t: ExecutionContext,
  connection: InventoryHost['connection'],
  progress: ConnectProgress = { lock: false },
  around: Surroundings = surroundings(),
): Promise<Connection> {
  const connected = await makeConnect(around)(hostWith(connection), secrets, progress)
  t.teardown(() => connected.close())
  return connected
}

async function refused(
  t: ExecutionContext,
  connection: InventoryHost['connection'],
  progress?: ConnectProgress,
  around?: Surroundings,
): Promise<ProvisionError> {
  const error: unknown = await open(t, connection, progress, around).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isProvisionError(error)) throw error ?? new Error('the connection was not refused')
  return error
}

/**
 * How often the word passes from the host to us on one connection, counted by a proxy that holds each answer back until
 * the host has been silent for a while, as distance would.
 */
async function turnsThrough(
  t: ExecutionContext,
  use: (connection: InventoryHost['connection']) => Promise<void>,
): Promise<number> {
  let turns = 0
  const proxy = createServer({ noDelay: true }, (near) => {
    const far = connectTcp({ host: lab().address('h1'), port: 22, noDelay: true })
    let oursToSpeak = true
    near.on('data', (data) => {
      if (oursToSpeak) turns += 1
      oursToSpeak = false
      setTimeout(() => far.write(data), 150)
    })
    far.on('data', (data) => {
      oursToSpeak = true
      setTimeout(() => near.write(data), 150)
    })
    near.on('error', () => far.destroy()).on('close', () => setTimeout(() => far.destroy(), 150))
    far.on('error', () => near.destroy()).on('close', () => near.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as AddressInfo // it listens on TCP
  await use(settings('h1', { address: '127.0.0.1', port, user: 'root', hostKeyChecking: 'off' }))
  return turns
}

async function whoami(connection: Connection): Promise<string> {
  const [result] = await connection.run([{ script: 'id -un' }])
  return result?.stdout.trim() ?? ''
}

async function until(condition: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`still not: ${condition}`)
    await delay(50)
  }
}

function tempFile(name: string, text: string): string {
  const file = join(mkdtempSync(join(work, 'f-')), name)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

for (const host of readyHosts) {
  test(`${host}: sudo without a password: root, binary output, exit codes, 20 MB up and checked`, async (t) => {
    const from = performance.now()
    const connected = await open(t, settings(host))
    t.log(`connected in ${Math.round(performance.now() - from)} ms`)
    const bytes = randomBytes(20 * 1024 * 1024)
    const upload = performance.now()
    const results = await connected.run([
      { script: 'id -un; echo "$HOME"; pwd; printf err >&2' },
      {
        script: 'cat >/root/upload.bin; sync /root/upload.bin; sha256sum /root/upload.bin; rm /root/upload.bin',
        input: bytes,
      },
      { script: 'exit 42' },
      { script: 'echo after', always: true },
    ])
    t.log(`20 MB in ${Math.round(performance.now() - upload)} ms`)
    t.deepEqual(
      results.map(({ code, stdout, stderr }) => [code, stdout, stderr]),
      [
        [0, 'root\n/root\n/\n', 'err'],
        [0, `${createHash('sha256').update(bytes).digest('hex')}  /root/upload.bin\n`, ''],
        [42, '', ''],
        [0, 'after\n', ''],
      ],
    )
    const [ssh] = await connected.run([{ script: 'echo "$SSH_CONNECTION"' }])
    t.true(ssh?.stdout.includes(` ${lab().address(host)} 22`))
  })

  test(`${host}: steps run as another user, as root and as the login user`, async (t) => {
    const connected = await open(t, settings(host))
    const script = 'id -un; echo "$HOME $USER"; cat; pwd'
    const results = await connected.run([
      { script, user: 'plain', input: 'as plain\n' },
      { script, user: 'root', input: 'as root\n' },
      { script: 'exit 3', user: 'plain', always: true },
      { script: 'kill -9 $$', user: 'plain', always: true },
      { script: 'echo no', user: 'nobody-like-that', always: true, input: 'x'.repeat(300_000) },
      { script: 'sleep 100', user: 'plain', always: true, timeout: 0.3 },
    ])
    t.is(results[0]?.stdout, 'plain\n/home/plain plain\nas plain\n/\n')
    t.is(results[1]?.stdout, 'root\n/root root\nas root\n/\n')
    t.is(results[2]?.code, 3)
    t.is(results[3]?.code, 137)
    t.not(results[4]?.code, 0)
    t.regex(results[4]?.stderr ?? '', /nobody-like-that/)
    t.true(results[5]?.timedOut)
  })

  test(`${host}: without become a step may still be root's, by sudo, and be killed`, async (t) => {
    const connected = await open(t, settings(host, { become: false }))
    t.is(await whoami(connected), 'debian')
    const results = await connected.run([
      { script: 'id -un; cat', user: 'root', input: 'to root' },
      { script: 'echo $$; exec sleep 1000', user: 'root', timeout: 1, always: true },
    ])
    t.is(results[0]?.stdout, 'root\nto root')
    t.true(results[1]?.timedOut)
    const pid = Number(results[1]?.stdout)
    t.true(pid > 1)
    t.is((await lab().on(host, `test -e /proc/${pid}`)).code, 1)
  })

  test(`${host}: sudo with a password`, async (t) => {
    const connected = await open(t, settings(host, { user: 'asks', becomePassword: password }))
    t.is(await whoami(connected), 'root')
    const [result] = await connected.run([{ script: 'cat', input: 'nothing was swallowed' }])
    t.is(result?.stdout, 'nothing was swallowed')
  })

  test(`${host}: su with a password, and an abort through it`, async (t) => {
    const connected = await open(t, settings(host, { user: 'plain', becomeMethod: 'su', becomePassword: rootPassword }))
    t.is(await whoami(connected), 'root')
    const bytes = Buffer.from([...Array(256).keys()])
    const controller = new AbortController()
    const results = await connected.run(
      [{ script: 'od -An -v -tx1 | tr -d " \\n"', input: bytes }, { script: 'echo begun; sleep 1000' }],
      {
        signal: controller.signal,
        onOutput: (step) => {
          if (step === 1) controller.abort()
        },
      },
    )
    t.is(results[0]?.stdout, bytes.toString('hex'))
    t.is(results[1]?.code, 143)
  })

  test(`${host}: root needs no sudo and becomes another user by su`, async (t) => {
    t.is(await whoami(await open(t, settings(host, { user: 'root' }))), 'root')
    t.is(await whoami(await open(t, settings(host, { user: 'root', become: 'plain' }))), 'plain')
    t.is(await whoami(await open(t, settings(host, { become: 'plain' }))), 'plain')
  })

  test(`${host}: what stands in the way of sudo and su is told at once`, async (t) => {
    const wrongSudo = await refused(t, settings(host, { user: 'asks', becomePassword: 'wrong' }))
    t.deepEqual(
      [wrongSudo.code, /sudo refused the password of asks: it is wrong/.test(wrongSudo.message)],
      ['become', true],
    )
    const noPassword = await refused(t, settings(host, { user: 'asks' }))
    t.deepEqual([noPassword.code, /asks for the password of asks/.test(noPassword.message)], ['become', true])
    const notAllowed = await refused(t, settings(host, { user: 'plain', becomePassword: password }))
    t.is(notAllowed.code, 'become')
    t.regex(notAllowed.message, /sudo does not allow plain to become root/)
    const wrongSu = await refused(t, settings(host, { user: 'plain', becomeMethod: 'su', becomePassword: 'wrong' }))
    t.is(wrongSu.code, 'become')
    t.regex(wrongSu.message, /su refused the password of root/)
    const unknown = await refused(t, settings(host, { become: 'nobody-like-that' }))
    t.is(unknown.code, 'become')
    t.regex(unknown.message, /the user nobody-like-that does not exist/)
    t.false([wrongSudo, notAllowed, wrongSu].some((error) => JSON.stringify(error).includes('wrong"')))
  })

  test(`${host}: no secret is in a process's arguments while sudo, the agent and a step run`, async (t) => {
    const connected = await open(t, settings(host, { user: 'asks', becomePassword: password }))
    let arguments_ = ''
    const seen = new AbortController()
    const running = connected.run(
      [
        {
          script: ': SCRIPTSECRET; cat >/dev/null; echo begun; sleep 1000',
          input: 'INPUTSECRET',
          env: { TOKEN: 'ENVSECRET' },
        },
      ],
      {
        signal: seen.signal,
        onOutput: () => {
          void lab()
            .must(host, 'ps axww -o args')
            .then((output) => {
              arguments_ = output
            })
        },
      },
    )
    await until('ps has answered', () => arguments_ !== '')
    seen.abort()
    await running
    t.regex(arguments_, /sleep 1000/)
    t.notRegex(arguments_, /SCRIPTSECRET|INPUTSECRET|ENVSECRET/)
    t.false(arguments_.includes(password))
  })

  test.serial(`${host}: kill -9 of the controller lets the step finish, then the lock is free`, async (t) => {
    t.timeout(60_000)
    const done = `/root/finished-${host}`
    const script = `echo begun; i=0; while [ $i -lt 30 ]; do echo "line $i"; echo err >&2; sleep 0.1; i=$((i + 1)); done; echo finished >${done}`
    const victim = spawn(
      process.execPath,
      [
        '--import=tsx',
        '--conditions=hostwright-source',
        fileURLToPath(new URL('../transport/run-until-killed.ts', import.meta.url)),
        JSON.stringify({ connection: settings(host), script }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let output = ''
    victim.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    await until('the step has begun', () => output.includes('line 0'))
    victim.kill('SIGKILL')
    const locked = await refused(t, settings(host), { lockWait: 0 })
    t.is(locked.code, 'locked')
    t.regex(locked.message, new RegExp(`locked by \\S+@\\S+, pid ${victim.pid}, since \\d{4}-`))
    const waiting: string[] = []
    const next = await open(t, settings(host), {
      lockWait: 20,
      onAttempt: (_attempt, detail) => waiting.push(detail),
    })
    t.true(waiting.some((detail) => /waiting for the lock: held by/.test(detail)))
    const [result] = await next.run([{ script: `cat ${done}; rm ${done}` }])
    t.is(result?.stdout, 'finished\n')
    await next.close()
    await (await open(t, settings(host), { lockWait: 0 })).close()
  })

  test(`${host}: a fresh connection proves that one can still come in`, async (t) => {
    const connected = await open(t, settings(host, { user: 'fresh', becomePassword: password }))
    await connected.probeFresh()
    await lab().must(host, 'mv /home/fresh/.ssh/authorized_keys /home/fresh/.ssh/away')
    try {
      const error = await t.throwsAsync(connected.probeFresh())
      t.true(isProvisionError(error) && error.code === 'authentication')
    } finally {
      await lab().must(host, 'mv /home/fresh/.ssh/away /home/fresh/.ssh/authorized_keys')
    }
    t.is(await whoami(connected), 'root')
  })

  test(`${host}: a daemon that keeps the output open does not hang the request`, async (t) => {
    const connected = await open(t, settings(host))
    const results = await connected.run([
      { script: 'nohup sh -c "while sleep 0.05; do echo noise; done" & echo $!' },
      { script: 'sleep 0.3; echo clean' },
    ])
    t.is(results[1]?.stdout, 'clean\n')
    await connected.run([{ script: `kill ${Number(results[0]?.stdout.split('\n')[0])} || :` }])
  })
}

test('noise of a login shell is left out', async (t) => {
  const connected = await open(t, settings('h1', { user: 'fishy' }))
  const [result] = await connected.run([{ script: 'echo only this' }])
  t.deepEqual([result?.stdout, result?.stderr], ['only this\n', ''])
})

test('login shells of other kinds start the agent', async (t) => {
  for (const shell of ['/usr/bin/fish', '/bin/tcsh', '/bin/dash']) {
    await lab().must('h1', `chsh -s ${shell} fishy`)
    const connected = await open(t, settings('h1', { user: 'fishy' }))
    t.is(await whoami(connected), 'root', shell)
    await connected.close()
  }
  await lab().must('h1', 'chsh -s /bin/bash fishy')
})

test('an unknown host key is refused, with its fingerprint and what to type', async (t) => {
  const knownHosts = tempFile('known_hosts', '')
  const error = await refused(t, settings('h1', { knownHosts }))
  t.is(error.code, 'hostKey')
  const shown = execFileSync('ssh-keyscan', ['-t', 'ed25519', lab().address('h1')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const print = execFileSync('ssh-keygen', ['-lf', '-'], { input: shown }).toString().split(' ')[1] ?? '?'
  t.true(error.detail?.includes(print), error.detail)
  t.true(error.hint?.includes(`ssh-keyscan -p 22 ${lab().address('h1')} >> ${knownHosts}`), error.hint)
  t.is(readFileSync(knownHosts, 'utf8'), '')
})

test('accept-new records the key once, readable by us only, for many hosts at the same time', async (t) => {
  const knownHosts = join(work, 'new-folder', 'known_hosts')
  const more = { knownHosts, hostKeyChecking: 'accept-new' as const }
  await Promise.all(['h1', 'h2', 'h1', 'h2'].map((host) => open(t, settings(host, more))))
  const lines = readFileSync(knownHosts, 'utf8').trim().split('\n')
  t.deepEqual(lines.map((line) => line.split(' ')[0]).sort(), [lab().address('h1'), lab().address('h2')].sort())
  t.is(statSync(knownHosts).mode & 0o777, 0o600)
  await open(t, settings('h1', { knownHosts, hostKeyChecking: 'strict' }))
})

test('a changed host key is refused also by accept-new, with both fingerprints and the old line', async (t) => {
  const address = lab().address('h1')
  const other = readFileSync(`${strangeKey}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')
  const knownHosts = tempFile('known_hosts', `# a comment\n${address} ${other}\n`)
  for (const hostKeyChecking of ['strict', 'accept-new'] as const) {
    const error = await refused(t, settings('h1', { knownHosts, hostKeyChecking }))
    t.is(error.code, 'hostKey')
    t.regex(error.message, /THE HOST KEY HAS CHANGED/)
    t.true(error.detail?.includes(`(${knownHosts}:2)`), error.detail)
    t.is(error.detail?.match(/SHA256:/g)?.length, 2)
    t.is(error.hint, `Only if you know why it changed: ssh-keygen -R '${address}' -f ${knownHosts}`)
  }
  await open(t, settings('h1', { knownHosts, hostKeyChecking: 'off' }))
})

test('hashed names, and a host known by another key than the one that sshd would show first', async (t) => {
  const address = lab().address('h1')
  const scanned = execFileSync('ssh-keyscan', ['-t', 'ecdsa', address], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString()
  const knownHosts = tempFile(
    'known_hosts',
    scanned
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n'),
  )
  execFileSync('ssh-keygen', ['-q', '-H', '-f', knownHosts], { stdio: 'ignore' })
  t.regex(readFileSync(knownHosts, 'utf8'), /^\|1\|.* ecdsa-sha2-nistp256 /)
  t.is(await whoami(await open(t, settings('h1', { knownHosts }))), 'root')
})

test('a wrong key is refused, and the message says what was tried', async (t) => {
  const error = await refused(t, settings('h1', { identityFile: strangeKey }))
  t.is(error.code, 'authentication')
  t.true(error.message.includes(`web1 (debian@${lab().address('h1')}:22)`))
  t.true(error.detail?.includes(`tried: ${strangeKey}`), error.detail)
  t.regex(error.detail ?? '', /the server takes: .*publickey/)
  const missing = await refused(t, settings('h1', { identityFile: join(work, 'missing') }))
  t.is(missing.code, 'authentication')
  t.regex(missing.message, /does not exist/)
})

test('an encrypted key: right passphrase, wrong, none', async (t) => {
  t.is(await whoami(await open(t, settings('h1', { user: 'fishy', identityFile: encryptedKey, passphrase }))), 'root')
  const wrong = await refused(t, settings('h1', { user: 'fishy', identityFile: encryptedKey, passphrase: 'wrong one' }))
  t.is(wrong.code, 'authentication')
  t.regex(wrong.detail ?? '', /its passphrase is wrong/)
  const none = await refused(t, settings('h1', { user: 'fishy', identityFile: encryptedKey }))
  t.regex(none.detail ?? '', /is encrypted and no passphrase was given/)
})

test('login by password and by keyboard-interactive', async (t) => {
  const plain = { user: 'plain', become: false, password } as const
  t.is(await whoami(await open(t, without(settings('h1', plain), 'identityFile'))), 'plain')
  t.is(await whoami(await open(t, without(settings('h2', { ...plain, user: 'kbd' }), 'identityFile'))), 'kbd')
  const wrong = await refused(t, without(settings('h1', { ...plain, password: 'nope' }), 'identityFile'))
  t.is(wrong.code, 'authentication')
  t.regex(wrong.detail ?? '', /tried: password, keyboard-interactive/)
})

test('an ssh-agent is used, and one that is gone does not matter', async (t) => {
  const socket = join(work, 'agent.sock')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  t.teardown(() => agent.kill())
  await until('the agent listens', () => existsSync(socket))
  execFileSync('ssh-add', ['-q', lab().status.identityFile], {
    env: { ...process.env, SSH_AUTH_SOCK: socket },
    stdio: 'ignore',
  })
  const bare = without(settings('h1'), 'identityFile')
  t.is(await whoami(await open(t, bare, { lock: false }, surroundings({ agentSocket: socket }))), 'root')
  const dead = surroundings({ agentSocket: join(work, 'nothing-listens.sock') })
  t.is(await whoami(await open(t, settings('h1'), { lock: false }, dead)), 'root')
  const home = join(work, 'home-with-key')
  mkdirSync(join(home, '.ssh'), { recursive: true })
  writeFileSync(join(home, '.ssh/id_ed25519'), readFileSync(lab().status.identityFile), { mode: 0o600 })
  t.is(await whoami(await open(t, bare, { lock: false }, { ...dead, home })), 'root', 'a usual file after a dead agent')
  const nothing = await refused(t, bare, { lock: false }, surroundings())
  t.regex(nothing.message, /there is nothing to log in with/)
})

test('a jump host, from the inventory and from ~/.ssh/config, with its key checked', async (t) => {
  const jump = lab().address('h1')
  const behind = await open(t, settings('h2', { proxyJump: `debian@${jump}:22` }))
  const [result] = await behind.run([{ script: 'echo "$SSH_CONNECTION"' }])
  t.true(result?.stdout.startsWith(`${jump} `), result?.stdout)
  await behind.probeFresh()
  const bytes = randomBytes(3_000_000)
  const [sum] = await behind.run([{ script: 'sha256sum', input: bytes }])
  t.is(sum?.stdout.slice(0, 64), createHash('sha256').update(bytes).digest('hex'))
  const config = tempFile(
    'config',
    `Host behind\n HostName ${lab().address('h2')}\n User debian\n ProxyJump gate\n IdentityFile ${lab().status.identityFile}\nHost gate\n HostName ${jump}\n User debian\n IdentityFile ${lab().status.identityFile}\n`,
  )
  const named = without(settings('h2', {}), 'user', 'identityFile')
  const byConfig = await open(
    t,
    { ...named, address: 'behind' },
    { lock: false },
    surroundings({ configFiles: [config] }),
  )
  const [again] = await byConfig.run([{ script: 'echo "$SSH_CONNECTION"' }])
  t.true(again?.stdout.startsWith(`${jump} `))
  const onlyTarget = readFileSync(lab().status.knownHosts, 'utf8')
    .split('\n')
    .filter((line) => line.split(' ')[0]?.includes(lab().address('h2')))
    .join('\n')
  const error = await refused(
    t,
    settings('h2', { proxyJump: `debian@${jump}`, knownHosts: tempFile('known_hosts', `${onlyTarget}\n`) }),
  )
  t.is(error.code, 'hostKey')
  t.regex(error.message, new RegExp(`web1 via ${jump.replaceAll('.', '\\.')}`))
})

test('unreachable hosts: refused, unknown name, silent server; each with host, address, port and a retry only there', async (t) => {
  const attempts: number[] = []
  const closed = await refused(t, settings('h1', { port: 9, connectAttempts: 2 }), {
    onAttempt: (attempt) => attempts.push(attempt),
  })
  t.is(closed.code, 'unreachable')
  t.is(closed.message, `web1 (debian@${lab().address('h1')}:9): ${lab().address('h1')} refuses connections on port 9`)
  t.deepEqual(attempts, [1, 1, 2])
  const nameless = await refused(t, settings('h1', { address: 'no-such-host.invalid' }))
  t.regex(nameless.message, /the name no-such-host\.invalid does not resolve|the name service does not answer/)
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const address = silent.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const mute = await refused(t, settings('h1', { address: '127.0.0.1', port, connectTimeout: 3, connectAttempts: 1 }))
  t.is(mute.message, `web1 (debian@127.0.0.1:${port}): the handshake took longer than 3 s`)
  const wrongKey: number[] = []
  await refused(t, settings('h1', { identityFile: strangeKey, connectAttempts: 3 }), {
    onAttempt: (attempt) => wrongKey.push(attempt),
  })
  t.deepEqual(wrongKey, [1], 'a refused login is not tried again')
})

test('a peer that dies is noticed by the keepalive', async (t) => {
  t.timeout(60_000)
  const proxy = await startProxy(lab().address('h1'))
  t.teardown(proxy.close)
  const knownHosts = tempFile('known_hosts', readFileSync(lab().status.knownHosts, 'utf8'))
  appendFileSync(
    knownHosts,
    readFileSync(knownHosts, 'utf8').replaceAll(lab().address('h1'), `[127.0.0.1]:${proxy.port}`),
  )
  const connected = await open(t, settings('h1', { address: '127.0.0.1', port: proxy.port, knownHosts, keepalive: 2 }))
  let begun = false
  const running = connected.run([{ script: 'echo begun; sleep 5' }], {
    onOutput: () => {
      begun = true
    },
  })
  running.catch(() => undefined)
  await until('the step has begun', () => begun)
  proxy.freeze()
  const error = await t.throwsAsync(running)
  t.true(isProvisionError(error) && error.code === 'unreachable')
  t.regex(error?.message ?? '', /the connection was lost: Keepalive timeout/)
})

interface Proxy {
  readonly port: number
  /** From now on nothing goes through, and nothing is closed. */
  readonly freeze: () => void
  readonly close: () => void
}

async function startProxy(address: string): Promise<Proxy> {
  const sockets: Socket[] = []
  const server = createServer((incoming) => {
    const outgoing = connectTcp(22, address)
    sockets.push(incoming, outgoing)
    for (const socket of [incoming, outgoing]) socket.on('error', () => undefined)
    incoming.on('data', (bytes) => outgoing.write(bytes))
    outgoing.on('data', (bytes) => incoming.write(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const listening = server.address()
  return {
    port: typeof listening === 'object' && listening ? listening.port : 0,
    freeze: () => {
      for (const socket of sockets) socket.pause()
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

test('a server that allows one session still lets an abort through, by a connection of its own', async (t) => {
  const connected = await open(t, settings('h2', { user: 'single' }))
  const controller = new AbortController()
  const [result] = await connected.run([{ script: 'echo begun; sleep 1000' }], {
    signal: controller.signal,
    onOutput: () => controller.abort(),
  })
  t.is(result?.code, 143)
  t.is(await whoami(connected), 'root')
})

test('busybox as the only shell and tools of a host runs the agent', async (t) => {
  // A login whose PATH is busybox's own: sh, dd, cat, setsid and sleep are its applets; there is no sudo in it.
  const connected = await open(t, settings('h2', { user: 'bare', become: false }), { lockWait: 0 })
  const bytes = randomBytes(1_000_001)
  const results = await connected.run([
    { script: 'readlink -f "$(command -v dd)"; printf "\\377" | od -An -tx1' },
    { script: 'sha256sum', input: bytes },
    { script: 'sleep 1000', timeout: 0.5, always: true },
  ])
  t.regex(results[0]?.stdout ?? '', /^\/(?:usr\/)?bin\/busybox\n ff\n$/)
  t.is(results[1]?.stdout.slice(0, 64), createHash('sha256').update(bytes).digest('hex'))
  t.true(results[2]?.timedOut)
  const locked = await refused(t, settings('h2', { user: 'bare', become: false }), { lockWait: 0 })
  t.is(locked.code, 'locked')
})

test.serial(
  'a kept connection serves the next run, lets others have the lock between, and is replaced when it died',
  async (t) => {
    const connect = makeConnect(surroundings())
    const kept = keepConnections(connect)
    t.teardown(() => kept.close())
    const host = hostWith(settings('h1'))
    const agentOf = async (connection: Connection) => (await connection.run([{ script: 'echo $PPID' }]))[0]?.stdout
    const first = await kept.connect(host, secrets)
    const agent = await agentOf(first)
    await t.throwsAsync(connect(host, secrets, { lockWait: 0 }), { message: /locked by/ })
    await first.close()
    await (await connect(host, secrets, { lockWait: 0 })).close()
    const second = await kept.connect(host, secrets)
    t.is(await agentOf(second), agent)
    t.is(second.requests, 1)
    await second.close()
    await lab().must('h1', `kill -9 ${agent}`)
    const third = await kept.connect(host, secrets)
    t.not(await agentOf(third), agent)
    await third.close()
  },
)

test('login, agent and two requests take seven turns, and one less if the first request travels with the agent', async (t) => {
  const turns = await turnsThrough(t, async (connection) => {
    const connected = await open(t, connection)
    t.is(await whoami(connected), 'root')
    t.is(await whoami(connected), 'root')
  })
  // identification, key exchange, login, channel, command; two requests. (Nobody waits for the goodbye.)
  t.is(turns, 7)
  const early = await turnsThrough(t, async (connection) => {
    const dialled = makeDial(surroundings())(hostWith(connection), secrets, { lock: false })
    t.teardown(() => dialled.close())
    const first = whoami(dialled)
    t.is(await first, 'root')
    t.is(await whoami(dialled), 'root')
    t.is(dialled.requests, 2)
  })
  t.is(early, 6)
})

test('a host that is dialled but asked nothing runs nothing, and why it cannot be reached is told when it is asked', async (t) => {
  const dial = makeDial(surroundings())
  const idle = dial(hostWith(settings('h1')), secrets)
  await idle.close()
  t.is(idle.requests, 0)
  const nowhere = dial(hostWith(settings('h1', { port: 1 })), secrets)
  await t.throwsAsync(nowhere.run([{ script: ':' }]), { message: /refuses connections on port 1/ })
  await t.throwsAsync(nowhere.start(), { message: /refuses connections on port 1/ })
  await nowhere.close()
})

test('an abort while connecting ends it', async (t) => {
  const controller = new AbortController()
  const connecting = refused(t, settings('h1', { user: 'asks', becomePassword: password }), {
    lock: false,
    signal: controller.signal,
    onAttempt: () => controller.abort(),
  })
  t.is((await connecting).code, 'interrupted')
})
