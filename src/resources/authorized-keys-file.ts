// Lines of an authorized_keys file, sshd(8) "AUTHORIZED_KEYS FILE FORMAT".

/** A key of a file, or a wished one. */
export interface KeyLine {
  readonly type: string
  /** The base64 body: with the type, what makes the key. */
  readonly body: string
  /** Before the type, as written; empty if there are none. */
  readonly options: string
  /** The whole line. */
  readonly text: string
}

const keyPattern =
  /^((?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)(?:-cert-v01@openssh\.com)?)\s+([A-Za-z0-9+/]+={0,3})(?:\s|$)/

/** A line's key, or undefined for comments, blanks and what sshd would not take either. */
export function parseKeyLine(text: string): KeyLine | undefined {
  const line = text.trim()
  if (line === '' || line.startsWith('#')) return undefined
  let rest = line
  let options = ''
  let match = keyPattern.exec(rest)
  if (!match) {
    const end = endOfOptions(line)
    options = line.slice(0, end)
    rest = line.slice(end).trimStart()
    match = keyPattern.exec(rest)
  }
  const [, type, body] = match ?? []
  return type === undefined || body === undefined ? undefined : { type, body, options, text: line }
}

/** Whether two lines name the same key, whatever their comments and options. */
export function sameKey(left: KeyLine, right: KeyLine): boolean {
  return left.type === right.type && left.body === right.body
}

/** Whether two option lists mean the same: their order does not count, the case of their names neither. */
export function sameOptions(left: string, right: string): boolean {
  return normalOptions(left) === normalOptions(right)
}

function normalOptions(options: string): string {
  const list: string[] = []
  let rest = options
  while (rest !== '') {
    const [word = rest] = /^(?:"(?:\\.|[^"\\])*"|[^,"])+/.exec(rest) ?? []
    list.push(word.replace(/^[^=]+/, (name) => name.toLowerCase()))
    rest = rest.slice(word.length).replace(/^,/, '')
  }
  return list.sort().join(',')
}

/** Options end at the first blank outside quotes. */
function endOfOptions(line: string): number {
  let quoted = false
  for (let index = 0; index < line.length; index++) {
    const character = line[index]
    if (character === '\\' && quoted) index++
    else if (character === '"') quoted = !quoted
    else if (!quoted && (character === ' ' || character === '\t')) return index
  }
  return line.length
}
