import { statSync } from 'node:fs'

/** A file's path, modification time in milliseconds (-1 if there is none) and size: what tells that it changed. */
export type FileStamp = readonly [path: string, time: number, size: number]

export function stampOf(path: string): FileStamp {
  const status = statSync(path, { throwIfNoEntry: false })
  return status ? [path, status.mtimeMs, status.size] : [path, -1, 0]
}

/** Whether the file is still as it was. */
export function isUnchanged([path, time, size]: FileStamp): boolean {
  const [, timeNow, sizeNow] = stampOf(path)
  return timeNow === time && sizeNow === size
}
