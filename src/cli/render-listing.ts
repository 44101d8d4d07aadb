import type { ListedPlay } from '../engine/list.ts'

/** The text of --list-hosts, --list-tasks and --list-tags. */
export function renderListing(plays: readonly ListedPlay[], what: { listTasks?: boolean; listTags?: boolean }): string {
  if (what.listTags) {
    const tags = new Set(plays.flatMap((play) => play.tasks.flatMap((task) => task.tags)))
    return `${[...tags].sort().join('\n')}\n`
  }
  return plays
    .map((play) => `${play.play} (${play.hosts.join(', ') || 'no hosts'})\n${what.listTasks ? tasksOf(play) : ''}`)
    .join('')
}

function tasksOf(play: ListedPlay): string {
  const lines = play.tasks.map(
    (task) => `  ${task.host}  ${task.title}${task.tags.length > 0 ? `  [${task.tags.join(', ')}]` : ''}\n`,
  )
  const later = play.needFacts.map((host) => `  ${host}  (known after connecting: the roles read facts)\n`)
  return [...lines, ...later].join('')
}
