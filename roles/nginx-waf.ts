// The web application firewall of the role nginx: ModSecurity with the OWASP Core Rule Set, as Debian packages them. Its parameters are part of
// nginx's; so are its tasks, because the module must be there before the site names it, and its file must stay until the site does not.
import { apt, file, type Handler, shell, type Tasks, v } from 'hostwright'

const ruleId = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(999_999_999))
const ruleRange = v.pipe(
  v.string(),
  v.regex(/^\d{1,9}-\d{1,9}$/, "expected a range of rule ids such as '942100-942199'"),
)
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.[\]-]{1,100}$/, 'expected a name (letters, digits, _ . - [ ])'))
const path = v.pipe(
  v.string(),
  v.regex(/^\/[A-Za-z0-9_.~/-]*\*?$/, "expected a path such as '/notes', or '/admin/*' for all below"),
)

const exclusion = v.pipe(
  v.strictObject({
    /** Id of the rule that is wrong here, a range of ids, or `all` (with a path: the WAF looks at nothing there). */
    rule: v.union(
      [ruleId, ruleRange, v.literal('all')],
      "expected the id of a rule, a range such as '942100-942199', or 'all'",
    ),
    /** Where: one path, or all that begin with it if it ends in `*`. @default everywhere */
    path: v.optional(path),
    /** The query's or form's parameter that the rule is not to look at. @default the rule is left out altogether */
    parameter: v.optional(name),
    /** The same for a cookie. */
    cookie: v.optional(name),
    /** The same for a header. */
    header: v.optional(name),
  }),
  v.check(
    ({ parameter, cookie, header }) => [parameter, cookie, header].filter(Boolean).length < 2,
    'expected one of parameter, cookie and header',
  ),
  v.check(
    ({ rule, path: where }) => rule !== 'all' || where !== undefined,
    "rule 'all' needs a path: expected waf: 'off' to look at nothing anywhere",
  ),
  v.check(
    ({ rule, parameter, cookie, header }) => typeof rule === 'number' || !(parameter || cookie || header),
    'expected the id of one rule beside a parameter, cookie or header',
  ),
)

/** Parameters of the role nginx. */
export const wafParams = {
  /** The web application firewall: `detect` writes what it would refuse to its log, `block` refuses it with 403. @default 'off' */
  waf: v.optional(v.picklist(['off', 'detect', 'block']), 'off'),
  /** How suspicious it is: 1 hardly ever wrong, 4 wrong about much until exclusions are made. @default 1 */
  wafParanoia: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4)), 1),
  /** Points from which a request is refused; one critical finding is 5. @default 5 */
  wafAnomalyThreshold: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 5),
  /** HTTP methods that it lets through. @default GET, HEAD, POST, OPTIONS */
  wafMethods: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.regex(/^[A-Z]{1,20}$/, 'expected a method such as PUT'))), v.minLength(1)),
    ['GET', 'HEAD', 'POST', 'OPTIONS'],
  ),
  /**
   * Types of request bodies that it lets through, beside forms, JSON, XML and those of SOAP, cloud events and CSP reports. Bodies of other
   * types are not taken apart, so it sees less in them. @default []
   */
  wafContentTypes: v.optional(
    v.array(v.pipe(v.string(), v.regex(/^[a-z0-9.+-]+\/[a-z0-9.+-]+$/, "expected a type such as 'text/plain'"))),
    [],
  ),
  /** What it is wrong about. @default [] */
  wafExclusions: v.optional(v.array(exclusion), []),
}

export type WafExclusion = v.InferOutput<typeof exclusion>
export type WafGiven = v.InferOutput<v.StrictObjectSchema<typeof wafParams, undefined>> & {
  readonly clientMaxBodySize: string
}

/** As the rule set has it (rule 900220). */
const contentTypes = [
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/related',
  'text/xml',
  'application/xml',
  'application/soap+xml',
  'application/json',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/csp-report',
  'application/reports+json',
]

const configurationFile = '/etc/nginx/waf.conf'
const rotation = '/etc/logrotate.d/nginx-waf'
/** Not `*.log`: nginx's own rotation would rename it, and ModSecurity goes on writing to the renamed file. */
const auditLog = '/var/log/nginx/modsec_audit.json'

