import { randomBytes } from 'node:crypto'

/**
 * `20261121T083015Z-3f9a1c`: names in order are records in order, also within a second, since the first three digits of the
 * last part are the milliseconds. The others are chance.
 */
export function makeRecordId(time: Date): string {
  const seconds = time.toISOString().slice(0, 19).replace(/[-:]/g, '')
  const milliseconds = time.getUTCMilliseconds().toString(16).padStart(3, '0')
  return `${seconds}Z-${milliseconds}${randomBytes(2).toString('hex').slice(1)}`
}

export const recordId = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/
