// What a site may choose for its monitors, read from the variable `monitoring`.
import { type Secret, secret, v } from 'hostwright'

const secretText = v.custom<string | Secret>(
  (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  'expected a text or a secret',
)
const duration = v.pipe(v.string(), v.regex(/^([0-9]+(ms|[smhdwy]))+$/, "expected a time as '15s', '5m' or '30d'"))
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))
const line = v.pipe(v.string(), v.nonEmpty(), v.regex(/^[^\r\n]*$/, 'expected one line'))
const mailAddress = v.pipe(v.string(), v.regex(/^[^\s@<>,;"']+@[^\s@<>,;"']+$/, 'expected a mail address'))
const httpUrl = v.pipe(
  v.string(),
  v.check(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    "expected an address that starts with 'http://' or 'https://'",
  ),
)
const path = v.pipe(v.string(), v.regex(/^\/[A-Za-z0-9._/@-]+$/, 'expected an absolute path'))
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

const mail = v.strictObject({
  /** Who gets it. */
  to: v.pipe(v.array(mailAddress), v.minLength(1)),
  /** Who sends it. */
  from: mailAddress,
  /** `host:port` of the mail server. */
  smarthost: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.-]+:[0-9]+$/, "expected 'host:port'")),
  /** Account at the mail server. @default none */
  user: v.optional(line),
  /** Its password. @default none */
  password: v.optional(secretText),
  /** Refuse to send without TLS. @default true */
  requireTls: v.optional(v.boolean(), true),
})

const webhook = v.strictObject({
  /** Where alerts are posted as JSON. A secret if who knows it may post (needs Debian 13). */
  url: v.union([httpUrl, v.custom<Secret>((value) => typeof value === 'object' && value !== null)]),
  /** Sent as `Authorization: Bearer …`. @default nothing */
  token: v.optional(secretText),
  /** Local file with the CA of the receiver. @default the system's CAs */
  caFile: v.optional(v.string()),
  /** Tell when an alert is over, too. @default true */
  resolved: v.optional(v.boolean(), true),
})

/** An alert: Prometheus' own words. */
export const alertRule = v.strictObject({
  /** Its name. */
  alert: v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a name of letters, digits and _')),
  /** What must be true, in PromQL. */
  expr: v.pipe(v.string(), v.nonEmpty()),
  /** How long it must be true, `'5m'` say. @default at once */
  for: v.optional(duration),
  /** Labels of the alert, `severity` for one. @default none */
  labels: v.optional(v.record(v.string(), v.string())),
  /** Texts of the alert: `summary`, `description`. @default none */
  annotations: v.optional(v.record(v.string(), v.string())),
})

/** From when on a state is an alert. */
const thresholds = {
  /** Free share of a file system. @default 0.1 */
  diskFree: v.optional(share, 0.1),
  /** Memory that programs can still get, as a share. @default 0.05 */
  memoryFree: v.optional(share, 0.05),
  /** Seconds that a replica may be behind. @default 30 */
  replicationLag: v.optional(v.pipe(v.number(), v.minValue(0)), 30),
  /** Share of requests answered with 5xx. @default 0.05 */
  errors: v.optional(share, 0.05),
  /** Hours since the last backup. @default 26 */
  backupHours: v.optional(v.pipe(v.number(), v.minValue(1)), 26),
  /** Days since a backup was last restored as a test. @default 8 */
  restoreTestDays: v.optional(v.pipe(v.number(), v.minValue(1)), 8),
  /** Seconds that a clock may differ. @default 2 */
  clock: v.optional(v.pipe(v.number(), v.minValue(0)), 2),
}

