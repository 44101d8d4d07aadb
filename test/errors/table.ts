// One row: what somebody wrote, and the whole of what the command says. Each row runs the real command line in this process.
import test, { type ExecutionContext } from 'ava'
import { exampleSite, provision } from '../cli/stand-in.ts'

export interface Row {
  /** What somebody did, as a title. */
  readonly title: string
  /** @default `--list-tasks` */
  readonly args?: readonly string[]
  /** What `defineInventory` is given, on line 2 of inventory/hosts.ts. @default the site of test/cli/stand-in.ts */
  readonly inventory?: string
  /** The tasks of one play, on line 3 of playbooks/site.ts. */
  readonly tasks?: string
  /** What `definePlaybook` is given, from line 3 of playbooks/site.ts on. */
  readonly plays?: string
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** @default 1 */
  readonly code?: number
  /** All of stderr; `%` stands for the folder of the site, `~` for this package's. */
  readonly says: string
}

const names =
  'acme, after, apt, archive, authorizedKey, block, changed, cron, definePlaybook, file, git, given, handler, hostname, mysql, play, role, secret, shell, sshd, sysctl, systemd, ufw, user, v, wait'

/** The files of a row's site. */
export function filesOf({ inventory, tasks, plays = `[play({ hosts: 'web', tasks: ${tasks} })]`, files }: Row) {
  return {
    ...(inventory !== undefined && {
      'inventory/hosts.ts': `import { defineInventory, secret } from 'hostwright'\nexport default defineInventory(${inventory})\n`,
    }),
    ...((tasks !== undefined || plays.indexOf('undefined') < 0) && {
      'playbooks/site.ts': `import { ${names} } from 'hostwright'\n\nexport default definePlaybook(${plays})\n`,
    }),
    ...files,
  }
}

/** What the command says of a row: its exit code, and stderr with the folders cut out. */
export async function outcomeOf(
  t: ExecutionContext,
  row: Row,
): Promise<{ code: number; says: string; stdout: string }> {
  const cwd = exampleSite(t, filesOf(row))
  const { args = ['--list-tasks'], env = {}, input = '' } = row
  const { code, stderr, stdout } = await provision(
    args.map((word) => word.replaceAll('%', cwd)),
    { cwd, env: { HOME: cwd, ...env }, input },
  )
  return { code, says: stderr.replaceAll(cwd, '%'), stdout }
}

/** Each row as a test. */
export function table(rows: readonly Row[]): void {
  for (const row of rows) {
    test(row.title, async (t) => {
      const { code, says, stdout } = await outcomeOf(t, row)
      t.is(says, row.says)
      t.is(stdout, '')
      t.is(code, row.code ?? 1)
    })
  }
}
