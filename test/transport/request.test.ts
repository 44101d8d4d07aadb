import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Step } from '../../src/transport/connection.ts'
import { inputChunks, inputSize, renderRequest } from '../../src/transport/request.ts'

test('a request is its length and one text of sh', (t) => {
  const text = `set -- 'set -eu;exec 3<&-;echo '\\''hi'\\''\n' 28 0 0 0 '' '' 'set -eu;export A='\\''b c'\\'';cat\n#.' 29 0 7 1 'app' 'abc';whole=1`
  const request = renderRequest([
    { script: `echo 'hi'` },
    { script: 'cat', input: 'abc', env: { A: 'b c' }, timeout: 7, always: true, user: 'app' },
  ])
  t.is(request.toString(), `Q ${Buffer.byteLength(text)}\n${text}`)
})

test('the shell reads every value back as it was', (t) => {
  const odd = `'"$HOME" \`id\` \\n\n-n ÄÖ🚀 !*`
  const request = renderRequest([{ script: odd, input: odd, user: 'u', always: true }]).toString()
  const text = request.slice(request.indexOf('\n') + 1)
  const output = execFileSync('sh', ['-c', `${text}; printf '%s|' "$@" "$whole"`]).toString()
  t.is(output, `set -eu;${odd}\n#.|${Buffer.byteLength(odd) + 11}|0|0|1|u|${odd}|1|`)
})

const refusals: readonly (readonly [title: string, step: Step, message: RegExp])[] = [
  ['a NUL in a script', { script: 'a\0b' }, /NUL byte/],
  ['a NUL in a value', { script: '', env: { A: '\0' } }, /NUL byte/],
  ['shell text as a user', { script: '', user: 'root;id' }, /"root;id" is no name of a user/],
  ['an option as a user', { script: '', user: '-r' }, /"-r" is no name of a user/],
  ['shell text as a variable', { script: '', env: { 'A=1;id;B': '' } }, /is no name of an environment variable/],
  ['a timeout of nothing', { script: '', timeout: 0 }, /timeout is 0, expected seconds above 0/],
  ['a timeout that is no number', { script: '', timeout: Number.NaN }, /timeout is NaN/],
]
for (const [title, step, message] of refusals) {
  test(`${title} is refused before anything is sent`, (t) => {
    t.throws(() => renderRequest([step]), { instanceOf: TypeError, message })
  })
}

test('a short text is a word of the request; anything else follows with its end mark', async (t) => {
  const collect = async (input: Step['input']): Promise<string> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of inputChunks(input)) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    return Buffer.concat(chunks).toString()
  }
  const file = join(tmpdir(), `hostwright-request-${process.pid}`)
  writeFileSync(file, 'of a file, and more')
  t.teardown(() => rmSync(file))
  t.is(inputSize('äb'), 3)
  for (const input of ['äb', Buffer.from('äb'), '', undefined]) t.is(await collect(input), '')
  const long = 'ä'.repeat(10_000)
  for (const input of ['a\0b', Buffer.from('a\0b'), long, Buffer.from(long)]) {
    t.is(await collect(input), `${Buffer.from(input).toString()}.\n`)
    t.true(renderRequest([{ script: '', input }]).includes(` ${inputSize(input)} 0 0 '' ''`))
  }
  const notText = Uint8Array.from([0xff, 0xfe])
  t.true(renderRequest([{ script: '', input: notText }]).includes(` 2 0 0 '' ''`))
  t.is(await collect({ path: file, size: 9 }), 'of a file.\n', 'no more than was announced')
  await t.throwsAsync(collect({ path: file, size: 100 }), { message: /became shorter.*19 of 100 bytes/ })
})