/** What must be there before the site's file names the WAF. */
export function wafBefore(given: WafGiven, reload: Handler): Tasks {
  if (given.waf === 'off') return []
  return [
    // logrotate is no dependency of nginx, and this log grows; nginx loads a module that was added when it reloads (seen on 1.22, 1.26 and 1.30)
    apt.package({
      pkg: ['libnginx-mod-http-modsecurity', 'modsecurity-crs', 'logrotate'],
      startServices: false,
      notify: reload,
    }),
    // ModSecurity would make it readable by all, and it quotes requests
    shell.command({
      name: `${auditLog} for root, www-data and adm only`,
      run: `touch ${auditLog} && chown www-data:adm ${auditLog} && chmod 0640 ${auditLog}`,
      unless: `[ "$(stat -c '%a %U:%G' ${auditLog})" = '640 www-data:adm' ]`,
    }),
    file.file({ dest: rotation, mode: '0644', content: rotationRules }),
    file.template({
      src: 'nginx/waf.conf.ejs',
      dest: configurationFile,
      mode: '0644',
      vars: {
        ...given,
        auditLog,
        contentTypes: [...contentTypes, ...given.wafContentTypes].map((type) => `|${type}|`).join(' '),
        bodyLimit: bytesOf(given.clientMaxBodySize),
        before: given.wafExclusions.flatMap((entry, index) =>
          entry.path ? [exclusionAt(entry, entry.path, 10_100 + index)] : [],
        ),
        after: given.wafExclusions.flatMap((entry) => (entry.path ? [] : [exclusionEverywhere(entry)])),
      },
      validate: 'nginx -t',
      notify: reload,
    }),
  ]
}

/** What may go when the site's file does not name it any more. The packages stay, and the log of what was refused. */
export function wafAfter({ waf }: WafGiven): Tasks {
  return waf === 'off' && [file.absent({ path: configurationFile }), file.absent({ path: rotation })]
}

/** Proves it with an attack of its own: refused, or in the log. */
export function wafVerify(given: WafGiven & { readonly port: number; readonly domains: readonly string[] }): Tasks {
  if (given.waf === 'off') return []
  const attack = `curl -s -o /dev/null -w '%{http_code}' -H 'Host: ${given.domains[0]}' "http://127.0.0.1:${given.port}/?provision-verify=$mark&q=%3Cscript%3Ealert(1)%3C/script%3E"`
  return given.waf === 'block'
    ? shell.command({
        name: 'the WAF refuses an attack',
        run: `mark=block; status=$(${attack}); if [ "$status" != 403 ]; then echo "error: expected status 403, found $status" >&2; exit 1; fi`,
        probe: true,
      })
    : shell.command({
        name: 'the WAF logs an attack and lets it through',
        run: `mark=$(date +%s%N); status=$(${attack})
if [ "$status" = 403 ]; then echo 'error: it was refused' >&2; exit 1; fi
for turn in 1 2 3 4 5 6 7 8 9 10; do if tail -c 200000 ${auditLog} | grep -q "provision-verify=$mark"; then exit 0; fi; sleep 0.5; done
echo 'error: nothing of it is in ${auditLog}' >&2; exit 1`,
        probe: true,
      })
}

/** copytruncate, because ModSecurity keeps the file open and knows no signal to open it anew; it appends, so nothing is overwritten. */
const rotationRules = `# Written by provision (role nginx). Changes made here are undone by the next run.
${auditLog} {
	daily
	rotate 14
	maxsize 100M
	missingok
	notifempty
	compress
	delaycompress
	copytruncate
	su root adm
}
`

/** `10m` of nginx in bytes; 0, which is no limit there, is ModSecurity's largest. */
export function bytesOf(size: string): number {
  const [, digits = '0', unit = ''] = /^(\d+)([kmg]?)$/i.exec(size) ?? []
  const factor = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1
  const largest = 1024 ** 3
  return Number(digits) === 0 ? largest : Math.min(Number(digits) * factor, largest)
}

/** What the rule is not to look at; undefined = the rule itself is left out. */
function targetOf({ parameter, cookie, header }: WafExclusion): string | undefined {
  if (parameter !== undefined) return `ARGS:${parameter}`
  if (cookie !== undefined) return `REQUEST_COOKIES:${cookie}`
  return header === undefined ? undefined : `REQUEST_HEADERS:${header}`
}

/** At one path: decided for each request, before the rules run. */
function exclusionAt(entry: WafExclusion, where: string, id: number): string {
  const target = targetOf(entry)
  const control =
    entry.rule === 'all'
      ? 'ruleEngine=Off'
      : target === undefined
        ? `ruleRemoveById=${entry.rule}`
        : `ruleRemoveTargetById=${entry.rule};${target}`
  const operator = where.endsWith('*') ? `@beginsWith ${where.slice(0, -1)}` : `@streq ${where}`
  return `SecRule REQUEST_FILENAME "${operator}" "id:${id},phase:1,pass,nolog,t:none,ctl:${control}"`
}

/** Everywhere: the rule is changed when it is loaded. */
function exclusionEverywhere(entry: WafExclusion): string {
  const target = targetOf(entry)
  return target === undefined ? `SecRuleRemoveById ${entry.rule}` : `SecRuleUpdateTargetById ${entry.rule} "!${target}"`
}
