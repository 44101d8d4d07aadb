import type { Vars } from './inventory.ts'
import type { PlayOptions } from './play.ts'

/**
 * How a role is used, the least that makes sense: `provision test ROLE` tries it on fresh lab hosts. Export it as `example`
 * beside the role, in `roles/ROLE.ts`.
 * @example
 * export const example: RoleExample = { groups: { web: ['web1'] }, roles: [nginx({ domains: ['www.example.org'] })] }
 */
export interface RoleExample {
  /** What the hosts get: uses of roles, or a function of the host. */
  readonly roles: NonNullable<PlayOptions['roles']>
  /** The groups that the role asks for, with their hosts. @default one host, `host1`, in no group */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined
  /** Variables of all hosts. */
  readonly vars?: Vars | undefined
}
