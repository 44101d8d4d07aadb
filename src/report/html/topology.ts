// A picture of groups and hosts: groups on the left, hosts with their roles on the right, a line for each membership.
import { type Html, html } from './markup.ts'
import type { Story, StoryHost } from './story.ts'

interface Card {
  readonly title: string
  readonly status: StoryHost['status']
  readonly roles: readonly string[]
  readonly groups: readonly string[]
}

const groupWidth = 150
const groupHeight = 34
const cardLeft = 330
const cardWidth = 430
const lineHeight = 22
const gap = 16
/** Characters of a line of roles. */
const longestLine = 56

/** The picture as SVG, with the same in words for who cannot see it. */
export function renderTopology(story: Story): Html {
  const cards = cardsOf(story.hosts)
  const groups = [...new Set(cards.flatMap((card) => card.groups))]
  const lines = cards.map((card) => linesOf(card.roles))
  const heights = lines.map((rows) => 16 + lineHeight * (1 + rows.length))
  const tops = heights.map((_, index) => heights.slice(0, index).reduce((sum, height) => sum + height + gap, 1))
  const cardsHeight = heights.reduce((sum, height) => sum + height + gap, 0)
  const height = Math.max(cardsHeight, groups.length * (groupHeight + gap)) + 2
  const groupTop = (index: number): number => ((index + 0.5) * height) / groups.length - groupHeight / 2
  const links = cards.flatMap((card, index) =>
    card.groups.map((group) => {
      const from = groupTop(groups.indexOf(group)) + groupHeight / 2
      const to = (tops[index] ?? 0) + (heights[index] ?? 0) / 2
      const middle = (groupWidth + cardLeft) / 2
      return html`<path class="link" d="M${groupWidth} ${from} C${middle} ${from} ${middle} ${to} ${cardLeft} ${to}"/>`
    }),
  )
  const words = cards.map(
    (card) =>
      `${card.title}: ${card.status}; groups ${card.groups.join(', ') || 'none'}; roles ${card.roles.join(', ') || 'none'}`,
  )
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Picture of groups, hosts and roles">
<svg viewBox="0 0 ${cardLeft + cardWidth + 2} ${height}" width="${cardLeft + cardWidth + 2}" height="${height}" role="img" aria-labelledby="topology-words">
<title id="topology-words">${words.join('. ')}</title>
${links}
${groups.map(
  (
    group,
    index,
  ) => html`<g transform="translate(1 ${groupTop(index)})"><rect class="group" width="${groupWidth - 1}" height="${groupHeight}" rx="17"/><text class="middle" x="${groupWidth / 2}" y="22">${shorten(group, 18)}</text></g>
`,
)}${cards.map(
  (
    card,
    index,
  ) => html`<g transform="translate(${cardLeft} ${tops[index] ?? 0})"><rect class="card" width="${cardWidth}" height="${heights[index] ?? 0}" rx="8"/><rect class="bar ${card.status}" width="6" height="${heights[index] ?? 0}" rx="3"/><text class="name" x="20" y="25">${shorten(card.title, 34)}</text><text class="state ${card.status}" x="${cardWidth - 14}" y="25">${card.status}</text>${(lines[index] ?? []).map((line, row) => html`<text class="roles" x="20" y="${25 + lineHeight * (row + 1)}">${line}</text>`)}</g>
`,
)}</svg></div>`
}

/** Hosts that are alike share a card, so that a hundred of them are a picture still. */
function cardsOf(hosts: readonly StoryHost[]): Card[] {
  const alike = new Map<string, StoryHost[]>()
  for (const host of hosts) {
    const key = hosts.length > 12 ? JSON.stringify([host.groups, host.roles, host.status]) : host.name
    alike.set(key, [...(alike.get(key) ?? []), host])
  }
  return [...alike.values()].flatMap((members) => {
    const [first] = members
    if (!first) return []
    const last = members.at(-1)?.name ?? ''
    const title = members.length === 1 ? first.name : `${first.name} … ${last} (${members.length})`
    return [{ title, status: first.status, roles: first.roles, groups: first.groups }]
  })
}

function linesOf(roles: readonly string[]): string[] {
  const lines: string[] = []
  for (const role of roles) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + role.length + 3 <= longestLine)
      lines[lines.length - 1] = `${last} · ${role}`
    else lines.push(shorten(role, longestLine))
  }
  return lines
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
