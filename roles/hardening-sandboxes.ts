// The drop-ins of roles/sandbox.ts for the daemons that this host's roles bring. They are written before the daemons start for the first
// time; one that runs already is not restarted for it, because a load balancer or a database is not to stop by the way.
import { assert, type Host, systemd, type Tasks } from 'hostwright'
import { servicesOf } from './monitoring/targets.ts'
import { flavourOf } from './mysql-parameters.ts'
import { type Confined, renderSandbox, sandboxes } from './sandbox.ts'

/** Those of this host's roles, of which `mysql` brings one of two daemons; fail2ban only if it is there. */
function confined(host: Host, bans: boolean): Confined[] {
  const isMariadb = host.roles.includes('mysql') && flavourOf({ flavour: host.vars.mysql?.flavour }, host) === 'mariadb'
  const brought = host.roles.map((role) => (role === 'mysql' && isMariadb ? 'mariadb' : role))
  return Object.entries(sandboxes)
    .filter(([name]) => brought.includes(name) && (bans || name !== 'hardening'))
    .flatMap(([, units]) => units.filter(({ watches }) => watches === undefined || servicesOf(host)[watches]))
}

export function sandboxTasks(host: Host, bans: boolean): Tasks {
  return confined(host, bans).map(({ unit, sandbox }) =>
    systemd.unit({ name: `${unit}.d/50-provision-sandbox.conf`, content: renderSandbox(sandbox) }),
  )
}

/** A process that runs in it cannot gain rights any more: the kernel says so of the process itself, not of the unit's file. */
export function sandboxVerify(host: Host, bans: boolean): Tasks {
  return confined(host, bans).map(({ unit }) =>
    assert({
      that: `pid=$(systemctl show --property=MainPID --value ${unit})
[ "$pid" = 0 ] || grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status"`,
      message: `${unit} runs in its sandbox (restart it once, when it suits)`,
    }),
  )
}