export const params = {
  /** How often everything is asked. @default '15s' */
  scrapeInterval: v.optional(duration, '15s'),
  /** How long the figures are kept. @default '30d' */
  retention: v.optional(duration, '30d'),
  /** The most room that they take, `'8GB'` say. @default no limit */
  retentionSize: v.optional(v.pipe(v.string(), v.regex(/^[0-9]+(MB|GB|TB)$/, "expected a size as '8GB'"))),
  /** Where alerts go by mail. @default none */
  mail: v.optional(mail),
  /** Where alerts go by webhook. @default none */
  webhooks: v.optional(v.array(webhook), []),
  /** A service that alarms when it hears nothing: the alert Watchdog, which always fires, is posted there every minute. @default none */
  heartbeat: v.optional(webhook),
  /** How long alerts of one kind are collected before the first message. @default '30s' */
  groupWait: v.optional(duration, '30s'),
  /** After how long news of what was told already is told: another alert of the kind, or that it is over. @default '5m' */
  groupInterval: v.optional(duration, '5m'),
  /** After how long an alert that goes on is told again. @default '4h' */
  repeatInterval: v.optional(duration, '4h'),
  /** Path that the probes of the site ask for. @default '/healthz' */
  healthPath: v.optional(
    v.pipe(v.string(), v.regex(/^\/[^\s'"]*$/, "expected a path that starts with '/'")),
    '/healthz',
  ),
  /** More addresses to probe, beside the site's own. @default [] */
  probes: v.optional(v.array(httpUrl), []),
  /** Local file with the CA of the site's certificate. @default `letsencrypt.caFile`, else the system's CAs */
  siteCaFile: v.optional(v.string()),
  /** Whether the site's certificate must be one that the monitor trusts. @default true, unless `letsencrypt` issues from its staging area */
  verifySite: v.optional(v.boolean()),
  /** From when on a state is an alert. @default each its own */
  thresholds: v.optional(v.strictObject(thresholds), {}),
  /** Alerts of your own, beside the role's. @default [] */
  extraRules: v.optional(v.array(alertRule), []),
  /** Scrape configurations of your own, in Prometheus' words. @default [] */
  extraScrapes: v.optional(
    v.array(
      v.looseObject({ job_name: line, static_configs: v.optional(v.array(v.looseObject({ targets: v.array(line) }))) }),
    ),
    [],
  ),
  /** Patterns of unit names that may fail without an alert, a regular expression. @default none */
  ignoreUnits: v.optional(v.pipe(v.string(), v.regex(/^[^"\\\n]*$/, 'expected no quote and no backslash'))),
  /** The status page: a port, who may open it, accounts. `false` for none. */
  statusPage: v.optional(
    v.union([
      v.literal(false),
      v.strictObject({
        /** @default 9443 */
        port: v.optional(port, 9443),
        /** Addresses and networks that may open it. @default the address that provision comes from */
        from: v.optional(v.array(v.string())),
        /** Certificate and key for browsers, files on the host. @default one that the host makes for itself */
        certificate: v.optional(path),
        key: v.optional(path),
        /** Passwords by account. @default none: whoever may connect may look */
        accounts: v.optional(v.record(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]+$/)), secretText), {}),
      }),
    ]),
    {},
  ),
  /** Grafana, from a repository that has it: Debian has not. @default none */
  grafana: v.optional(
    v.strictObject({
      /** As `apt.repository` wants it. */
      repository: v.strictObject({
        uris: v.pipe(
          v.string(),
          v.check(
            (text) => /^\S+$/.test(text) && URL.canParse(text),
            "expected the address of a repository, as 'https://apt.grafana.com'",
          ),
        ),
        suites: line,
        components: v.optional(line),
        /** Armored text, or the path of a local file. */
        key: v.pipe(v.string(), v.nonEmpty()),
      }),
      /** Password of the account admin, when it is made. @default secret('grafana.admin') */
      adminPassword: v.optional(secretText, () => secret('grafana.admin')),
    }),
  ),
  /** The secret of the internal CA. @default secret('tls.ca') */
  ca: v.optional(secretText, () => secret('tls.ca')),
}

export type MonitoringParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
/** The parameters after their defaults. */
export type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>
export type Thresholds = Checked['thresholds']
export type AlertRule = v.InferOutput<typeof alertRule>

declare module 'hostwright' {
  interface HostVars {
    monitoring?: Partial<MonitoringParams>
  }
}
