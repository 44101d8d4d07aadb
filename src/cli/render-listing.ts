// The text of --list-hosts, --list-tasks and --list-tags.
import type { ListedPlay } from '../engine/list.ts'

/** Plays with their hosts, with the tasks of each host too, or all tags. Hosts with the same tasks are told together. */
export function renderListing(plays: readonly ListedPlay[], what: { listTasks?: boolean; listTags?: boolean }): string {
  if (what.listTags) {
    const tags = new Set(plays.flatMap((play) => play.tasks.flatMap((task) => task.tags)))
    return [...tags]
      .sort()
      .map((tag) => `${tag}\n`)
      .join('')
  }
  return plays
    .map((play) => {
      const head = `${play.play} (${play.hosts.join(', ') || 'no hosts'})\n`
      return what.listTasks ? `${head}${renderTasks(play)}` : head
    })
    .join(what.listTasks ? '\n' : '')
}

function renderTasks(play: ListedPlay): string {
  const alike = new Map<string, string[]>()
  for (const host of play.hosts) {
    const later = play.needFacts.includes(host) ? ['known after connecting: the roles read facts'] : []
    const own = play.tasks.filter((task) => task.host === host).map(renderTask)
    const text = [...own, ...later].map((line) => `    ${line}\n`).join('') || '    no tasks\n'
    alike.set(text, [...(alike.get(text) ?? []), host])
  }
  return [...alike].map(([text, hosts]) => `  ${hosts.join(', ')}\n${text}`).join('')
}

function renderTask({ title, on, tags }: ListedPlay['tasks'][number]): string {
  return `${title}${on === undefined ? '' : `  → ${on}`}${tags.length > 0 ? `  [${tags.join(', ')}]` : ''}`
}
