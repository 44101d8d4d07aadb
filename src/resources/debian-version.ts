// The order of Debian version numbers, deb-version(7), and the globs of `apt-get install pkg=1.2*`.

/** Negative, zero or positive as `left` is older than, equal to or newer than `right`. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [split(left), split(right)]
  return a.epoch - b.epoch || compareParts(a.upstream, b.upstream) || compareParts(a.revision, b.revision)
}

/** Whether a version matches a wished one, in which `*` and `?` stand for any text and any character. */
export function matchesVersion(version: string, wished: string): boolean {
  const pattern = wished
    .split(/([*?])/)
    .map((part) => (part === '*' ? '.*' : part === '?' ? '.' : part.replace(/[.+]/g, '\\$&')))
    .join('')
  return new RegExp(`^${pattern}$`).test(version)
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':')
  const rest = version.slice(colon + 1)
  const hyphen = rest.lastIndexOf('-')
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? '' : rest.slice(hyphen + 1),
  }
}

function compareParts(left: string, right: string): number {
  let [a, b] = [left, right]
  while (a !== '' || b !== '') {
    const [wordA, wordB] = [/^\D*/.exec(a)?.[0] ?? '', /^\D*/.exec(b)?.[0] ?? '']
    const words = compareWords(wordA, wordB)
    if (words !== 0) return words
    a = a.slice(wordA.length)
    b = b.slice(wordB.length)
    const [digitsA, digitsB] = [/^\d*/.exec(a)?.[0] ?? '', /^\d*/.exec(b)?.[0] ?? '']
    const numbers = compareNumbers(digitsA, digitsB)
    if (numbers !== 0) return numbers
    a = a.slice(digitsA.length)
    b = b.slice(digitsB.length)
  }
  return 0
}

function compareNumbers(left: string, right: string): number {
  const [a, b] = [left.replace(/^0+/, ''), right.replace(/^0+/, '')] // dates with times exceed Number's exact range
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
}

function compareWords(left: string, right: string): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = weight(left[index]) - weight(right[index])
    if (difference !== 0) return difference
  }
  return 0
}

/** `~` sorts before the end, letters before everything else. */
function weight(character: string | undefined): number {
  if (character === undefined) return 0
  if (character === '~') return -1
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256
}
