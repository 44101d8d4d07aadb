// When each host did what: a row for each host, a bar for each task. Tasks that were `ok` in a row share a bar.
import { count, renderDuration } from '../text.ts'
import { Html, html } from './markup.ts'
import type { Story, StoryHost, StoryTask } from './story.ts'

interface Bar {
  readonly kind: StoryTask['status'] | 'connecting'
  readonly start: number
  readonly end: number
  readonly title: string
  readonly anchor: string | undefined
}

/** Tasks nearer to each other than this part of the run are one bar, if nothing happened in them. */
const near = 0.004

export function renderTimeline({ hosts, duration }: Story): Html {
  return html`<div class="timeline">
${hosts.map((host) => renderRow(host, duration))}
<div class="row axis" aria-hidden="true"><span></span><div class="track">${ticksOf(duration).map(
    (tick) => html`<span style="left:${percent(tick, duration)}%">${renderDuration(tick)}</span>`,
  )}</div></div>
</div>`
}

function renderRow(host: StoryHost, duration: number): Html {
  const bars = barsOf(host, duration)
  return html`<div class="row"><a class="host" href="#h-${host.name}">${host.name}</a><div class="track">${bars.map(
    (bar) => {
      const style = `left:${percent(bar.start, duration)}%;width:${percent(bar.end - bar.start, duration)}%`
      if (bar.anchor === undefined) return html`<span class="${bar.kind}" style="${style}" title="${bar.title}"></span>`
      // a changed task is one of many: the keyboard stops at those that are few
      const reach = bar.kind === 'changed' && new Html(' tabindex="-1"')
      return html`<a class="${bar.kind}"${reach} style="${style}" title="${bar.title}" aria-label="${bar.title}" href="#${bar.anchor}"></a>`
    },
  )}</div></div>
`
}

function barsOf(host: StoryHost, duration: number): Bar[] {
  const bars: Bar[] = []
  const connected = host.connected ?? (host.unreachable ? duration : 0)
  if (connected > 0) bars.push({ kind: 'connecting', start: 0, end: connected, title: 'connecting', anchor: undefined })
  let quiet: StoryTask[] = []
  const close = (): void => {
    const [first] = quiet
    const last = quiet.at(-1)
    if (first && last) {
      const title = quiet.length === 1 ? titleOf(first) : `${count(quiet.length, 'task')} ok or skipped`
      bars.push({ kind: 'ok', start: first.start, end: last.end, title, anchor: undefined })
    }
    quiet = []
  }
  for (const task of host.tasks) {
    if (task.status === 'ok' || task.status === 'skipped') {
      const last = quiet.at(-1)
      if (last && task.start - last.end > near * duration) close()
      quiet.push(task)
      continue
    }
    close()
    bars.push({ kind: task.status, start: task.start, end: task.end, title: titleOf(task), anchor: task.anchor })
  }
  close()
  return bars
}

function titleOf({ task, status, start, end }: StoryTask): string {
  return `${task.title}: ${status}, ${renderDuration(end - start)}`
}

/** Up to six round numbers, none where the edge would cut it. */
function ticksOf(duration: number): number[] {
  const rough = duration / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? duration
  return Array.from({ length: Math.floor((0.93 * duration) / step) + 1 }, (_, index) => index * step)
}

function percent(part: number, whole: number): string {
  return ((100 * part) / whole).toFixed(2)
}
