import { randomBytes } from 'node:crypto'

/** `20261121T083015Z-3f9a1c`: names in order are records in order. */
export function makeRecordId(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z-${randomBytes(3).toString('hex')}`
}

export const recordId = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/
