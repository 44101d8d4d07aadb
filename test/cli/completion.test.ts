// Completion in the shells themselves: bash, zsh and fish are started, the script is loaded, and a line is completed.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { parseTypedLine, quoteForBash } from '../../src/cli/complete/words.ts'
import { exampleSite, provision } from './stand-in.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A site with odd names, and the command on the path. */
function project(t: ExecutionContext): { cwd: string; env: NodeJS.ProcessEnv } {
  const cwd = exampleSite(t, {
    'playbooks/my site.ts': 'export default 1\n',
    '.provision/runs/20261121T083015Z-3f9a1c/meta.json': '{}',
    'broken.ts': 'export default nonsense(\n',
  })
  const bin = join(cwd, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'provision'), `#!/bin/sh\nexec '${process.execPath}' '${root}bin/provision.js' "$@"\n`)
  chmodSync(join(bin, 'provision'), 0o755)
  return { cwd, env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, HOME: cwd, TERM: 'dumb' } }
}

type Shell = (t: ExecutionContext, line: string) => string[]

const lines = (text: string) => text.split('\n').filter(Boolean)

/** bash calls the function as readline would, and prints what it was given. */
const bash: Shell = (t, line) => {
  const { cwd, env } = project(t)
  const script = `source <(provision completion bash)
COMP_LINE=$1 COMP_POINT=\${#1}
_provision provision
printf '%s\\n' "\${COMPREPLY[@]}"`
  return lines(execFileSync('bash', ['--norc', '-c', script, 'bash', line], { cwd, env, encoding: 'utf8' }))
}

const fish: Shell = (t, line) => {
  const { cwd, env } = project(t)
  const script = `provision completion fish | source; complete -C "$argv[1]"`
  const args = ['--no-config', '-c', script, line]
  return lines(execFileSync('fish', args, { cwd, env, encoding: 'utf8' })).map((one) => one.split('\t')[0] ?? '')
}

/** zsh in a terminal of its own: the line is typed, and a widget completes it and prints the candidates and the line. */
function zshAnswer(t: ExecutionContext, line: string): { readonly found: string[]; readonly line: string } {
  const { cwd, env } = project(t)
  const script = String.raw`zmodload zsh/zpty
zpty z 'zsh -f -i'
zpty -w z 'PS1=; PROMPT_SP=; autoload -Uz compinit && compinit -D -u; source <(provision completion zsh)
compadd() { local -a found; builtin compadd -O found "$@"; answers+=("$found[@]"); builtin compadd "$@" }
typeset -ga answers
show() { answers=(); zle complete-word; print -rl -- "" BEGIN-ANSWERS $answers END-ANSWERS "$BUFFER" END-LINE; }
zle -N show; bindkey "^T" show; print -r READ""Y'
while zpty -r z text; do [[ $text == *READY* ]] && break; done
zpty -n -w z "$1"$'\x14'
while zpty -r z text; do print -rn -- "$text"; [[ $text == *END-LINE* ]] && break; done
zpty -d z`
  const output = execFileSync('zsh', ['-f', '-c', script, 'zsh', line], { cwd, env, encoding: 'utf8' })
  const [, found = `no answer in ${output}`, after = ''] =
    /BEGIN-ANSWERS\n([\s\S]*)END-ANSWERS\n(.*)\nEND-LINE/.exec(output.replaceAll('\r', '')) ?? []
  return { found: lines(found), line: after }
}

const zsh: Shell = (t, line) => zshAnswer(t, line).found

interface Row {
  readonly line: string
  readonly found: readonly string[]
  /** What bash puts in, if that is something else. */
  readonly bash?: readonly string[]
}

const rows: readonly Row[] = [
  { line: 'provision comp', found: ['completion'] },
  { line: 'provision vault recip', found: ['recipients'] },
  { line: 'provision ping --ask-b', found: ['--ask-become-pass'] },
  { line: 'provision --output js', found: ['json'] },
  { line: 'provision completion z', found: ['zsh'] },
  { line: 'provision ssh w', found: ['web1', 'web2'] },
  { line: 'provision vars lb', found: ['lb1'] },
  { line: 'provision exec si', found: ['site'] },
  {
    line: 'provision --limit web:!web',
    found: ['web:!web', 'web:!web1', 'web:!web2'],
    bash: ['\\!web', '\\!web1', '\\!web2'],
  },
  { line: 'provision --limit=lb', found: ['--limit=lb', '--limit=lb1'], bash: ['lb', 'lb1'] },
  { line: 'provision --limit @f', found: ['@failed'], bash: ['failed'] },
  { line: 'provision --tags nginx,o', found: ['nginx,odd'] },
  { line: 'provision doc apt.p', found: ['apt.package'] },
  { line: 'provision report 2026', found: ['20261121T083015Z-3f9a1c'] },
  { line: 'provision playbooks/m', found: ['playbooks/my site.ts'], bash: ['playbooks/my\\ site.ts'] },
  { line: 'provision -i broken.ts ssh w', found: [] },
]

for (const row of rows) {
  test(`bash: ${row.line}`, (t) => t.deepEqual(bash(t, row.line).sort(), [...(row.bash ?? row.found)].sort()))
  test(`fish: ${row.line}`, (t) => t.deepEqual(fish(t, row.line).sort(), [...row.found].sort()))
  test(`zsh: ${row.line}`, (t) => t.deepEqual(zsh(t, row.line).sort(), [...row.found].sort()))
}

test('zsh: a name with a space is quoted where it goes', (t) => {
  t.is(zshAnswer(t, 'provision playbooks/m').line, 'provision playbooks/my\\ site.ts ')
  t.is(zshAnswer(t, 'provision "playbooks/m').line, 'provision "playbooks/my site.ts" ')
  t.is(zshAnswer(t, 'provision --limit web:!web2:').line, 'provision --limit web:\\!web2:')
})

const quoted: readonly (readonly [string, string, string])[] = [
  ['provision my\\ s', 'my site', 'my\\ site'],
  ['provision "my s', 'my site', 'my site'],
  [`provision 'it`, "it's", "it'\\''s"],
  ['provision "a$', 'a$b', 'a\\$b'],
  ['provision web:!d', 'web:!db', '\\!db'],
  ['provision --start-at-task=nginx\\ ', '--start-at-task=nginx › apt', 'nginx\\ \\›\\ apt'],
  ['provision "web:!d', 'web:!db', 'web:!db'],
]
for (const [line, candidate, inserted] of quoted) {
  test(`bash: ${line} becomes ${inserted}`, (t) => t.is(quoteForBash(candidate, parseTypedLine(line)), inserted))
}

test('a project that cannot be loaded completes nothing and says nothing', async (t) => {
  const cwd = exampleSite(t, { 'inventory/hosts.ts': 'export default nonsense(\n' })
  t.deepEqual(await provision(['complete', 'fish', '--', 'ssh', 'w'], { cwd }), {
    code: 0,
    stdout: '',
    stderr: '',
    exits: [],
  })
})

test('a shell that has no completion is refused', async (t) => {
  const { code, stderr } = await provision(['completion', 'tcsh'])
  t.is(code, 1)
  t.regex(stderr, /Allowed choices are bash, zsh, fish\./)
})
