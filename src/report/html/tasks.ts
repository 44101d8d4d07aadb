// Failures first, the slowest tasks, and all tasks of each host with what they changed.
import type { RecordedError } from '../../core/run-record.ts'
import { renderDiff } from '../diff.ts'
import { count, renderDuration, renderTaskHost } from '../text.ts'
import { Html, html } from './markup.ts'
import type { Story, StoryHost, StoryTask } from './story.ts'

const slowest = 10

/** What went wrong, in the order in which an operator asks: the run, hosts out of reach, tasks. */
export function renderFailures(story: Story): Html | undefined {
  const blocks = [
    ...(story.error ? [renderFailure('The run', story.error)] : []),
    ...story.hosts.flatMap(({ name, unreachable }) =>
      unreachable ? [renderFailure(`${name} · unreachable`, unreachable)] : [],
    ),
    ...story.hosts.flatMap((host) =>
      host.tasks
        .filter((task) => task.status === 'failed')
        .map((task) =>
          renderFailure(
            html`${renderTaskHost(host.name, task.task)} · <a href="#${task.anchor}">${task.task.title}</a>`,
            task.error,
          ),
        ),
    ),
  ]
  return blocks.length === 0 ? undefined : html`${blocks}`
}

function renderFailure(subject: Html | string, error: RecordedError | undefined): Html {
  return html`<article class="failure"><h3>${subject}</h3>
${renderError(error)}</article>
`
}

function renderError(error: RecordedError | undefined): Html {
  if (!error) return html`<p>failed</p>`
  return html`<p>${error.message}${error.where !== undefined && html` <code class="where">${error.where}</code>`}</p>
${error.detail !== undefined && html`<pre tabindex="0">${error.detail}</pre>`}${error.hint !== undefined && html`<p class="hint">Try: <code>${error.hint}</code></p>`}`
}

export function renderSlowest(story: Story): Html {
  const tasks = story.hosts
    .flatMap((host) => host.tasks)
    .toSorted((left, right) => right.end - right.start - (left.end - left.start))
    .slice(0, slowest)
  const longest = Math.max(1, ...tasks.map((task) => task.end - task.start))
  return html`<table><thead><tr><th scope="col" class="number">took</th><th scope="col">host</th><th scope="col">task</th><th scope="col">status</th></tr></thead><tbody>
${tasks.map(
  (
    task,
  ) => html`<tr><td class="number"><span class="meter" style="width:${((100 * (task.end - task.start)) / longest).toFixed(1)}%"></span>${renderDuration(task.end - task.start)}</td><td>${renderTaskHost(task.host, task.task)}</td><td><a href="#${task.anchor}">${task.task.title}</a></td><td>${badge(task.status)}</td></tr>
`,
)}</tbody></table>`
}

/** A host's tasks; open from the start if something happened there. */
export function renderHostTasks(host: StoryHost): Html {
  const numbers = (['failed', 'changed', 'unknown', 'ignored', 'ok', 'skipped', 'running'] as const)
    .map((status) => ({ status, number: host.tasks.filter((task) => task.status === status).length }))
    .filter(({ number }) => number > 0)
  return html`<details class="host" id="h-${host.name}"${host.status === 'ok' ? '' : new Html(' open')}><summary><b>${host.name}</b> ${badge(host.status)} <span class="dim">${count(host.tasks.length, 'task')}: ${numbers.map(({ status, number }) => `${number} ${status}`).join(', ') || 'none'}</span></summary>
<ol class="tasks">
${host.tasks.map(renderTask)}</ol></details>
`
}

function renderTask(task: StoryTask): Html {
  const { changes, reason, error, output } = task
  const more = [
    task.status !== 'failed' && task.error ? renderError(error) : undefined,
    task.status === 'failed' ? renderError(error) : undefined,
    changes.length > 0 && html`<ul>${changes.map((change) => html`<li>${change.summary}</li>`)}</ul>`,
    ...changes.map(({ diff }) => diff && renderDiffBlock(diff)),
    output !== '' && html`<details><summary>output</summary><pre tabindex="0">${output}</pre></details>`,
  ]
  return html`<li id="${task.anchor}" data-status="${task.status}" tabindex="-1"><div class="line">${badge(task.status)} <span class="title">${task.task.on !== undefined && `→ ${task.task.on} · `}${task.task.handler && 'handler · '}${task.task.title}</span> <span class="dim">${reason}</span><span class="dim right">${renderDuration(task.end - task.start)}${task.task.where !== undefined && html` · <code class="where">${task.task.where}</code>`}</span></div>${more}</li>
`
}

/** A longer diff is closed, so that the list of tasks stays a list. */
const longestOpenDiff = 12

function renderDiffBlock(diff: { label: string; before: string; after: string }): Html {
  const lines = renderDiff(diff, (_style, text) => text, '')
    .split('\n')
    .filter((line) => line !== '')
  const open = lines.length > longestOpenDiff ? '' : new Html(' open')
  return html`<details${open}><summary>${diff.label} <span class="dim">${count(lines.length, 'line')}</span></summary><pre class="diff" tabindex="0">${lines.map(
    (line, index) => html`<span class="${classOf(line, index)}">${line}
</span>`,
  )}</pre></details>`
}

function classOf(line: string, index: number): string {
  if (index < 2 || line.startsWith('@@')) return 'head'
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same'
}

/** A status in words; its colour says nothing more. */
export function badge(status: string): Html {
  return html`<span class="badge ${status}">${status}</span>`
}
