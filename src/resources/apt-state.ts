// What dpkg and apt know of packages, read in one go: dpkg-query(1), apt-cache(8) `policy`, apt-get(8) `--simulate`.
import { ProvisionError } from '../core/error.ts'
import { quote, sh } from '../shell/quote.ts'
import { refreshStamp } from './apt-script.ts'
import type { PackageWord } from './apt-word.ts'

/** A package as dpkg knows it; there may be one for each architecture. */
export interface Instance {
  /** Three letters: wanted, status, error; dpkg-query(1) calls it `db:Status-Abbrev`. */
  readonly status: string
  readonly architecture: string
  readonly version: string
}

/** A package as the lists know it. */
export interface Known {
  readonly candidate: string | undefined
  readonly versions: readonly string[]
}

/** Times in seconds since 1970, by the host's clock. */
export interface Lists {
  readonly now: number
  /** When they were last refreshed as a whole; 0 = never. */
  readonly refreshed: number
  /** When the newest file that says where packages come from changed. */
  readonly sources: number
}

export interface AptState {
  readonly instances: ReadonlyMap<string, readonly Instance[]>
  /** Virtual package → an installed one that provides it. */
  readonly providers: ReadonlyMap<string, string>
  /** Read only for packages that are missing, of another version, or wished newest. */
  readonly known: ReadonlyMap<string, Known>
  /** Undefined if `known` was not read. */
  readonly lists: Lists | undefined
  /** What a removal would remove, as apt simulates it. */
  readonly removals: readonly string[]
}

/** What one task asks of the packages. */
export interface PackageQuestion {
  readonly words: readonly PackageWord[]
  /** Empty = apt's choice. */
  readonly release: string
  readonly newest: boolean
  readonly removal: 'remove' | 'purge' | undefined
}

/** One script for all tasks. When everything is there as wished it is a single dpkg-query. */
export function packageProbe(questions: readonly PackageQuestion[]): string {
  const words = questions.flatMap((question) => question.words)
  const names = [...new Set(words.map((word) => word.base))]
  const pins = [...new Map(words.map((word) => [word.text, word])).values()].filter((word) => word.version)
  const releases = new Map<string, Set<string>>()
  for (const question of questions.filter((one) => !one.removal)) {
    const asked = releases.get(question.release) ?? new Set()
    releases.set(question.release, asked)
    // What is newest is known to apt only: `!` asks even if it is installed.
    for (const word of question.words) asked.add(question.newest ? `!${word.base}` : word.text)
  }
  return [
    sh`export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
tab=$(printf '\\t')
command -v dpkg-query >/dev/null || { echo 'error: this host has no dpkg, so it cannot have Debian packages' >&2; exit 1; }
found=$(dpkg-query -W -f 'package\\t\${db:Status-Abbrev}\\t\${Package}\\t\${Architecture}\\t\${Version}\\n' ${names} 2>/dev/null) || [ $? = 1 ]
printf '%s\\n' "$found"
satisfied='|'
while IFS="$tab" read -r _ status name architecture version; do
  case $status in [ih]i*) satisfied="$satisfied$name|$name:$architecture|" ;; *) continue ;; esac`,
    ...pins.map(({ text, base, architecture, version = '' }) => {
      const pattern = version.replace(/[^*?]+/g, (part) => quote(part))
      return `  case "$name${architecture ? ':$architecture' : ''}=$version" in ${quote(base)}=${pattern}) satisfied="$satisfied"${quote(`${text}|`)} ;; esac`
    }),
    askFunction,
    ...[...releases].map(([release, asked]) => sh`ask ${release} ${[...asked]}`),
    lookAround,
    ...questions.flatMap(({ removal, words: list }, index) =>
      removal ? [sh`removals ${index} ${removal} ${list.map((word) => word.base)}`] : [],
    ),
  ].join('\n')
}

