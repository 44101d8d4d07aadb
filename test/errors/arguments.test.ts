// What the command says of options, addresses of queues, names of labs and answers to the wizard. Each row: what somebody wrote, and every word of the answer.
import { table } from './table.ts'

table([
  {
    title: 'a misspelt command',
    args: ['verfy'],
    says: `error: unknown command 'verfy'
(Did you mean verify?)
Run provision --help for all options.
`,
  },
  {
    title: 'a misspelt subcommand',
    args: ['vault', 'vew'],
    says: `error: unknown command 'vew'
(Did you mean view?)
Run provision --help for all options.
`,
  },
  {
    title: 'a misspelt option',
    args: ['--lmit', 'web'],
    says: `error: unknown option '--lmit'
(Did you mean --limit?)
Run provision --help for all options.
`,
  },
  {
    title: 'a misspelt kind of output',
    args: ['--output', 'jsn'],
    says: `error: option '-o, --output <kind>' argument 'jsn' is invalid. Allowed choices are live, plain, json, junit.
Run provision --help for all options.
`,
  },
  {
    title: 'forks that are no number',
    args: ['--forks', 'all'],
    says: `error: option '-f, --forks <number>' argument 'all' is invalid. Expected a whole number from 1.
Run provision --help for all options.
`,
  },
  {
    title: 'an interval that is none',
    args: ['watch', '--interval', '5 minutes'],
    says: `error: option '--interval <time>' argument '5 minutes' is invalid. Expected a time such as 30s, 5m or 1h, or off.
Run provision --help for all options.
`,
  },
  {
    title: 'an output file that nothing is written to',
    args: ['--output-file', 'run.json'],
    says: `✗ --output-file run.json: expected with --output json or --output junit
`,
  },
  {
    title: 'an output file in a folder that is not there',
    args: ['-o', 'json', '--output-file', 'no/such/run.json'],
    says: `✗ --output-file no/such/run.json cannot be written: there is no folder no/such
`,
  },
  {
    title: 'pending changes as an exit code without --check',
    args: ['--detailed-exitcode'],
    says: `✗ --detailed-exitcode: expected together with --check
`,
  },
  {
    title: 'an inventory as the playbook',
    args: ['inventory/hosts.ts'],
    says: `✗ inventory/hosts.ts exports an inventory, expected a playbook                inventory/hosts.ts:2:1

      1 | import { defineInventory, secret } from 'hostwright'
    > 2 | export default defineInventory({
        | ^
      3 |   user: 'admin',

  Give it as the inventory: --inventory FILE
`,
  },
  {
    title: 'a playbook as the inventory',
    args: ['-i', 'playbooks/site.ts'],
    says: `✗ playbooks/site.ts exports a playbook, expected an inventory                 playbooks/site.ts:10:1

       9 | })
    > 10 | export default definePlaybook([
         | ^
      11 |   play({ name: 'Web servers', hosts: 'web', roles: [nginx({})] }),

  Give it as the playbook: provision FILE --inventory HOSTS
`,
  },
  {
    title: 'a folder as the playbook',
    args: ['playbooks/'],
    says: `✗ playbook %/playbooks is a folder, expected a TypeScript file

  Did you mean %/playbooks/site.ts?
`,
  },
  {
    title: 'a queue without a scheme',
    args: ['--queue', 'queue.example.com:6379'],
    says: `✗ --queue queue.example.com:6379: expected redis://HOST:6379/0, rediss://HOST:6380/0 (TLS), unix:/path/of/socket, or env:NAME of a variable that holds one

  Did you mean redis://queue.example.com:6379?
`,
  },
  {
    title: 'a queue by another scheme',
    args: ['--queue', 'http://queue.example.com'],
    says: `✗ --queue: found http://…, expected redis://HOST:6379/0, rediss://HOST:6380/0 (TLS), unix:/path/of/socket, or env:NAME of a variable that holds one
`,
  },
  {
    title: 'a queue with its password in the address',
    args: ['--queue', 'redis://:hunter2@queue.example.com/0'],
    says: `✗ --queue redis://queue.example.com: found a password in the URL, where every user of this machine can read it

  Leave it out of the URL and set PROVISION_QUEUE_PASSWORD, or give the whole URL in a variable: --queue env:NAME.
`,
  },
  {
    title: 'a queue in a variable that is not set',
    args: ['--queue', 'env:QUEUE'],
    says: `✗ --queue env:QUEUE: the environment variable QUEUE is not set
`,
  },
  {
    title: 'a queue by a relative path',
    args: ['--queue', 'unix:run/redis.sock'],
    says: `✗ --queue unix:run/redis.sock: expected an absolute path after unix:
`,
  },
  {
    title: 'a password through the queue',
    args: ['--queue', 'redis://queue.example.com', '-K'],
    input: `x
`,
    says: `✗ --ask-become-pass with --queue: no password passes through the queue

  Give the option to the workers: each asks for itself when it starts.
`,
  },
  {
    title: 'a record that is not there',
    args: ['report', '20261121-0101'],
    says: `✗ no record of a run in %/.provision/runs

  Every run leaves one; run provision first.
`,
  },
  {
    title: 'a lab host of another suite',
    args: ['lab', 'up', '--host', 'web1:bullseye'],
    says: `✗ The lab host "web1:bullseye" asks for the suite "bullseye"; expected one of bookworm, trixie, sid.
`,
  },
  {
    title: 'a lab host with an odd name',
    args: ['lab', 'up', '--host', 'Web_1'],
    says: `✗ The lab host name "Web_1" must be 1 to 31 lower-case letters, digits and inner hyphens and begin with a letter.
`,
  },
  {
    title: 'a lab host with two colons',
    args: ['lab', 'up', '--host', 'web1:sid:big'],
    says: `✗ The lab host "web1:sid:big" has more than one colon; expected name or name:suite.

  Write for example db1 or db1:trixie.
`,
  },
  {
    title: 'a lab with an odd name',
    args: ['lab', 'status', '--name', '../etc'],
    says: `✗ The lab name "../etc" must be 1 to 31 lower-case letters, digits and inner hyphens and begin with a letter.
`,
  },
  {
    title: 'answers in a file that is not there',
    args: ['init', '--answers', 'answers.json'],
    says: `✗ --answers answers.json does not exist, expected a JSON file
`,
  },
  {
    title: 'answers that are not JSON',
    args: ['init', '--answers', 'answers.json'],
    files: { 'answers.json': '{"where": ' },
    says: `✗ answers.json is not JSON: Unexpected end of JSON input
`,
  },
  {
    title: 'a misspelt answer',
    args: ['init', '--answers', 'answers.json'],
    files: { 'answers.json': '{"topologie":"tiers"}' },
    says: `✗ answers.json: unknown option 'topologie'; did you mean 'topology'?
`,
  },
  {
    title: 'an answer that nobody offers',
    args: ['init', '--answers', 'answers.json'],
    files: { 'answers.json': '{"topology":"active"}' },
    says: `✗ answers.json: option 'topology': expected 'active-active', 'active-passive', 'extra-replica', 'tiers' or 'own', found 'active'
`,
  },
  {
    title: 'a domain that is none',
    args: ['init', '--answers', 'answers.json'],
    files: { 'answers.json': '{"domains":["foobar"]}' },
    says: `✗ answers.json: option 'domains.0': expected a domain name in small letters such as www.example.com, found 'foobar'
`,
  },
  {
    title: 'hosts without an address',
    args: ['init', '--answers', 'answers.json'],
    files: { 'answers.json': '{"where":"servers","hosts":[{"name":"a"},{"name":"b"},{"name":"c"}]}' },
    says: `✗ answers.json: hosts: a has no address, expected one for servers of your own
`,
  },
  {
    title: 'too few hosts',
    args: ['init', '--answers', 'answers.json'],
    files: { 'answers.json': '{"topology":"tiers","hosts":[{"name":"a"},{"name":"b"}]}' },
    says: `✗ answers.json: hosts: the topology tiers needs 5 hosts, found 2
`,
  },
  {
    title: 'a wizard without a terminal',
    args: ['init'],
    says: `✗ provision init asks at a terminal, and stdin is none

  Try: provision init --yes takes the defaults, --answers FILE.json a file of answers.
`,
  },
  {
    title: 'a password that stdin does not have',
    args: ['-k'],
    says: `✗ login password: expected a line on stdin, found its end
`,
  },
])
