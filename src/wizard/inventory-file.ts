// inventory/hosts.ts as a person would have written it.
import { type Answers, type HostAnswer, placementOf } from './answers.ts'
import { keyOf, listOf, literal } from './literal.ts'

/** The text of `inventory/hosts.ts`. */
export function inventoryFile(answers: Answers): string {
  const shared = answers.where === 'servers' ? sharedSettings(answers.hosts) : {}
  return [
    ...opening(answers),
    '',
    'export default defineInventory({',
    ...sourceLines(answers, shared),
    '',
    '  groups: {',
    ...groupLines(answers),
    '  },',
    '',
    "  // Parameters of the roles, by role name. A group's or a host's `vars` say more for it alone.",
    '  vars: {',
    ...variableLines(answers),
    '  },',
    '})',
    '',
  ].join('\n')
}

function opening({ where, domains }: Answers): string[] {
  const groups = [
    '//',
    '// Placement is decided here and nowhere else. The groups that playbooks/site.ts knows:',
    '//   lb   load balancers (HAProxy, certificates)       web  nginx',
    '//   app  the application                              db   databases; the first host is the primary, the others replicas',
  ]
  switch (where) {
    case 'lab':
      return [
        `// ${domains[0]} in the lab of this machine (npx provision lab up). PROVISION_LAB names another lab than the default one.`,
        ...groups,
        "import { defineInventory } from 'hostwright'",
        "import { fromLab } from 'hostwright/lab'",
        '',
        'const { letsencrypt, ...lab } = await fromLab()',
      ]
    case 'vagrant':
      return [
        `// ${domains[0]} on the machines of the Vagrantfile of this project: vagrant up, then npx provision.`,
        ...groups,
        "import { execFileSync } from 'node:child_process'",
        "import { defineInventory, vagrantHosts } from 'hostwright'",
      ]
    case 'servers':
      return [
        `// The servers of ${domains[0]}. Look before you leap: npx provision --check --diff`,
        ...groups,
        "import { defineInventory } from 'hostwright'",
      ]
  }
}

type Shared = Pick<HostAnswer, 'user' | 'port' | 'identityFile'>

/** What all hosts have in common stands once, at the top. */
function sharedSettings([first, ...others]: readonly HostAnswer[]): Shared {
  const same = (key: keyof Shared) => first?.[key] !== undefined && others.every((host) => host[key] === first[key])
  return {
    ...(same('user') && { user: first?.user }),
    ...(same('port') && { port: first?.port }),
    ...(same('identityFile') && { identityFile: first?.identityFile }),
  }
}

function sourceLines(answers: Answers, shared: Shared): string[] {
  if (answers.where === 'lab') return ['  ...lab,']
  if (answers.where === 'vagrant')
    return [
      "  hosts: vagrantHosts(execFileSync('vagrant', ['ssh-config'], { encoding: 'utf8' })),",
      '  // New machines, new keys: they are recorded at the first contact.',
      "  hostKeyChecking: 'accept-new',",
    ]
  const top = settings(shared)
  return [
    '  // How to reach them; a host or a group may say otherwise. ~/.ssh/config applies too.',
    ...top.map((line) => `  ${line},`),
    ...(top.length > 0 ? [''] : []),
    '  hosts: {',
    ...answers.hosts.map((host) => {
      const own = settings({
        ...(shared.user === undefined && host.user !== undefined && { user: host.user }),
        ...(shared.port === undefined && host.port !== undefined && { port: host.port }),
        ...(shared.identityFile === undefined &&
          host.identityFile !== undefined && { identityFile: host.identityFile }),
      })
      return `    ${keyOf(host.name)}: { ${[`address: ${literal(host.address ?? host.name)}`, ...own].join(', ')} },`
    }),
    '  },',
  ]
}

function settings({ user, port, identityFile }: Shared): string[] {
  return [
    ...(user === undefined ? [] : [`user: ${literal(user)}`]),
    ...(port === undefined ? [] : [`port: ${port}`]),
    ...(identityFile === undefined ? [] : [`identityFile: ${literal(identityFile)}`]),
  ]
}

function groupLines(answers: Answers): string[] {
  const { lb, web, app, db } = placementOf(answers)
  const same = app.join() === web.join()
  return [
    `    lb: ${listOf(lb)},`,
    ...(answers.topology === 'active-passive' ? ['    // the first serves, the others take over when it fails'] : []),
    `    web: ${listOf(web)},`,
    ...(same ? ['    // the app on the web servers: name other hosts here to give it its own'] : []),
    `    app: ${same ? "{ groups: ['web'] }" : listOf(app)},`,
    '    // the first host is the primary, all others are its replicas',
    `    db: ${listOf(db)},`,
  ]
}

function variableLines({ where, domains, topology, balance, database, letsencrypt, admins }: Answers): string[] {
  const mode = topology === 'active-passive' ? 'active-passive' : 'active-active'
  const mail = letsencrypt.email === undefined ? '' : `, email: ${literal(letsencrypt.email)}`
  return [
    `    site: { domains: ${listOf(domains)} },`,
    ...(admins.length === 0
      ? []
      : [
          '    // who administers the hosts: a login with these keys, and sudo without a password',
          '    base: {',
          '      admins: [',
          ...admins.flatMap(({ name, keys }) => [
            '        {',
            `          name: ${literal(name)},`,
            ...(keys.length === 1
              ? [`          keys: ${listOf(keys)},`]
              : ['          keys: [', ...keys.map((key) => `            ${literal(key)},`), '          ],']),
            '        },',
          ]),
          '      ],',
          '    },',
        ]),
    `    haproxy: { balance: ${literal(balance)}, mode: ${literal(mode)} },`,
    ...(where === 'lab'
      ? ["    // the lab's own test authority", '    letsencrypt,']
      : [
          letsencrypt.directory === 'staging'
            ? "    // staging certificates are not trusted by browsers; 'production' has rate limits: change to it when all works"
            : "    // production has rate limits: go back to 'staging' to try things",
          `    letsencrypt: { directory: ${literal(letsencrypt.directory)}${mail} },`,
        ]),
    `    mysql: { flavour: ${literal(database)} },`,
  ]
}
