import type { Location } from '../core/error.ts'
import { delegateOf } from './delegate.ts'
import { expandPlay, makeHostContext } from './host-context.ts'
import { itemTitle, leaves, selectByTags } from './items.ts'
import type { ListRequest } from './run.ts'
import { FactsNeeded } from './user-code.ts'

/** One play of a listing. */
export interface ListedPlay {
  readonly play: string
  readonly hosts: readonly string[]
  readonly tasks: readonly {
    readonly host: string
    readonly title: string
    /** The other host that it runs on. */
    readonly on: string | undefined
    readonly tags: readonly string[]
    readonly where: Location | undefined
  }[]
  /** Hosts whose tasks depend on facts and so cannot be listed without connecting. */
  readonly needFacts: readonly string[]
}

/** The tasks of each play and host, without touching a host. */
export function listTasks(request: ListRequest): ListedPlay[] {
  const site = {
    playbook: request.playbook,
    inventory: request.inventory,
    extraVars: request.extraVars ?? {},
    verify: false,
  }
  const limit =
    request.limit === undefined ? undefined : new Set(request.inventory.select(request.limit).map((host) => host.name))
  return request.playbook.plays.map((play) => {
    const hosts = request.inventory.select(play.hosts).filter((host) => !limit || limit.has(host.name))
    const tasks: ListedPlay['tasks'][number][] = []
    const needFacts: string[] = []
    for (const host of hosts) {
      try {
        const items = selectByTags(
          expandPlay(play, makeHostContext(host, site), site),
          request.tags ?? [],
          request.skipTags ?? [],
        )
        for (const item of leaves(items)) {
          tasks.push({
            host: host.name,
            title: itemTitle(item),
            on: delegateOf(item, host.name),
            tags: [...item.tags],
            where: item.task.where.get(),
          })
        }
      } catch (error) {
        if (!(error instanceof FactsNeeded)) throw error
        needFacts.push(host.name)
      }
    }
    return { play: play.name, hosts: hosts.map((host) => host.name), tasks, needFacts }
  })
}
