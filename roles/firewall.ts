// The host's firewall: default deny, ssh first, and what the host's roles declare that they need.
import { apt, assert, file, type Host, role, systemd, ufw, v } from 'hostwright'
import { allowedSources, ddosLevelOf, unlimitedSources } from './ddos-profile.ts'

const policy = v.picklist(['allow', 'deny', 'reject'])
const sources = v.pipe(v.array(v.string()), v.minLength(1, 'expected at least one address or network'))

const params = {
  /** Who may connect by ssh. It must hold the address that provision comes from. @default everyone; with `site.allowedSources` and `site.ddosProtection` those and all hosts, others are limited */
  sshSources: v.optional(sources),
  /** Others may connect by ssh too, but at most 5 times in 30 seconds from one address. @default false with `sshSources` */
  sshLimitOthers: v.optional(v.boolean()),
  /** Ports of ssh on this host. @default the port in the inventory */
  sshPorts: v.optional(v.pipe(v.array(v.number()), v.minLength(1))),
  /** Addresses and networks that nothing is accepted from, whatever else is declared. @default none */
  blocked: v.optional(v.array(v.string()), []),
  /** Rules beside those that the roles declare; they come before them. @default none */
  rules: v.optional(v.array(v.custom<ufw.UfwRule>((input) => typeof input === 'object' && input !== null)), []),
  /** What happens to incoming packets that no rule names. @default 'deny' */
  incoming: v.optional(policy, 'deny'),
  /** The same for outgoing ones. @default 'allow' */
  outgoing: v.optional(policy, 'allow'),
  /** The same for those that pass through. @default 'deny' */
  routed: v.optional(policy, 'deny'),
  /** How much is logged. @default 'low' */
  logging: v.optional(v.picklist(['off', 'low', 'medium', 'high', 'full']), 'low'),
  /** Rules for IPv6 too. @default as ufw is set (Debian: true) */
  ipv6: v.optional(v.boolean()),
  /** Filter. @default true */
  enabled: v.optional(v.boolean(), true),
}

export type FirewallParams = v.InferInput<v.StrictObjectSchema<typeof params, undefined>>
type Checked = v.InferOutput<v.StrictObjectSchema<typeof params, undefined>>

declare module 'hostwright' {
  interface HostVars {
    firewall?: Partial<FirewallParams>
  }
}

/**
 * The firewall: opens what the roles of a host declare and closes the rest. Put it after the roles whose ports it opens, or before: it asks all roles of the playbook on this host.
 * @example play({ hosts: 'all', roles: [firewall({ sshSources: ['192.0.2.0/24'], sshLimitOthers: true })] })
 */
export const firewall = role(
  'firewall',
  {
    params,
    verify: (given, host) =>
      given.enabled && [
        assert({
          that: `PATH="$PATH:/usr/sbin" && grep -qix ENABLED=yes /etc/ufw/ufw.conf && iptables -w 10 -S INPUT | grep -qx -- '-P INPUT ${given.incoming === 'allow' ? 'ACCEPT' : 'DROP'}'`,
          message: 'the firewall is on, and the kernel drops what no rule names',
        }),
        assert({
          that: `[ "$(PATH="$PATH:/usr/sbin" iptables -w 10 -S ufw-user-input | grep -c -- '-j')" -ge ${rulesOf(given, host).filter(appliesToIPv4).length} ]`,
          message: 'the kernel has a rule for every rule that was declared',
        }),
      ],
  },
  (given, host) => [
    apt.package({ pkg: 'ufw', startServices: false }),
    // ufw sets kernel parameters of its own each time it starts (log_martians=0, say); with the base role they are the base role's alone
    host.roles.includes('base') && file.line({ path: '/etc/default/ufw', match: '^IPT_SYSCTL=', line: 'IPT_SYSCTL=' }),
    ufw.ruleset({
      rules: rulesOf(given, host),
      defaultIncoming: given.incoming,
      defaultOutgoing: given.outgoing,
      defaultRouted: given.routed,
      logging: given.logging,
      ...(given.ipv6 !== undefined && { ipv6: given.ipv6 }),
      enabled: given.enabled,
    }),
    // Loads the rules at boot; the unit need not be active now.
    systemd.service({ unit: 'ufw', enabled: given.enabled }),
  ],
)

function rulesOf(given: Checked, host: Host): ufw.UfwRule[] {
  const ports = (given.sshPorts ?? [host.sshPort]).join(',')
  // a limit is safe only if we know who is never to be limited: the controller is no host of the inventory
  const isLimited = !given.sshSources && ddosLevelOf(host) !== 'off' && allowedSources(host).length > 0
  const from = isLimited ? unlimitedSources(host) : given.sshSources
  return [
    ...given.blocked.map((address): ufw.UfwRule => ({ action: 'deny', from: address, comment: 'blocked' })),
    { action: 'allow', port: ports, ...(from && { from }), comment: 'ssh' },
    ...((given.sshLimitOthers ?? isLimited) && from
      ? [{ action: 'limit', port: ports, comment: 'ssh of others' } as const]
      : []),
    ...given.rules,
    ...host.openings().flatMap((opening): ufw.UfwRule[] => {
      // An empty list means that nobody is there to connect, not everybody.
      if (opening.from?.length === 0) return []
      return [
        {
          action: 'allow',
          ...(opening.port !== undefined && { port: opening.port }),
          protocol: opening.protocol ?? 'tcp',
          ...(opening.from && { from: [...opening.from] }),
          ...(opening.comment !== undefined && { comment: opening.comment }),
        },
      ]
    }),
  ]
}

function appliesToIPv4(rule: ufw.UfwRule): boolean {
  return (
    rule.direction !== 'out' && [rule.from ?? 'any', rule.to ?? 'any'].flat().every((address) => !address.includes(':'))
  )
}
