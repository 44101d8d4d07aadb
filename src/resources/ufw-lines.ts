// The iptables lines that ufw(8) makes of a tuple, character for character (backend_iptables.py, ufw 0.36), and a normal form in
// which they can be compared with what iptables -S says of the kernel.
import { anywhere, type Family, type Tuple } from './ufw-rule.ts'

/** The prefix of ufw's chains in a family. */
export const chainPrefix = (family: Family): string => (family === 4 ? 'ufw' : 'ufw6')

/** The `### tuple ###` line of a rule. */
export function tupleLine(tuple: Tuple): string {
  const { action, protocol, port, to, sourcePort, from, place, comment } = tuple
  const hex = Buffer.from(comment, 'utf8').toString('hex')
  const line = `### tuple ### ${[action, protocol, port, to, sourcePort, from, place].join(' ')}`
  return comment === '' ? line : `${line} comment=${hex}`
}

/** The rules of a tuple as they stand in user.rules. */
export function ruleLines(tuple: Tuple): readonly string[] {
  const { family, action, port, to, from } = tuple
  const prefix = chainPrefix(family)
  const [direction = 'in', ...names] = tuple.place.split('_')
  const many = /[,:]/.test(port)
  const protocols = tuple.protocol === 'any' ? (port === 'any' ? [''] : ['tcp', 'udp']) : [tuple.protocol]
  return protocols.flatMap((protocol) => {
    const match = [
      `-A ${prefix}-user-${direction === 'out' ? 'output' : 'input'}`,
      names.length > 0 && `${direction === 'out' ? '-o' : '-i'} ${names.join('_')}`,
      protocol !== '' && `-p ${protocol}`,
      many && `-m multiport --dports ${port}`,
      to !== anywhere(family) && `-d ${to}`,
      !many && port !== 'any' && `--dport ${port}`,
      from !== anywhere(family) && `-s ${from}`,
    ]
      .filter(Boolean)
      .join(' ')
    switch (action) {
      case 'allow':
        return [`${match} -j ACCEPT`]
      case 'reject':
        return [`${match} -j REJECT${protocol === 'tcp' ? ' --reject-with tcp-reset' : ''}`]
      case 'limit':
        return [
          `${match} -m conntrack --ctstate NEW -m recent --set`,
          `${match} -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ${prefix}-user-limit`,
          `${match} -j ${prefix}-user-limit-accept`,
        ]
      default:
        return [`${match} -j DROP`]
    }
  })
}

/** What stands between `### RULES ###` and `### END RULES ###` for these tuples. */
export function rulesText(tuples: readonly Tuple[]): string {
  return tuples.map((tuple) => `\n${[tupleLine(tuple), ...ruleLines(tuple)].join('\n')}\n`).join('')
}

const numbers: Readonly<Record<string, string>> = { igmp: '2', gre: '47', esp: '50', ah: '51', vrrp: '112' }
const ignored = new Set(['-m', '--name', '--mask', '--reject-with'])

/** A rule without what iptables adds or reorders when it prints one, so that two spellings of a rule are equal. */
export function normalRule(line: string): string {
  const words = line.trim().split(/\s+/)
  const parts: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const next = words[index + 1] ?? ''
    if (word === '--rsource') continue
    if (ignored.has(word)) {
      index++
      continue
    }
    if (word.startsWith('-') && next !== '' && !next.startsWith('-')) {
      index++
      parts.push(`${word.replace(/ports$/, 'port')} ${normalValue(word, next)}`)
    } else parts.push(word)
  }
  return parts
    .filter((part) => part !== '-p all')
    .sort()
    .join(' ')
}

function normalValue(option: string, value: string): string {
  if (option === '-p') return numbers[value] ?? value
  if (option === '-s' || option === '-d') return value.replace(/\/(32|128)$/, '')
  return value
}
