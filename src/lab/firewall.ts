import { runCommand, tryCommand } from './command.ts'
import type { LabPlace } from './home.ts'

// The hosts reach the package mirror through this machine. The rule lives in a table of the lab's own, so that taking
// the lab down is deleting that table. A machine that drops forwarded packets by default (Docker sets that) also gets
// two rules in its FORWARD chain, because an accept in one table does not overrule a drop in another.

/** Lets a lab's network out through this machine's own address. */
export async function openFirewall(place: LabPlace, bridge: string, network: string): Promise<void> {
  const table = tableName(place)
  const ruleset = `
    table ip ${table}
    delete table ip ${table}
    table ip ${table} {
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr ${network} ip daddr != ${network} masquerade
      }
    }
  `
  await runCommand('nft', ['-f', '-'], { input: ruleset })
  if (!(await filtersForwarding())) return
  for (const rule of forwardRules(bridge)) {
    const present = await tryCommand('iptables', ['-w', '-C', 'FORWARD', ...rule])
    if (present.exitCode !== 0) await runCommand('iptables', ['-w', '-I', 'FORWARD', ...rule])
  }
}

/** Removes what `openFirewall` made. */
export async function closeFirewall(place: LabPlace, bridge: string): Promise<void> {
  await tryCommand('nft', ['delete', 'table', 'ip', tableName(place)])
  if (!(await filtersForwarding())) return
  for (const rule of forwardRules(bridge)) await tryCommand('iptables', ['-w', '-D', 'FORWARD', ...rule])
}

function tableName(place: LabPlace): string {
  return `provision-lab-${place.id}`
}

function forwardRules(bridge: string): string[][] {
  return [
    ['-i', bridge, '-j', 'ACCEPT'],
    ['-o', bridge, '-j', 'ACCEPT'],
  ]
}

async function filtersForwarding(): Promise<boolean> {
  const listed = await tryCommand('iptables', ['-w', '-S', 'FORWARD']).catch(() => null) // no iptables here: no chain of its
  return listed !== null && listed.exitCode === 0 && listed.stdout.trim() !== '-P FORWARD ACCEPT'
}
