// Waits until an address answers over HTTP as wished, as seen from the host itself. Changes nothing. curl(1), wget(1).
import * as v from 'valibot'
import { defineResource } from '../core/resource.ts'
import { type ArgumentsOf, absolutePath } from '../core/schema.ts'
import { quote, raw, sh } from '../shell/quote.ts'

const status = v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(599))

const schema = {
  /** What is asked for, http or https. */
  url: v.pipe(
    v.string(),
    v.check(
      (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
      "expected an address that starts with 'http://' or 'https://'",
    ),
  ),
  /** One status or several. Redirects are not followed. @default 200 */
  status: v.optional(v.union([status, v.pipe(v.array(status), v.minLength(1))])),
  /** A text that the answer must contain. */
  contains: v.optional(v.pipe(v.string(), v.regex(/^[^\n]+$/, 'expected a text in one line'))),
  /** Seconds after which the task fails. @default 60 */
  timeout: v.optional(v.pipe(v.number(), v.minValue(1))),
  /** Seconds between two attempts. @default 1 */
  interval: v.optional(v.pipe(v.number(), v.minValue(1))),
  /** Request headers. Not for secrets: `ps` on the host shows them. */
  headers: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]+$/, 'expected a header')),
      v.pipe(v.string(), v.regex(/^[^\r\n]*$/, 'expected one line')),
    ),
  ),
  /** Address to connect to, whatever the name in the URL resolves to. */
  resolve: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-fA-F.:]+$/, 'expected an IP address'))),
  /** Certificates to trust, a file on the host. @default the host's */
  caFile: v.optional(absolutePath),
  /** Do not check the certificate. @default false */
  insecure: v.optional(v.boolean()),
}

export type WaitHttpArgs = ArgumentsOf<typeof schema>

interface Answer {
  /** 0 if there was none, undefined if the host has no tool to ask with. */
  readonly status: number | undefined
  readonly contains: boolean
  /** What the tool said. */
  readonly message: string
}

/**
 * Waits until an address answers with a status and, if wished, a text. It never counts as a change.
 * @example wait.http({ url: 'http://127.0.0.1:3000/healthz', contains: 'ok', timeout: 30 })
 */
export const waitHttp = defineResource<WaitHttpArgs, WaitHttpArgs, Answer>({
  name: 'wait.http',
  schema,
  describe: (args) => args.url,
  probe: (wishes) => `${fetchFunction}\n${wishes.map((wish) => `(\n${attempt(wish, 2)}\n)`).join('\n')}`,
  parse: (stdout, wishes) => {
    const lines = stdout.split('\n')
    return wishes.map((wish, index) => {
      const [code, contains, message = ''] = (lines[index] ?? '').split('\t')
      if (code === 'no tool') return { status: undefined, contains: false, message: '' }
      if (!code || !/^\d{3}$/.test(code) || (contains !== 'yes' && contains !== 'no'))
        throw new TypeError(`expected the answer of ${wish.url}, found '${lines[index]?.slice(0, 80) ?? ''}'`)
      return { status: Number(code), contains: contains === 'yes', message }
    })
  },
  plan: (state, wish, { check }) => {
    if (state.status === undefined)
      return {
        refused: `${wish.url} cannot be asked: the host has no curl`,
        hint: "apt.package({ pkg: 'curl' })",
      }
    const found = sentence(state, wish)
    if (isWished(state, wish)) return { unchanged: found }
    if (check) return { unknown: `${wish.url}: ${found} now` }
    return { changes: [{ summary: `${found} → ${expected(wish)}`, steps: [{ script: waiting(wish) }] }] }
  },
  readOnly: true,
  converges: 'none',
  didChange: () => false,
})

