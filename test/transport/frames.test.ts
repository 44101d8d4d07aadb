import { randomBytes } from 'node:crypto'
import test from 'ava'
import { FrameReader, type Piece } from '../../src/transport/frames.ts'

const delimiter = 'hw-0123456789abcdef'

function readAll(chunks: readonly Buffer[]): { bytes: Buffer; frames: string[]; order: string } {
  const reader = new FrameReader(delimiter)
  const bytes: Buffer[] = []
  const frames: string[] = []
  let order = ''
  for (const piece of chunks.flatMap((chunk): Piece[] => reader.read(chunk))) {
    if ('frame' in piece) {
      frames.push(piece.frame.join(' '))
      order += 'F'
    } else {
      bytes.push(piece.data)
      if (!order.endsWith('d')) order += 'd'
    }
  }
  return { bytes: Buffer.concat(bytes), frames, order }
}

test('frames are cut out of arbitrary bytes, wherever the stream was cut', (t) => {
  const parts = [
    Buffer.from(`${delimiter} B 1 42\n`),
    randomBytes(500),
    Buffer.from('hw-0123456789abcdeX almost, hw-'),
    Buffer.from(`${delimiter} E 1 0 0\n`),
    Buffer.from('between'),
    Buffer.from(`${delimiter} E 2 -1 0\n`),
  ]
  const whole = Buffer.concat(parts)
  const expected = {
    bytes: Buffer.concat([parts[1], parts[2], parts[4]].map((part) => part ?? Buffer.alloc(0))),
    frames: ['B 1 42', 'E 1 0 0', 'E 2 -1 0'],
    order: 'FdFdF',
  }
  t.deepEqual(readAll([whole]), expected)
  for (const size of [1, 2, 3, 7, 16, 64]) {
    const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
      whole.subarray(index * size, (index + 1) * size),
    )
    t.deepEqual(readAll(chunks), expected, `in pieces of ${size}`)
  }
})

test('bytes that cannot begin a delimiter are not held back', (t) => {
  const reader = new FrameReader(delimiter)
  t.deepEqual(reader.read(Buffer.from('Password: ')), [{ data: Buffer.from('Password: ') }])
  t.deepEqual(reader.read(Buffer.from('hhhw')), [{ data: Buffer.from('hh') }])
  t.deepEqual(reader.read(Buffer.from('!')), [{ data: Buffer.from('hw!') }])
})
