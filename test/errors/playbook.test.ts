// What the command says of playbooks, options of tasks and parameters of roles. Each row: what somebody wrote, and every word of the answer.
import { table } from './table.ts'

table([
  {
    title: 'a playbook that does not parse',
    files: {
      'playbooks/site.ts': `import { definePlaybook } from 'hostwright'
export default definePlaybook([
`,
    },
    says: `✗ syntax error in playbooks/site.ts: Unexpected end of file                    playbooks/site.ts:3:1

      2 | export default definePlaybook([
    > 3 |
        | ^
`,
  },
  {
    title: 'a playbook without a default export',
    files: {
      'playbooks/site.ts': `import { definePlaybook } from 'hostwright'
export const site = definePlaybook([])
`,
    },
    says: `✗ playbooks/site.ts has no default export, expected a playbook                 playbooks/site.ts:1:1

  Write export default site.
`,
  },
  {
    title: 'a task where a play was expected',
    plays: "[file.file({ dest: '/a', content: '' })]",
    says: `✗ definePlaybook: expected plays, found a task                                playbooks/site.ts:3:16

  Wrap it: play({ hosts: …, roles: […] }).
`,
  },
  {
    title: 'a misspelt option of a play',
    plays: "play({ host: 'web', tasks: [] })",
    says: `✗ play: unknown option 'host'                                                 playbooks/site.ts:3:31

  Did you mean 'hosts'?
`,
  },
  {
    title: 'a role that was not called',
    plays: "play({ hosts: 'web', roles: [role('r', () => [])] })",
    says: `✗ play: option 'roles': expected uses of roles, found a function              playbooks/site.ts:3:31

  Call the role: nginx() or nginx({ … }).
`,
  },
  {
    title: 'hosts at a time that are no number',
    plays: "play({ hosts: 'web', serial: 'half' })",
    says: `✗ play: option 'serial': expected a number of hosts or a percentage such as '30%', found 'half'
  playbooks/site.ts:3:31
`,
  },
  {
    title: 'a play after one that comes later',
    plays:
      "(() => { const b = play({ name: 'B', hosts: 'web' }); return [play({ name: 'A', hosts: 'web', after: b }), b] })()",
    says: `✗ play A: option 'after' names the play B, which comes later                  playbooks/site.ts:3:93

  Put it into the playbook, before this one.
`,
  },
  {
    title: 'a misspelt option of a task',
    tasks: "[file.directory({ path: '/srv', owners: 'www-data' })]",
    says: `✗ file.directory: unknown option 'owners'                                     playbooks/site.ts:3:66

  Did you mean 'owner'?
`,
  },
  {
    title: 'an option that is nowhere near',
    tasks: "[file.directory({ path: '/srv', colour: 'red' })]",
    says: `✗ file.directory: unknown option 'colour'                                     playbooks/site.ts:3:66

  Known options: path, mode, owner, group, recurse.
`,
  },
  {
    title: 'a missing option',
    tasks: "[file.file({ content: 'x' })]",
    says: `✗ file.file: option 'dest' is missing                                         playbooks/site.ts:3:66
`,
  },
  {
    title: 'a relative path',
    tasks: "[file.file({ dest: 'etc/motd', content: 'x' })]",
    says: `✗ file.file: option 'dest': expected an absolute path (starting with /), found 'etc/motd'
  playbooks/site.ts:3:66
`,
  },
  {
    title: 'a mode as a number',
    tasks: "[file.file({ dest: '/etc/motd', content: 'x', mode: 644 })]",
    says: `✗ file.file: option 'mode': expected an octal mode as text, for example '0644', found 644
  playbooks/site.ts:3:66
`,
  },
  {
    title: 'a mode without its zero',
    tasks: "[file.file({ dest: '/etc/motd', content: 'x', mode: '644' })]",
    says: `✗ file.file: option 'mode': expected an octal mode as text, for example '0644', found '644'
  playbooks/site.ts:3:66
`,
  },
  {
    title: 'a misspelt state',
    tasks: "[apt.package({ pkg: 'nginx', state: 'presnt' })]",
    says: `✗ apt.package: option 'state': expected 'present', 'latest', 'absent' or 'purged', found 'presnt'; did you mean 'present'?
  playbooks/site.ts:3:65
`,
  },
  {
    title: 'a package name with a space',
    tasks: "[apt.package({ pkg: 'nginx curl' })]",
    says: `✗ apt.package: option 'pkg': expected a package as 'nginx', 'nginx=1.22*' or 'libc6:i386', found 'nginx curl'
  playbooks/site.ts:3:65
`,
  },
  {
    title: 'no package',
    tasks: '[apt.package({ pkg: [] })]',
    says: `✗ apt.package: option 'pkg': expected at least one package, found a list      playbooks/site.ts:3:65
`,
  },
  {
    title: 'a unit by a glob',
    tasks: "[systemd.service({ unit: 'nginx*', state: 'started' })]",
    says: `✗ systemd.service: option 'unit': expected the name of one unit, for example 'nginx' or 'backup.timer', found 'nginx*'
  playbooks/site.ts:3:69
`,
  },
  {
    title: 'a unit without a wish',
    tasks: "[systemd.service({ unit: 'nginx' })]",
    says: `✗ systemd.service: expected at least one of 'state', 'enabled' and 'masked'   playbooks/site.ts:3:69
`,
  },
  {
    title: 'content and source at once',
    tasks: "[file.file({ dest: '/etc/motd', content: 'x', src: 'y' })]",
    says: `✗ file.file: 'content' and 'src' are both given; expected one of them         playbooks/site.ts:3:66
`,
  },
  {
    title: 'neither content nor source',
    tasks: "[file.file({ dest: '/etc/motd' })]",
    says: `✗ file.file: neither 'content' nor 'src' is given                             playbooks/site.ts:3:66
`,
  },
  {
    title: 'a source that is not there',
    args: ['--check'],
    tasks: "[file.file({ dest: '/etc/motd', src: 'motd' })]",
    says: `✗ file.file on web1: file 'motd' was not found                                playbooks/site.ts:3:66

    Looked at:
      %/playbooks/motd
      %/playbooks/templates/motd
      %/templates/motd
`,
  },
  {
    title: 'a condition that is no condition',
    tasks: "[shell.command({ run: 'true', when: 'yes' })]",
    says: `✗ shell.command: option 'when': expected true, false or a condition such as changed(task), found 'yes'
  playbooks/site.ts:3:67
`,
  },
  {
    title: 'a task as a handler',
    tasks: "[shell.command({ run: 'true', notify: shell.command({ run: 'true' }) })]",
    says: `✗ shell.command: option 'notify': expected a handler(…), found a task         playbooks/site.ts:3:67
`,
  },
  {
    title: 'no attempts',
    tasks: "[shell.command({ run: 'true', retry: { attempts: 0 } })]",
    says: `✗ shell.command: option 'retry.attempts': expected at least 1, found 0        playbooks/site.ts:3:67
`,
  },
  {
    title: 'a misspelt option of an option',
    tasks: "[shell.command({ run: 'true', retry: { atempts: 3 } })]",
    says: `✗ shell.command: unknown option 'retry.atempts'; did you mean 'attempts'?     playbooks/site.ts:3:67
`,
  },
  {
    title: 'half an attempt',
    tasks: "[shell.command({ run: 'true', retry: { attempts: 2.5 } })]",
    says: `✗ shell.command: option 'retry.attempts': expected a whole number, found 2.5  playbooks/site.ts:3:67
`,
  },
  {
    title: 'a name that is empty',
    tasks: "[shell.command({ name: '', run: 'true' })]",
    says: `✗ shell.command: option 'name': expected a text that is not empty, found ''   playbooks/site.ts:3:67
`,
  },
  {
    title: 'an environment with an odd name',
    tasks: "[shell.command({ run: 'true', env: { 'MY-NAME': 'x' } })]",
    says: `✗ shell.command: option 'env.MY-NAME': expected the name of a variable such as LANG, found 'MY-NAME'
  playbooks/site.ts:3:67
`,
  },
  {
    title: 'a task that is a list',
    tasks: "[shell.command(['true'])]",
    says: `✗ shell.command: expected an object of options, found a list                  playbooks/site.ts:3:67
`,
  },
  {
    title: 'a text among the tasks',
    tasks: "['apt install nginx']",
    says: `✗ the play: expected tasks, found 'apt install nginx'                         playbooks/site.ts:3:32

  A command is a task too: shell.command({ run: … }).
`,
  },
  {
    title: 'a firewall rule for a name',
    tasks: "[ufw.ruleset({ rules: [{ action: 'allow', port: 22, from: 'office.example.com' }] })]",
    says: `✗ ufw.ruleset: option 'rules.0.from': expected an IP address, a network such as '192.0.2.0/24' or 'any', found 'office.example.com'
  playbooks/site.ts:3:65
`,
  },
  {
    title: 'two firewall rules that contradict each other',
    tasks: "[ufw.ruleset({ rules: [{ action: 'allow', port: 22 }, { action: 'deny', port: 22 }] })]",
    says: `✗ ufw.ruleset: rules 1 and 2 say 'allow' and 'deny' of the same packets: 22/tcp from anywhere
  playbooks/site.ts:3:65
`,
  },
  {
    title: 'a misspelt option of a firewall rule',
    tasks: "[ufw.ruleset({ rules: [{ action: 'allow', prot: 'tcp' }] })]",
    says: `✗ ufw.ruleset: unknown option 'rules.0.prot'; did you mean 'port'?            playbooks/site.ts:3:65
`,
  },
  {
    title: 'a misspelt keyword of sshd',
    tasks: '[sshd.config({ options: { PermitRootLogn: false } })]',
    says: `✗ sshd.config: unknown option 'options.PermitRootLogn'; did you mean 'PermitRootLogin'?
  playbooks/site.ts:3:66
`,
  },
  {
    title: 'a value that sshd does not take',
    tasks: "[sshd.config({ options: { PermitRootLogin: 'maybe' } })]",
    says: `✗ sshd.config: option 'options.PermitRootLogin': expected true or false, 'prohibit-password' or 'forced-commands-only', found 'maybe'
  playbooks/site.ts:3:66
`,
  },
  {
    title: 'a public key that is none',
    tasks: "[authorizedKey({ user: 'ann', key: 'ann' })]",
    says: `✗ authorizedKey: option 'key': expected a public key in one line such as 'ssh-ed25519 AAAA… name' (options go into 'options'), found 'ann'
  playbooks/site.ts:3:61
`,
  },
  {
    title: 'a user with an odd name',
    tasks: "[user({ name: 'ann smith' })]",
    says: `✗ user: option 'name': expected a user or group name such as 'deploy': letters, digits and _ . -, found 'ann smith'
  playbooks/site.ts:3:61
`,
  },
  {
    title: 'a port that is none',
    tasks: '[wait.port({ port: 70000 })]',
    says: `✗ wait.port: option 'port': expected at most 65535, found 70000               playbooks/site.ts:3:66
`,
  },
  {
    title: 'a misspelt way to check out',
    tasks: "[git.chekout({ repo: 'https://example.com/a.git', dest: '/srv/a' })]",
    says: `✗ playbooks/site.ts threw TypeError: git.chekout is not a function            playbooks/site.ts:3:65

      2 |
    > 3 | export default definePlaybook([play({ hosts: 'web', tasks: [git.chekout({ repo: 'https://example.com/a.git', dest: '/srv/a' })] })])
        |                                                                 ^

  Did you mean git.checkout?
`,
  },
  {
    title: 'a schedule that is none',
    tasks: "[cron({ name: 'backup', job: 'true', schedule: '25 * * *' })]",
    says: `✗ cron: option 'schedule': expected five fields such as '*/5 * * * *', or one of @reboot, @hourly, @daily, @weekly, @monthly, @yearly, found '25 * * *'
  playbooks/site.ts:3:61
`,
  },
  {
    title: 'a setting of the kernel that is none',
    tasks: "[sysctl({ settings: { 'net ipv4': 1 } })]",
    says: `✗ sysctl: option 'settings.net ipv4': expected a kernel parameter such as 'net.ipv4.ip_forward', found 'net ipv4'
  playbooks/site.ts:3:61
`,
  },
  {
    title: 'a role without a parameter that it needs',
    plays: "play({ hosts: 'web', roles: [role('site', { params: { domain: v.string() } }, () => [])()] })",
    says: `✗ role site on web1: parameter 'domain' is missing                           playbooks/site.ts:3:117

  Set it in the play, or in the inventory as vars: { site: { … } }.
`,
  },
  {
    title: 'a misspelt parameter of a role',
    plays:
      "play({ hosts: 'web', roles: [role('site', { params: { domain: v.optional(v.string()) } }, () => [])({ domian: 'a' })] })",
    says: `✗ role site on web1: unknown parameter 'domian'; did you mean 'domain'?      playbooks/site.ts:3:129
`,
  },
  {
    title: 'a parameter of a role of the wrong kind',
    plays:
      "play({ hosts: 'web', roles: [role('site', { params: { workers: v.optional(v.number()) } }, () => [])({ workers: '4' })] })",
    says: `✗ role site on web1: parameter 'workers': expected a number, found '4'       playbooks/site.ts:3:130
`,
  },
  {
    title: 'a misspelt parameter inside a parameter',
    plays:
      "play({ hosts: 'web', roles: [role('site', { params: { ssh: v.optional(v.strictObject({ banner: v.optional(v.string()) })) } }, () => [])({ ssh: { baner: 'x' } })] })",
    says: `✗ role site on web1: unknown parameter 'ssh.baner'; did you mean 'banner'?   playbooks/site.ts:3:166
`,
  },
  {
    title: 'variables of a role that are no object',
    inventory: "{ vars: { site: 4 }, hosts: { web1: {} }, groups: { web: ['web1'] } }",
    plays: "play({ hosts: 'web', roles: [role('site', { params: { workers: v.optional(v.number()) } }, () => [])()] })",
    says: `✗ role site on web1: the inventory's variable 'site': expected an object of this role's parameters, found 4
  playbooks/site.ts:3:130
`,
  },
  {
    title: 'a role that throws',
    plays: "play({ hosts: 'web', roles: [role('site', () => { throw new Error('no domain given') })()] })",
    says: `✗ role site on web1 threw Error: no domain given                              playbooks/site.ts:3:87
`,
  },
  {
    title: 'a role that asks for a host that is not there',
    plays:
      "play({ hosts: 'web', roles: [role('site', (_params, host) => [hostname({ name: host.inventory.host('db1').name })])()] })",
    says: `✗ role site on web1: no host 'db1' in the inventory                          playbooks/site.ts:3:145

  Did you mean 'lb1'?
`,
  },
  {
    title: 'a role that asks for a group that is not there',
    plays:
      "play({ hosts: 'web', roles: [role('site', (_params, host) => [host.inventory.group('wbe').map((peer) => hostname({ name: peer.name }))])()] })",
    says: `✗ role site on web1: no group 'wbe' in the inventory                         playbooks/site.ts:3:166

  Did you mean 'web'?
`,
  },
  {
    title: 'a playbook that imports a misspelt resource',
    files: {
      'playbooks/site.ts': `import { definePlaybook, fiel, play } from 'hostwright'
export default definePlaybook([play({ hosts: 'web', tasks: [fiel.file({ dest: '/a', content: '' })] })])
`,
    },
    says: `✗ playbooks/site.ts: 'hostwright' exports no 'fiel'                           playbooks/site.ts:1:26

    > 1 | import { definePlaybook, fiel, play } from 'hostwright'
        |                          ^
      2 | export default definePlaybook([play({ hosts: 'web', tasks: [fiel.file({ dest: '/a', content: '' })] })])

  Did you mean 'file'?
`,
  },
  {
    title: 'a misspelt resource of a group',
    tasks: "[file.templat({ dest: '/a', src: 'b' })]",
    says: `✗ playbooks/site.ts threw TypeError: file.templat is not a function           playbooks/site.ts:3:66

      2 |
    > 3 | export default definePlaybook([play({ hosts: 'web', tasks: [file.templat({ dest: '/a', src: 'b' })] })])
        |                                                                  ^

  Did you mean file.template?
`,
  },
  {
    title: 'a package that is not installed',
    files: {
      'playbooks/site.ts': `import { definePlaybook } from 'hostwright'
import chalk from 'chalk-of-nobody'
export default definePlaybook(chalk)
`,
    },
    says: `✗ playbooks/site.ts imports 'chalk-of-nobody', which is not installed         playbooks/site.ts:2:19

      1 | import { definePlaybook } from 'hostwright'
    > 2 | import chalk from 'chalk-of-nobody'
        |                   ^
      3 | export default definePlaybook(chalk)

  Try: npm install chalk-of-nobody
`,
  },
])
