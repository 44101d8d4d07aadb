import { asProvisionError, ProvisionError } from '../core/error.ts'
import { isSecret, type Secrets } from '../core/secret.ts'
import type { Task } from '../core/task.ts'
import { checkDelegate } from './delegate.ts'
import type { HostContext } from './host-context.ts'
import type { TaskItem } from './items.ts'
import type { Prepared } from './look-ahead.ts'
import type { Session } from './session.ts'
import { FactsNeeded } from './user-code.ts'

/** What is known of the users of the host that a task runs on. */
type Users = Pick<Session, 'loginUser' | 'agentUser'>

/** A task ready to be probed over a session; an error points at the task. */
export function prepareTask(item: TaskItem, context: HostContext, secrets: Secrets, users: Users): Prepared {
  const { task } = item
  checkDelegate(task, context.host.inventory)
  return {
    item,
    resource: task.resource,
    wish: wishOf(task, context, secrets),
    user: userOf(item, users, context.host.name),
    env: environmentOf(task, secrets),
  }
}

/** The user of a task; undefined = the agent's own. */
function userOf({ task, become }: TaskItem, { loginUser, agentUser }: Users, host: string): string | undefined {
  const wish = task.options.become ?? become
  if (wish === undefined) return undefined
  const user = wish === true ? 'root' : wish === false ? loginUser : wish
  if (user === undefined) throw new FactsNeeded(`the user that logs in on ${host} is not known yet`)
  return user === agentUser ? undefined : user
}

/** A task's arguments with templates rendered, local files read and secrets resolved, once; an error points at the task. */
export function wishOf(task: Task, context: HostContext, secrets: Secrets): unknown {
  const { prepare } = task.resource
  if (!prepare) return task.args
  if (context.wishes.has(task)) return context.wishes.get(task)
  const where = task.where.get()
  const host = context.inventoryHost
  try {
    const { shared, onRead } = context
    const wish = prepare(task.args, { host, secrets, from: where?.file ?? '', once: onceIn(shared), onRead })
    context.wishes.set(task, wish)
    return wish
  } catch (error) {
    const known = asProvisionError(error)
    throw new ProvisionError({
      code: known.code === 'internal' ? 'input' : known.code,
      message: `${task.resource.name} on ${host.name}: ${known.message}`,
      where: known.where ?? where,
      detail: known.detail,
      hint: known.hint,
      cause: known.cause ?? error,
    })
  }
}

function onceIn(shared: Map<string, unknown>): <T>(key: string, make: () => T) => T {
  return <T>(key: string, make: () => T): T => {
    if (!shared.has(key)) shared.set(key, make())
    return shared.get(key) as T // the key names the resource, which makes one type of value for it
  }
}

/** A task's environment with secrets resolved. Probes see it as well as applies: what a command reads may depend on it. */
export function environmentOf(task: Task, secrets: Secrets): Readonly<Record<string, string>> | undefined {
  const { env } = task.options
  if (!env) return undefined
  try {
    return Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, isSecret(value) ? secrets.reveal(value) : value]),
    )
  } catch (error) {
    const known = asProvisionError(error)
    throw new ProvisionError({
      code: known.code,
      message: `env of ${task.resource.name}: ${known.message}`,
      where: known.where ?? task.where.get(),
      detail: known.detail,
      hint: known.hint,
      cause: error,
    })
  }
}
