// What the command says of names that select nothing: hosts, tags, parameters, runs. Each row: what somebody wrote, and every word of the answer.
import { table } from './table.ts'

table([
  {
    title: 'a limit with a misspelt host',
    args: ['--limit', 'wbe1'],
    says: `✗ no host or group 'wbe1' in the inventory

  Did you mean 'web1'?
`,
  },
  {
    title: 'a limit with a host that is nowhere near',
    args: ['--limit', 'database'],
    says: `✗ no host or group 'database' in the inventory

  Hosts: lb1, web1, web2. Groups: lb, web, site, all.
`,
  },
  {
    title: 'a limit that leaves nobody',
    args: ['--limit', 'web:&lb'],
    says: `✗ --limit 'web:&lb' selects no host
`,
  },
  {
    title: 'a limit that is empty',
    args: ['--limit', ''],
    says: `✗ host pattern: expected a pattern such as 'web', 'web:!web2' or 'all', found ''
`,
  },
  {
    title: 'a limit with an empty part',
    args: ['--limit', 'web:'],
    says: `✗ host pattern 'web:': a name is missing between separators
`,
  },
  {
    title: 'a limit by a bad range',
    args: ['--limit', 'web[1-'],
    says: `✗ no host or group 'web[1-' in the inventory

  Did you mean 'web1'?
`,
  },
  {
    title: 'the failed hosts of no run',
    args: ['--limit', '@failed'],
    says: `✗ @failed: no record of a run of playbooks/site.ts with the inventory inventory/hosts.ts in %/.provision/runs

  Runs with --check and of verify do not count.
`,
  },
  {
    title: 'a misspelt tag',
    args: ['--tags', 'ngnix'],
    says: `✗ --tags ngnix: no task has this tag

  Did you mean 'nginx'?
`,
  },
  {
    title: 'a tag to leave out that is nowhere near',
    args: ['--skip-tags', 'database'],
    says: `✗ --skip-tags database: no task has this tag

  Known tags: always, never, nginx, odd, packages.
`,
  },
  {
    title: 'a parameter of a misspelt role',
    args: ['-e', 'ngnix.workers=2'],
    says: `✗ --extra-vars 'ngnix.workers=2': no role 'ngnix' in the playbook

  Did you mean 'nginx'?
`,
  },
  {
    title: 'a misspelt parameter',
    args: ['-e', 'nginx.worker=2'],
    says: `✗ --extra-vars 'nginx.worker=2': role nginx has no parameter 'worker'

  Did you mean 'workers'?
`,
  },
  {
    title: 'a parameter without a value',
    args: ['-e', 'nginx.workers'],
    says: `✗ --extra-vars 'nginx.workers': expected role.parameter=value, a JSON object or @file.json
`,
  },
  {
    title: 'parameters in a file that is not there',
    args: ['-e', '@%/vars.json'],
    says: `✗ --extra-vars '@%/vars.json': %/vars.json does not exist
`,
  },
  {
    title: 'parameters in a file that is not JSON',
    args: ['-e', '@%/vars.json'],
    files: { 'vars.json': '{ nginx: 1 }' },
    says: `✗ --extra-vars '@%/vars.json': %/vars.json is not valid JSON: Expected property name or '}' in JSON at position 2
`,
  },
  {
    title: 'parameters as JSON that breaks off',
    args: ['-e', '{"nginx":'],
    says: `✗ --extra-vars '{"nginx":': the item is not valid JSON: Unexpected end of JSON input
`,
  },
  {
    title: 'a parameter of the wrong kind',
    args: ['-e', 'nginx.workers=many'],
    says: `✗ --extra-vars 'nginx.workers=many': role nginx: parameter 'workers': expected a number, found 'many'
`,
  },
  {
    title: 'a play on a group that is not there',
    plays: "play({ hosts: 'databases', tasks: [] })",
    says: `✗ play: no host or group 'databases' in the inventory                         playbooks/site.ts:3:31

  Hosts: lb1, web1, web2. Groups: lb, web, site, all.
`,
  },
  {
    title: 'variables of a misspelt host',
    args: ['vars', 'web11'],
    says: `✗ no host 'web11' in the inventory

  Did you mean 'web1'?
`,
  },
  {
    title: 'a misspelt variable',
    args: ['vars', 'web1', 'nginx.wokers'],
    says: `✗ web1 has no variable or setting 'nginx.wokers'

  Did you mean 'nginx.workers'?
`,
  },
  {
    title: 'a pattern with a misspelt group',
    args: ['ping', 'wbe'],
    says: `✗ no host or group 'wbe' in the inventory

  Did you mean 'web'?
`,
  },
  {
    title: 'the facts of nobody',
    args: ['facts', 'web:!web'],
    says: `✗ the pattern 'web:!web' selects no host
`,
  },
  {
    title: 'a record of a misspelt run',
    args: ['report', '20261121T083016Z-3f9a1c'],
    files: { '.provision/runs/20261121T083015Z-3f9a1c/meta.json': '{}' },
    says: `✗ no run '20261121T083016Z-3f9a1c' in %/.provision/runs

  Did you mean 20261121T083015Z-3f9a1c?
`,
  },
  {
    title: 'an unknown host in a pattern of several',
    args: ['--limit', 'web:!wbe2'],
    says: `✗ no host or group 'wbe2' in the inventory, in the pattern 'web:!wbe2'

  Did you mean 'web2'?
`,
  },
  {
    title: 'a glob that matches nobody',
    args: ['--limit', 'db*'],
    says: `✗ no host or group matches 'db*'

  Hosts: lb1, web1, web2. Groups: lb, web, site, all.
`,
  },
  {
    title: 'ssh to a group',
    args: ['ssh', 'web'],
    says: `✗ 'web' is a group of the inventory, expected a host

  Its hosts: web1, web2.
`,
  },
])
