import { PassThrough } from 'node:stream'
import test from 'ava'
import { askPasswords } from '../../src/cli/ask-password.ts'
import type { Io } from '../../src/cli/io.ts'

function stand(stdin: PassThrough): { io: Io; stderr: () => string } {
  let text = ''
  const stderr = {
    write: (more: string) => {
      text += more
      return true
    },
  }
  return { io: { stdin, stderr } as unknown as Io, stderr: () => text } // as much as asking needs
}

test('without a terminal the answers are lines of stdin, however they come', async (t) => {
  const stdin = new PassThrough()
  const { io, stderr } = stand(stdin)
  stdin.end('first\n second with spaces \nnot asked for\n')
  t.deepEqual(await askPasswords(io, ['One: ', 'Two: ']), ['first', ' second with spaces '])
  t.is(stderr(), '')
})

test('an answer that does not come is an error that names the question', async (t) => {
  const stdin = new PassThrough()
  stdin.end('first\n')
  await t.throwsAsync(askPasswords(stand(stdin).io, ['Login password: ', 'Password of sudo or su: ']), {
    message: 'password of sudo or su: expected a line on stdin, found its end',
  })
})

function terminal(): { stdin: PassThrough; raw: () => boolean } {
  let raw = false
  const setRawMode = (on: boolean): void => {
    raw = on
  }
  return { stdin: Object.assign(new PassThrough(), { isTTY: true, setRawMode }), raw: () => raw }
}

test('on a terminal nothing that is typed shows, and the terminal is left as it was', async (t) => {
  const { stdin, raw } = terminal()
  const { io, stderr } = stand(stdin)
  const asked = askPasswords(io, ['One: ', 'Two: '])
  t.true(raw())
  stdin.write('hunter2\r')
  await new Promise((resolve) => setImmediate(resolve))
  stdin.write('correct horse\r')
  t.deepEqual(await asked, ['hunter2', 'correct horse'])
  t.is(stderr(), 'One: \nTwo: \n')
  t.false(raw())
})

test('Ctrl-C while asking interrupts', async (t) => {
  const { stdin, raw } = terminal()
  const asked = askPasswords(stand(stdin).io, ['One: '])
  stdin.write('hun\u0003')
  await t.throwsAsync(asked, { message: 'interrupted', code: 'interrupted' })
  t.false(raw())
})