const askFunction = `done <<PACKAGES
$found
PACKAGES
asked=
ask() {
  release=$1 missing=
  shift
  for word do
    case $satisfied in *"|$word|"*) continue ;; esac
    word=\${word#!}
    missing="$missing \${word%%=*}"
  done
  [ -n "$missing" ] || return 0
  asked="$asked $missing"
  apt-cache \${release:+-o "APT::Default-Release=$release"} policy $missing 2>/dev/null | sed "s|^|policy$tab$release$tab|"
}
removals() {
  wish=$1 verb=$2 there=
  shift 2
  for name do
    case $found in
      *"$tab"[!u]??"$tab$name$tab"* | *"$tab"[!u]??"$tab\${name%:*}$tab\${name##*:}$tab"*) there="$there $name" ;;
    esac
  done
  [ -n "$there" ] || return 0
  apt-get -s -q "$verb" $there 2>/dev/null |
    awk -v wish="$wish" '$1 == "Remv" || $1 == "Purg" { print "removal\\t" wish "\\t" $2 }'
}`

// Only if something is missing: who provides it instead, and how old the lists are.
const lookAround = `if [ -n "$asked" ]; then
  dpkg-query -W -f '\${db:Status-Abbrev}\\t\${Package}\\t\${Provides}\\n' | awk -F '\\t' -v names="$asked" '
    BEGIN { count = split(names, list, " "); for (i = 1; i <= count; i++) wanted[list[i]] = 1 }
    $1 ~ /^.i/ && $3 != "" {
      count = split($3, provided, /, */)
      for (i = 1; i <= count; i++) { sub(/ .*/, "", provided[i]); if (provided[i] in wanted) print "provider\\t" provided[i] "\\t" $2 }
    }'
  printf 'now\\t%s\\n' "$(date +%s)"
  set -- /var/lib/apt/lists/*Packages*
  if [ -e "$1" ]; then
    stamp=$(stat -c %.Y ${refreshStamp} /var/lib/apt/periodic/update-success-stamp 2>/dev/null | sort -n | tail -n 1)
    printf 'refreshed\\t%s\\n' "\${stamp:-$(stat -c %.Y /var/lib/apt/lists)}"
  else
    printf 'refreshed\\t0\\n'
  fi
  printf 'sources\\t%s\\n' "$(stat -c %.Y /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/sources.list.d/* 2>/dev/null | sort -n | tail -n 1)"
fi`

/** The answer of `packageProbe`: one state for each task, of which only the release is needed. */
export function parsePackages(stdout: string, releases: readonly string[]): readonly AptState[] {
  const instances = new Map<string, Instance[]>()
  const providers = new Map<string, string>()
  const policies = new Map<string, string[]>()
  const times = new Map<string, number>()
  const removals = new Map<string, string[]>()
  for (const line of stdout.split('\n')) {
    if (line === '') continue
    const [kind, first = '', second = '', architecture = '', version = ''] = line.split('\t')
    if (kind === 'package') append(instances, second, { status: first, architecture, version })
    else if (kind === 'provider') providers.set(first, second)
    else if (kind === 'policy') append(policies, first, second)
    else if (kind === 'removal') append(removals, first, second)
    else if (kind === 'now' || kind === 'refreshed' || kind === 'sources') times.set(kind, Number(first))
    else {
      throw new ProvisionError({
        code: 'probe',
        message: `the state of the packages could not be read: expected a line of the probe, found '${line.slice(0, 80)}'`,
      })
    }
  }
  const now = times.get('now')
  const lists =
    now === undefined ? undefined : { now, refreshed: times.get('refreshed') ?? 0, sources: times.get('sources') ?? 0 }
  return releases.map((release, index) => ({
    instances,
    providers,
    known: parsePolicy(policies.get(release) ?? []),
    lists,
    removals: removals.get(String(index)) ?? [],
  }))
}

/** `apt-cache policy`: a header line for each package, `Candidate:`, and a table of versions. */
function parsePolicy(lines: readonly string[]): ReadonlyMap<string, Known> {
  const known = new Map<string, { candidate: string | undefined; versions: string[] }>()
  let current = ''
  for (const line of lines) {
    const header = /^(\S+):$/.exec(line)?.[1]
    if (header) {
      current = header
      known.set(header, { candidate: undefined, versions: [] })
    }
    const entry = known.get(current)
    const candidate = /^ {2}Candidate: (\S+)$/.exec(line)?.[1]
    if (entry && candidate && candidate !== '(none)') entry.candidate = candidate
    const version = /^ (?:\*\*\*| {3}) (\S+) /.exec(line)?.[1]
    if (version) entry?.versions.push(version)
  }
  return known
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
