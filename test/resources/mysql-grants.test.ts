import test from 'ava'
import type { Flavour } from '../../src/resources/mysql-client.ts'
import { differGrants, type GrantsWish, parseGrantsWish, parseShowGrants } from '../../src/resources/mysql-grants.ts'

interface Row {
  readonly title: string
  readonly flavour?: Flavour
  readonly shown: readonly string[]
  readonly wish: GrantsWish
  readonly all?: readonly string[]
  readonly patterns?: boolean
  readonly statements: readonly string[]
  readonly summaries?: readonly string[]
}

const to = "'app'@'%'"
const shownTo = 'TO `app`@`%`'

const rows: readonly Row[] = [
  {
    title: 'equal sets in another order need nothing',
    shown: [`GRANT USAGE ON *.* ${shownTo}`, `GRANT SELECT, INSERT ON \`shop\`.* ${shownTo}`],
    wish: { 'shop.*': ['insert', 'SELECT'] },
    statements: [],
  },
  {
    title: 'only what is missing is granted, only what is too much revoked',
    shown: [`GRANT SELECT, DROP ON \`shop\`.* ${shownTo}`],
    wish: { 'shop.*': 'SELECT, INSERT, UPDATE' },
    statements: [`REVOKE DROP ON \`shop\`.* FROM ${to}`, `GRANT INSERT, UPDATE ON \`shop\`.* TO ${to}`],
    summaries: ['grants on `shop`.*: + INSERT, UPDATE, − DROP'],
  },
  {
    title: 'an object that is not wished loses everything',
    shown: [`GRANT ALL PRIVILEGES ON \`old\`.* ${shownTo} WITH GRANT OPTION`],
    wish: {},
    statements: [`REVOKE ALL ON \`old\`.* FROM ${to}`, `REVOKE GRANT OPTION ON \`old\`.* FROM ${to}`],
  },
  {
    title: 'ALL on a schema is one word',
    shown: [`GRANT ALL PRIVILEGES ON \`shop\`.* ${shownTo}`],
    wish: { 'shop.*': 'ALL PRIVILEGES' },
    statements: [],
  },
  {
    title: 'less than ALL takes ALL away first',
    shown: [`GRANT ALL PRIVILEGES ON \`shop\`.* ${shownTo}`],
    wish: { 'shop.*': ['SELECT'] },
    statements: [`REVOKE ALL PRIVILEGES ON \`shop\`.* FROM ${to}`, `GRANT SELECT ON \`shop\`.* TO ${to}`],
  },
  {
    title: "MySQL's long list for ALL on *.* is ALL",
    shown: [
      `GRANT SELECT, INSERT, CREATE ROLE ON *.* ${shownTo} WITH GRANT OPTION`,
      `GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* ${shownTo} WITH GRANT OPTION`,
    ],
    all: ['Select', 'Insert', 'Create role', 'BACKUP_ADMIN', 'XA_RECOVER_ADMIN'],
    wish: { '*.*': ['ALL', 'GRANT OPTION'] },
    statements: [],
  },
  {
    title: 'one privilege short of ALL is granted ALL',
    shown: [`GRANT SELECT ON *.* ${shownTo}`],
    all: ['Select', 'Insert'],
    wish: { '*.*': 'ALL' },
    statements: [`GRANT ALL ON *.* TO ${to}`],
  },
  {
    title: 'an underscore in a schema is literal',
    shown: [`GRANT SELECT ON \`my\\_shop\`.* ${shownTo}`],
    wish: { 'my_shop.*': 'SELECT' },
    statements: [],
  },
  {
    title: 'an unescaped underscore on the server matches more than the wish',
    shown: [`GRANT SELECT ON \`my_shop\`.* ${shownTo}`],
    wish: { 'my_shop.*': 'SELECT' },
    statements: [`GRANT SELECT ON \`my\\_shop\`.* TO ${to}`, `REVOKE SELECT ON \`my_shop\`.* FROM ${to}`],
  },
  {
    title: 'a pattern stays a pattern',
    shown: [`GRANT SELECT ON \`shop\\_%\`.* ${shownTo}`],
    wish: { '`shop\\_%`.*': 'SELECT' },
    statements: [],
  },
  {
    title: 'with partial_revokes names are no patterns',
    shown: [`GRANT SELECT ON \`my_shop\`.* ${shownTo}`],
    wish: { 'my_shop.*': 'SELECT' },
    patterns: false,
    statements: [],
  },
  {
    title: 'columns are compared one by one',
    shown: [`GRANT SELECT, INSERT (\`a\`, \`b\`) ON \`shop\`.\`orders\` ${shownTo}`],
    wish: { 'shop.orders': ['SELECT', 'INSERT (b, c)'] },
    statements: [
      `REVOKE INSERT (\`a\`) ON \`shop\`.\`orders\` FROM ${to}`,
      `GRANT INSERT (\`c\`) ON \`shop\`.\`orders\` TO ${to}`,
    ],
  },
  {
    title: 'routines',
    shown: [`GRANT EXECUTE ON FUNCTION \`shop\`.\`f\` ${shownTo}`],
    wish: { 'function shop.f': 'EXECUTE', 'PROCEDURE shop.p': 'EXECUTE' },
    statements: [`GRANT EXECUTE ON PROCEDURE \`shop\`.\`p\` TO ${to}`],
  },
  {
    title: 'the grant option is added with all names, because MySQL keeps it for each dynamic privilege',
    shown: [`GRANT BACKUP_ADMIN ON *.* ${shownTo}`],
    wish: { '*.*': ['BACKUP_ADMIN', 'GRANT OPTION'] },
    statements: [`GRANT BACKUP_ADMIN ON *.* TO ${to} WITH GRANT OPTION`],
  },
  {
    title: 'the grant option alone is taken away alone',
    shown: [`GRANT SELECT ON \`shop\`.* ${shownTo} WITH GRANT OPTION`],
    wish: { 'shop.*': ['SELECT'] },
    statements: [`REVOKE GRANT OPTION ON \`shop\`.* FROM ${to}`],
  },
  {
    title: 'odd names keep quotes, dollars, newlines and backticks',
    shown: ["GRANT SELECT ON `we``ird$ n'a\"me`.* TO `o'd\n WITH GRANT OPTION`@`%`"],
    wish: { '`we``ird$ n\'a"me`.*': 'SELECT' },
    statements: [],
  },
  {
    title: 'roles, proxies and partial revokes are left alone',
    shown: [
      `GRANT \`reader\`@\`%\` ${shownTo}`,
      `GRANT PROXY ON \`\`@\`\` ${shownTo} WITH GRANT OPTION`,
      'REVOKE SELECT ON `mysql`.* FROM `app`@`%`',
    ],
    wish: {},
    statements: [],
  },
  {
    title: 'MariaDB prints the password and the TLS requirement in the row of *.*',
    flavour: 'mariadb',
    shown: [
      `GRANT BINLOG MONITOR, REPLICATION SLAVE ON *.* ${shownTo} IDENTIFIED BY PASSWORD '*0123' REQUIRE SSL WITH GRANT OPTION`,
    ],
    wish: { '*.*': ['REPLICATION CLIENT', 'REPLICATION REPLICA', 'GRANT OPTION'] },
    statements: [],
  },
]

for (const row of rows) {
  test(`grants: ${row.title}`, (t) => {
    const flavour = row.flavour ?? 'mysql'
    const differences = differGrants(
      parseShowGrants(row.shown, flavour, row.all),
      parseGrantsWish(row.wish, flavour, row.patterns),
      to,
    )
    t.deepEqual(
      differences.flatMap((difference) => difference.statements),
      row.statements,
    )
    if (row.summaries)
      t.deepEqual(
        differences.map((difference) => difference.summary),
        row.summaries,
      )
  })
}

test('what is no grant is refused, and quoted without what follows the account', (t) => {
  t.throws(() => parseShowGrants(['garbage'], 'mysql'), { message: "not a row of SHOW GRANTS: 'garbage'" })
  t.throws(() => parseGrantsWish({ shop: 'SELECT' }, 'mysql'), {
    message: "expected '*.*', 'schema.*', 'schema.table' or 'FUNCTION schema.name', found 'shop'",
  })
  t.throws(() => parseGrantsWish({ 'shop.*': 'SELECT; DROP TABLE x' }, 'mysql'), {
    message: "not a privilege: 'SELECT; DROP TABLE X'",
  })
})
