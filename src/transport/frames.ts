/** A piece of a stream: bytes of a step's output, or a frame of the agent. */
export type Piece = { readonly data: Buffer } | { readonly frame: readonly string[] }

const newline = 0x0a

/**
 * Cuts the agent's frames (`DELIMITER WORDS…` to the end of the line) out of a stream of arbitrary bytes. Bytes are handed
 * on at once, but for a tail that may be the beginning of a delimiter.
 */
export class FrameReader {
  private readonly delimiter: Buffer
  private rest: Buffer = Buffer.alloc(0)

  constructor(delimiter: string) {
    this.delimiter = Buffer.from(`${delimiter} `)
  }

  /** The pieces that are complete with this chunk. */
  read(chunk: Buffer): Piece[] {
    const pieces: Piece[] = []
    let buffer = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    for (;;) {
      const start = buffer.indexOf(this.delimiter)
      if (start < 0) break
      const end = buffer.indexOf(newline, start)
      if (start > 0) pieces.push({ data: buffer.subarray(0, start) })
      buffer = buffer.subarray(start)
      if (end < 0) {
        this.rest = Buffer.from(buffer)
        return pieces
      }
      const line = buffer.toString('utf8', this.delimiter.length, end - start)
      pieces.push({ frame: line.split(' ') })
      buffer = buffer.subarray(end - start + 1)
    }
    const kept = this.possibleStart(buffer)
    if (kept < buffer.length) pieces.push({ data: buffer.subarray(0, buffer.length - kept) })
    this.rest = Buffer.from(buffer.subarray(buffer.length - kept))
    return pieces
  }

  /** How many bytes at the end could begin a delimiter. */
  private possibleStart(buffer: Buffer): number {
    const first = this.delimiter.readUInt8(0)
    const from = Math.max(0, buffer.length - this.delimiter.length + 1)
    for (let at = buffer.indexOf(first, from); at >= 0; at = buffer.indexOf(first, at + 1)) {
      const tail = buffer.subarray(at)
      if (this.delimiter.subarray(0, tail.length).equals(tail)) return tail.length
    }
    return 0
  }
}
