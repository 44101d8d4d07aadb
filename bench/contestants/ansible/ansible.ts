import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackages } from '../../requirements.ts'
import { type Assignment, type Contestant, commandRunner } from '../contestant.ts'

const playbook = fileURLToPath(new URL('site.yml', import.meta.url))

/** How Ansible is set up. */
type Setup = 'shipped' | 'tuned' | 'mitogen'

const shared = { slow: true, changedIn }

/** Ansible as Debian ships it. Its connections stay for 60 seconds, as its defaults say. */
export const ansible: Contestant = {
  ...shared,
  name: 'ansible',
  describe: "Debian's ansible-core as shipped; as many forks as hosts",
  prepare: () => installPackages(['ansible']),
  open: (assignment, group) => open('shipped', assignment, group),
}

/** Ansible with everything that its users tune. */
export const ansibleTuned: Contestant = {
  ...shared,
  name: 'ansible-tuned',
  describe: 'the same with pipelining, ControlPersist of 600 s, no facts, a fixed interpreter',
  prepare: () => installPackages(['ansible']),
  open: (assignment, group) => open('tuned', assignment, group),
}

/** Ansible with Mitogen's strategy, tuned. */
export const mitogen: Contestant = {
  ...shared,
  name: 'mitogen',
  describe: "the tuned Ansible with Debian's ansible-mitogen (strategy `mitogen_linear`)",
  prepare: () => installPackages(['ansible', 'ansible-mitogen']),
  open: (assignment, group) => open('mitogen', assignment, group),
}

async function open(setup: Setup, assignment: Assignment, group: Parameters<Contestant['open']>[1]) {
  const { folder, targets, data } = assignment
  const [settings, inventory] = [join(folder, 'ansible.cfg'), join(folder, 'hosts')]
  await writeFile(settings, renderSettings(setup, assignment, inventory))
  const hosts = targets.map(({ name, address, port }) => {
    return `${name} ansible_host=${address} ansible_port=${port} bench_name=${name}\n`
  })
  await writeFile(inventory, hosts.join(''))
  const variables = JSON.stringify({ bench_data: data, bench_facts: setup === 'shipped' })
  return commandRunner(group, ['/usr/bin/ansible-playbook', playbook, '--extra-vars', variables], {
    cwd: folder,
    environment: { ANSIBLE_CONFIG: settings, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  })
}

/** The ansible.cfg of a setup. */
export function renderSettings(setup: Setup, assignment: Assignment, inventory: string): string {
  const { folder, targets, identityFile, knownHosts } = assignment
  const isTuned = setup !== 'shipped'
  const lines = [
    '[defaults]',
    `inventory = ${inventory}`,
    `forks = ${Math.max(5, targets.length)}`,
    `private_key_file = ${identityFile}`,
    'remote_user = root',
    ...(isTuned ? ['interpreter_python = /usr/bin/python3'] : []),
    ...(setup === 'mitogen' ? [`strategy_plugins = ${mitogenPlugins}`, 'strategy = mitogen_linear'] : []),
    '[ssh_connection]',
    `control_path_dir = ${folder}/cp`,
    `ssh_common_args = -F none -o UserKnownHostsFile=${knownHosts}`,
    ...(isTuned ? ['pipelining = True', 'ssh_args = -o ControlMaster=auto -o ControlPersist=600s'] : []),
  ]
  return `${lines.join('\n')}\n`
}

const mitogenPlugins = '/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy'

function changedIn(output: string): number | undefined {
  const recap = output.split('PLAY RECAP')[1]
  if (recap === undefined) return undefined
  return [...recap.matchAll(/changed=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0)
}
