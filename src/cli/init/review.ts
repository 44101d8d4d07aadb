// What would be written: a tree of the project, then the differences to what is there.

import { renderDiff } from '../../report/diff.ts'
import type { Paint } from '../../report/paint.ts'
import type { FilePlan } from '../../wizard/plan.ts'

/** The tree and the diffs, as text. */
export function renderReview(folder: string, plans: readonly FilePlan[], vault: 'new' | 'same', paint: Paint): string {
  const rows = [
    ...plans.map((plan) => ({ path: plan.path, note: noteOf(plan, paint) })),
    {
      path: 'secrets.age',
      note: vault === 'new' ? paint('green', 'new: generated passwords, encrypted') : paint('dim', 'as it is'),
    },
  ].sort((left, right) => (left.path < right.path ? -1 : 1))
  const width = Math.max(...rows.map(({ path }) => path.length))
  const tree = rows.map(({ path, note }, index) => {
    const [top = ''] = path.split('/')
    const isFolder = path.includes('/')
    const first = !isFolder || rows[index - 1]?.path.split('/')[0] !== top
    const row = `${isFolder ? '    ' : '  '}${(isFolder ? path.slice(top.length + 1) : path).padEnd(width + (isFolder ? 0 : 2))}  ${note}`
    return isFolder && first ? `  ${paint('bold', `${top}/`)}\n${row}` : row
  })
  const diffs = plans.flatMap((plan) => {
    if (plan.kind === 'changed')
      return [renderDiff({ label: plan.path, before: plan.before, after: plan.after }, paint, '  ')]
    if (plan.kind !== 'conflict') return []
    const places = plan.places.map((place) => `  ${paint('yellow', '!')} ${plan.path}: ${place}\n`).join('')
    return [`${places}${renderDiff({ label: plan.path, before: plan.before, after: plan.after }, paint, '  ')}`]
  })
  return [`${paint('bold', `${folder}/`)}\n${tree.join('\n')}\n`, ...diffs].join('\n')
}

function noteOf(plan: FilePlan, paint: Paint): string {
  switch (plan.kind) {
    case 'new':
      return paint('green', 'new')
    case 'changed':
      return `${paint('yellow', 'changes')}${plan.edited ? ', what you edited stays' : ''}`
    case 'same':
      return paint('dim', plan.edited ? 'as you edited it' : 'as it is')
    case 'conflict':
      return paint('red', 'cannot be merged with what is there')
  }
}
