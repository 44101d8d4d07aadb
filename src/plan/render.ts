// A plan as people read it: host by host, play and role by play and role, what would change and what is unknown.
import { renderDiff } from '../report/diff.ts'
import type { Paint } from '../report/paint.ts'
import { clean, oneLine } from '../report/text.ts'
import { countTasks, type PlannedHost, type PlannedTask, type SavedPlan, summaryOf } from './plan-file.ts'

/** More changes of a task than these get lines of their own. */
const mostOnLine = 3

/** The whole plan. */
export function renderPlanForPeople(plan: SavedPlan, paint: Paint): string {
  const hosts = Object.entries(plan.hosts).map(([name, host]) => renderHost(name, host, paint))
  const legend =
    countTasks(plan, 'unknown') > 0
      ? 'unknown: cannot be known before an earlier change is done; the apply decides\n'
      : ''
  return `${head(plan, paint)}\n${hosts.join('\n')}\n${paint('dim', legend)}${paint('bold', summaryOf(plan))}\n`
}

/** The plan for programs: without digests and what is encrypted. */
export function renderPlanAsJson(plan: SavedPlan): string {
  const { sealedVars, inputs, inventoryDigest, secretDigests, hosts, ...rest } = plan
  const plain = Object.fromEntries(
    Object.entries(hosts).map(([name, { tasks, ...host }]) => [
      name,
      { ...host, tasks: tasks.map(({ evidence, ...task }) => task) },
    ]),
  )
  return `${JSON.stringify({ ...rest, inputs: Object.keys(inputs), secrets: Object.keys(secretDigests), hosts: plain })}\n`
}

function head({ playbook, inventory, made, hostwright, options, extraVars }: SavedPlan, paint: Paint): string {
  const { limit, tags, skipTags } = options
  const words = [
    ...(limit === undefined ? [] : [`limit ${limit}`]),
    ...(tags ? [`tags ${tags.join(',')}`] : []),
    ...(skipTags ? [`without tags ${skipTags.join(',')}`] : []),
    ...(extraVars.length > 0 ? [`extra vars ${extraVars.join(', ')}`] : []),
  ]
  const lines = [`${playbook} on ${inventory}`, ...words, paint('dim', `made ${made} by hostwright ${hostwright}`)]
  return `${lines.map(oneLine).join('\n')}\n`
}

function renderHost(name: string, { state, error, tasks }: PlannedHost, paint: Paint): string {
  const lines = [paint('bold', name)]
  if (state !== 'planned') lines.push(paint('red', `  not planned, it is ${state}: ${oneLine(error?.message ?? '')}`))
  const news = tasks.filter(({ status }) => status === 'changed' || status === 'unknown')
  if (news.length === 0 && state === 'planned') lines.push(paint('dim', '  nothing to change'))
  let group = ''
  for (const task of news) {
    const own = task.role === undefined ? task.play : `${task.play} › ${task.role}`
    if (own !== group) lines.push(`  ${paint('cyan', oneLine(own))}`)
    group = own
    lines.push(renderTask(task, paint))
  }
  return `${lines.join('\n')}\n`
}

function renderTask({ status, title, role, handler, changes, reason }: PlannedTask, paint: Paint): string {
  const own = role !== undefined && title.startsWith(`${role} › `) ? title.slice(role.length + 3) : title
  const word = status === 'changed' ? paint('yellow', 'change ') : paint('magenta', 'unknown')
  const why = status === 'unknown' && reason !== undefined ? [reason] : []
  const sentences = [...changes.map(({ summary }) => summary), ...why].map((text) => oneLine(clean(text)))
  const head = `    ${word}  ${handler ? 'handler · ' : ''}${oneLine(own)}`
  const isLong = sentences.length > mostOnLine
  const line = isLong
    ? [head, ...sentences.map((text) => paint('dim', `             ${text}`))].join('\n')
    : `${head}  ${paint('dim', `(${sentences.join('; ')})`)}`
  const diffs = changes.map(({ diff }) => (diff ? renderDiff(diff, paint, '      ') : '')).join('')
  return diffs ? `${line}\n${diffs.trimEnd()}` : line
}
