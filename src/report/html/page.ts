// A record as one HTML page that needs nothing else: no network, no fonts, no further files.
import { createHash } from 'node:crypto'
import type { RunRecord } from '../../core/run-record.ts'
import { renderDuration } from '../text.ts'
import { Html, html } from './markup.ts'
import { script } from './script.ts'
import { type Story, storyOf } from './story.ts'
import { style } from './style.ts'
import { badge, renderFailures, renderHostTasks, renderSlowest } from './tasks.ts'
import { renderTimeline } from './timeline.ts'
import { renderTopology } from './topology.ts'

const statuses = ['failed', 'changed', 'unknown', 'ignored', 'running', 'ok', 'skipped'] as const

/** Renders the whole page. What hosts wrote cannot run in it: only our own script may, by its checksum. */
export function renderPage(record: RunRecord): string {
  const story = storyOf(record)
  const { description } = story
  const failures = renderFailures(story)
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`
  const sections: readonly (readonly [id: string, title: string, body: Html | undefined])[] = [
    ['failures', 'Failures', failures],
    ['warnings', 'Warnings', renderWarnings(story)],
    ['topology', 'Groups and roles', renderTopology(story)],
    ['timeline', 'Timeline', html`${renderTimeline(story)}${legend}`],
    ['slowest', 'Slowest tasks', renderSlowest(story)],
    ['tasks', 'Tasks', html`${renderFilters(story)}${story.hosts.map(renderHostTasks)}`],
  ]
  const shown = sections.filter(([, , body]) => body !== undefined)
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${story.outcome} · ${description.playbook} · ${description.started}</title>
<style>${new Html(style)}</style>
</head>
<body>
<a class="skip" href="#${shown[0]?.[0] ?? 'tasks'}">Skip to the results</a>
<header>
<h1>${badge(story.outcome)} ${description.playbook}</h1>
${renderFacts(story)}
${renderTiles(story)}
</header>
<nav aria-label="Sections"><ul>${shown.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>
${shown.map(
  ([id, title, body]) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${body}</section>
`,
)}</main>
<footer>Run ${description.id}. Times are those of the machine that ran provision; secrets are hidden.</footer>
<script>${new Html(script)}</script>
</body>
</html>
`.text
}

function renderFacts({ description, duration, outcome }: Story): Html {
  const { limit, tags, skipTags, extraVars, revision } = description
  const facts: readonly (readonly [string, string | Html | undefined])[] = [
    [
      'started',
      html`<time datetime="${description.started}">${description.started.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</time>`,
    ],
    ['took', outcome === 'unfinished' ? `${renderDuration(duration)}, then the record ends` : renderDuration(duration)],
    ['command', `${description.command}${description.check ? ', check mode: nothing was changed' : ''}`],
    ['inventory', description.inventory],
    ['commit', revision?.slice(0, 12)],
    ['limit', limit],
    ['tags', tags?.join(', ')],
    ['skipped tags', skipTags?.join(', ')],
    ['extra vars', extraVars?.join(', ')],
  ]
  return html`<dl>${facts.map(([name, value]) => value !== undefined && value !== '' && html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

function renderTiles({ hosts, description }: Story): Html {
  const tasks = hosts.flatMap((host) => host.tasks)
  const having = (status: string) => tasks.filter((task) => task.status === status).length
  const tiles: readonly (readonly [string, string, number])[] = [
    ['', 'hosts', hosts.length],
    ['failed', 'failed', having('failed')],
    ['unreachable', 'unreachable', hosts.filter((host) => host.unreachable).length],
    ['changed', description.check ? 'would change' : 'changed', having('changed')],
    ['ok', 'ok', having('ok')],
    ['', 'skipped', having('skipped')],
  ]
  return html`<ul class="tiles">${tiles.map(([kind, name, number]) => html`<li class="${number > 0 ? kind : ''}"><b>${number}</b>${name}</li>`)}</ul>`
}

function renderWarnings({ warnings }: Story): Html | undefined {
  if (warnings.length === 0) return undefined
  return html`<ul>${warnings.map(({ host, message, hint }) => html`<li>${host !== undefined && `${host}: `}${message} <span class="dim">${hint}</span></li>`)}</ul>`
}

/** The script shows them: without it there is nothing that they could do. */
function renderFilters({ hosts }: Story): Html {
  const seen = statuses.filter((status) => hosts.some((host) => host.tasks.some((task) => task.status === status)))
  return html`<fieldset id="filters" hidden><legend>Show</legend>${seen.map((status) => html`<label><input type="checkbox" value="${status}" checked> ${status}</label>`)}<button type="button">Open or close all hosts</button></fieldset>
`
}

const legend = html`<ul class="legend">${[
  ['okbar', 'ok'],
  ['changedbar', 'changed'],
  ['failedbar', 'failed'],
  ['otherbar', 'unknown, ignored or running'],
  ['skipbar', 'connecting'],
].map(([colour, name]) => html`<li><i style="background:var(--${colour})"></i>${name}</li>`)}</ul>`
