import { asProvisionError, ProvisionError } from '../core/error.ts'
import { isSecret, type Secrets } from '../core/secret.ts'
import type { Task } from '../core/task.ts'
import type { HostContext } from './host-context.ts'

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