function waiting(wish: WaitHttpArgs): string {
  const timeout = wish.timeout ?? 60
  return sh`${raw(fetchFunction)}
${raw(attemptFunction(wish))}
tab=$(printf '\\t')
deadline=$(($(date +%s) + ${timeout}))
while :; do
  answer=$(attempt)
  status=\${answer%%"$tab"*}
  rest=\${answer#*"$tab"}
  contains=\${rest%%"$tab"*}
  case $status in
    ${raw(statuses(wish).join(' | '))}) if [ "$contains" = yes ]; then exit 0; fi ;;
  esac
  if [ "$(date +%s)" -ge "$deadline" ]; then
    found="status $status"
    if [ "$status" = 000 ]; then found='no answer'; fi
    message=\${rest#*"$tab"}
    printf 'error: %s, found %s%s\\n' ${`${wish.url}: expected ${expected(wish)} within ${timeout} seconds`} "$found" "\${message:+ ($message)}" >&2
    exit 1
  fi
  sleep ${wish.interval ?? 1}
done`
}

function attemptFunction(wish: WaitHttpArgs): string {
  return `attempt() (\n${attempt(wish, 5)}\n)`
}

/** Asks once and prints: status, whether the text is there, what the tool said. */
function attempt(wish: WaitHttpArgs, seconds: number): string {
  const url = new URL(wish.url)
  const name = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  const headers = Object.entries(wish.headers ?? {}).map(([header, value]) => `${header}: ${value}`)
  const address = wish.resolve && (wish.resolve.includes(':') ? `[${wish.resolve}]` : wish.resolve)
  const curl = [
    ...headers.flatMap((header) => ['--header', header]),
    ...(address ? ['--resolve', `${name}:${port}:${address}`] : []),
    ...(wish.caFile ? ['--cacert', wish.caFile] : []),
    ...(wish.insecure ? ['--insecure'] : []),
  ]
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.0`,
    ...(headers.some((header) => /^host:/i.test(header)) ? [] : [`Host: ${url.host}`]),
    'Connection: close',
    ...headers,
  ]
  const plain =
    url.protocol === 'http:' ? sh`plain ${wish.resolve ?? name} ${port} ${seconds} ${lines}` : "echo 'no tool'; exit 0"
  return `scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=000
if command -v curl >/dev/null; then
  ${sh`status=$(curl --silent --show-error --globoff --max-time ${seconds} --output "$scratch/body" --write-out '%{http_code}' ${curl} -- ${wish.url} 2>"$scratch/errors")`} || true
elif command -v bash >/dev/null; then
  ${plain}
else
  echo 'no tool'
  exit 0
fi
contains=yes
${wish.contains === undefined ? '' : `grep -Fq -e ${quote(wish.contains)} "$scratch/body" 2>/dev/null || contains=no\n`}printf '%s\\t%s\\t%s\\n' "$status" "$contains" "$(head -n 1 "$scratch/errors" 2>/dev/null | tr '\\t' ' ')"`
}

// Minimal Debian has no curl; for plain HTTP its bash is enough.
const fetchFunction = `plain() {
  address=$1 port=$2 seconds=$3
  shift 3
  printf '%s\\r\\n' "$@" '' >"$scratch/request"
  timeout "$seconds" bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat "$2/request" >&3 && cat <&3 >"$2/answer"' "$address" "$port" "$scratch" 2>"$scratch/errors" </dev/null || true
  [ -s "$scratch/answer" ] || return 0
  answered=$(head -n 1 "$scratch/answer" | sed -n 's|^HTTP/[0-9.]* \\([0-9][0-9][0-9]\\).*|\\1|p' | tr -d '\\r')
  status=\${answered:-000}
  sed '1,/^\\r*$/d' "$scratch/answer" >"$scratch/body"
}`

function isWished(state: Answer, wish: WaitHttpArgs): boolean {
  return statuses(wish).includes(state.status ?? 0) && state.contains
}

function sentence(state: Answer, wish: WaitHttpArgs): string {
  if (!state.status) return `no answer${state.message ? ` (${state.message})` : ''}`
  const text =
    wish.contains === undefined || !statuses(wish).includes(state.status)
      ? ''
      : `, ${state.contains ? 'with' : 'without'} '${wish.contains}'`
  return `status ${state.status}${text}`
}

function expected(wish: WaitHttpArgs): string {
  return `status ${statuses(wish).join(' or ')}${wish.contains === undefined ? '' : ` with '${wish.contains}'`}`
}

function statuses(wish: WaitHttpArgs): readonly number[] {
  if (wish.status === undefined) return [200]
  return typeof wish.status === 'number' ? [wish.status] : wish.status
}
