// The alerts of a site, made for what its inventory has. Each says what is wrong in one sentence, and what to do in another.
import type { Host } from 'hostwright'
import { membersOf } from '../site.ts'
import type { AlertRule, Checked } from './parameters.ts'
import { backupRules, driftRules } from './rules/care.ts'
import { databaseRules } from './rules/database.ts'
import { certificateRules, hostRules } from './rules/hosts.ts'
import { monitorRules } from './rules/monitors.ts'
import { siteRules } from './rules/site.ts'
import { isGroupMember, servicesOf } from './targets.ts'

/** An alert of this role. */
export interface Rule {
  readonly alert: string
  readonly expr: string
  /** How long it must be so. */
  readonly for: string
  /** `critical`: somebody gets up at night; `warning`: in the morning; `none`: never. */
  readonly severity: 'critical' | 'warning' | 'none'
  /** What is wrong; Prometheus fills in `{{ $labels.host }}` and `{{ $value }}`. */
  readonly summary: string
  /** What to do. */
  readonly action: string
}

/** What the rules need to know of the inventory. */
export interface Watched {
  readonly floatingAddress: string | undefined
  readonly balancers: number
  readonly databases: number
  /** Databases that follow one primary, or a group that chooses its own. */
  readonly topology: 'replication' | 'group'
  readonly monitors: number
  readonly backups: boolean
}

/** What there is to watch. */
export function watchedOf(host: Host): Watched {
  const databases = host.inventory.hosts.filter((member) => servicesOf(member).mysql)
  return {
    floatingAddress: host.vars.site?.floatingAddress,
    balancers: membersOf(host, 'lb').length,
    databases: databases.length,
    topology: databases.some(isGroupMember) ? 'group' : 'replication',
    monitors: membersOf(host, 'monitor').length,
    backups: membersOf(host, 'backup').length > 0,
  }
}

/** All alerts, by area. */
export function rulesOf(given: Pick<Checked, 'thresholds' | 'ignoreUnits'>, watched: Watched): Record<string, Rule[]> {
  const { thresholds } = given
  return {
    site: siteRules(thresholds, watched),
    database: databaseRules(thresholds, watched),
    hosts: hostRules(thresholds, given.ignoreUnits),
    certificates: certificateRules(),
    backup: backupRules(thresholds, watched),
    drift: driftRules(),
    monitoring: monitorRules(watched),
  }
}

/** The rule file: the role's groups and, if there are any, the user's own. */
export function ruleFile(groups: Readonly<Record<string, readonly Rule[]>>, own: readonly AlertRule[]): object {
  const named = Object.entries(groups).filter(([, rules]) => rules.length > 0)
  return {
    groups: [
      ...named.map(([name, rules]) => ({
        name,
        rules: rules.map((rule) => ({
          alert: rule.alert,
          expr: rule.expr,
          ...(rule.for !== '0s' && { for: rule.for }),
          labels: { severity: rule.severity },
          annotations: { summary: rule.summary, action: rule.action },
        })),
      })),
      ...(own.length > 0 ? [{ name: 'own', rules: own }] : []),
    ],
  }
}
