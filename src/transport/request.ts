// A request as bytes: one text of sh that sets the agent's positional parameters, then the inputs one after another.
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import type { FileInput } from '../core/resource.ts'
import { endOfInput } from './agent-script.ts'
import type { Step } from './connection.ts'

/** What `id` and the shell's `~user` take: no shell text. */
const userName = /^(?:[A-Za-z_][A-Za-z0-9_.-]*\$?|[0-9]+)$/
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/

/** The head of a request: everything but the inputs. Throws a TypeError for what cannot be sent. */
export function renderRequest(steps: readonly Step[]): Buffer {
  const text = `set -- ${steps.map(renderStep).join(' ')};whole=1`
  const body = Buffer.from(text)
  return Buffer.concat([Buffer.from(`Q ${body.length}\n`), body])
}

function renderStep(step: Step): string {
  const user = step.user ?? ''
  if (user !== '' && !userName.test(user)) throw new TypeError(`"${user}" is no name of a user`)
  if (step.timeout !== undefined && !(step.timeout > 0)) {
    throw new TypeError(`a step's timeout is ${step.timeout}, expected seconds above 0`)
  }
  const script = renderScript(step, user)
  const timeout = step.timeout === undefined ? 0 : Math.min(step.timeout, 2_000_000_000)
  return [
    word(script),
    Buffer.byteLength(script),
    streamedSize(step.input),
    timeout,
    step.always ? 1 : 0,
    word(user),
    word(shortInput(step.input) ?? ''),
  ].join(' ')
}

// A script for another user travels on the step's stdin and ends in a mark, so that a cut one is never run.
function renderScript(step: Step, user: string): string {
  const environment = Object.entries(step.env ?? {}).map(([name, value]) => {
    if (!variableName.test(name)) throw new TypeError(`"${name}" is no name of an environment variable`)
    return `export ${name}=${word(value)};`
  })
  const start = user === '' ? 'set -eu;exec 3<&-;' : 'set -eu;'
  const end = user === '' ? '\n' : '\n#.'
  return `${start}${environment.join('')}${step.script}${end}`
}

/** One literal word. (The layers keep transport apart from the DSL's quoting; here everything is quoted, always.) */
export function word(text: string): string {
  if (text.includes('\0')) throw new TypeError('a NUL byte cannot be part of a script, an environment value or a user')
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function isFile(input: NonNullable<Step['input']>): input is FileInput {
  return typeof input === 'object' && 'path' in input
}

const shortest = 16 * 1024

/** An input that can travel as a word of the request, which spares the host two processes: short text without NUL. */
function shortInput(input: Step['input']): string | undefined {
  if (input === undefined || inputSize(input) > shortest) return undefined
  if (typeof input === 'string') return input.includes('\0') ? undefined : input
  if (isFile(input) || input.includes(0) || !isUtf8(input)) return undefined
  return Buffer.from(input).toString('utf8')
}

/** Bytes of an input that follow the head of the request. */
function streamedSize(input: Step['input']): number {
  return shortInput(input) === undefined ? inputSize(input) : 0
}

/** Bytes of a step's input. */
export function inputSize(input: Step['input']): number {
  if (input === undefined) return 0
  if (typeof input === 'string') return Buffer.byteLength(input)
  return isFile(input) ? input.size : input.byteLength
}

/** What follows of a step's input, in chunks, with its end mark; nothing for an empty one. Throws if a file became shorter meanwhile. */
export async function* inputChunks(input: Step['input']): AsyncGenerator<string | Uint8Array> {
  const size = streamedSize(input)
  if (input === undefined || size === 0) return
  if (typeof input === 'string') {
    yield input
  } else if (isFile(input)) {
    let sent = 0
    for await (const chunk of createReadStream(input.path, { end: size - 1, highWaterMark: 1 << 18 })) {
      const bytes = chunk as Buffer // a stream without an encoding gives buffers
      sent += bytes.length
      yield bytes
    }
    if (sent < size) throw new Error(`${input.path} became shorter while it was sent: ${sent} of ${size} bytes`)
  } else {
    for (let at = 0; at < size; at += 1 << 18) yield input.subarray(at, at + (1 << 18))
  }
  yield endOfInput
}
