import test from 'ava'
import { renderDotPlot } from '../../bench/report/dot-plot.ts'
import { figuresOf } from '../../bench/report/figures.ts'
import { judgeGoals, makeGoals } from '../../bench/report/goals.ts'
import { renderLinePlot, spreadApart } from '../../bench/report/line-plot.ts'
import { logarithmicScale } from '../../bench/report/scale.ts'
import { median, renderNumber, renderSpread, spreadOf } from '../../bench/report/statistics.ts'
import { renderCase, renderTable } from '../../bench/report/table.ts'
import { parseRun, type Result } from '../../bench/results.ts'

const header = { run: 'r', processor: 'p', cores: 2, memory: 1, kernel: 'k', load: 0, versions: {}, options: '' }

function result(contestant: string, wall: number, more: Partial<Result> = {}): Result {
  const base = { run: 'r', at: 't', workload: 'rerun', case: 'cold', hosts: 3, round: 0 }
  return { ...base, contestant, wall, ...more }
}

test('the median of an even number of values is between the two in the middle, and of none there is none', (t) => {
  t.is(median([3, 1, 2]), 2)
  t.is(median([4, 1, 2, 10]), 3)
  t.is(median([]), undefined)
  t.deepEqual(spreadOf([5, 1, 3]), { count: 3, median: 3, least: 1, most: 5 })
})

test('a number has the digits that count', (t) => {
  t.deepEqual([0.1234, 9.87, 34.56, 312.4].map(renderNumber), ['0.12', '9.87', '34.6', '312'])
  t.is(renderSpread({ count: 3, median: 1, least: 0.5, most: 20 }), '1.00 (0.50–20.0)')
  t.is(renderSpread({ count: 1, median: 1, least: 1, most: 1 }), '1.00')
})

test('a case is a table, the fastest first, with ratios to its base and without columns that nobody has', (t) => {
  const results = [
    result('slow', 4, { sessions: 363, changed: 0 }),
    result('floor', 0.5, { sessions: 3, changed: 0 }),
    result('floor', 0.3, { sessions: 3, changed: 0 }),
    result('floor', 0.4, { sessions: 3, changed: 0 }),
  ]
  t.is(
    renderCase(results, 'floor'),
    `| contestant | runs | wall s | × floor | sessions/host | changes told |
| --- | --- | --- | --- | --- | --- |
| floor | 3 | 0.40 (0.30–0.50) | 1.00 | 1 | 0 |
| slow | 1 | 4.00 | 10.0 | 121 | 0 |
`,
  )
})

test('a failed run is in no median and is told', (t) => {
  const results = [result('floor', 1), result('tool', 2), result('tool', 99, { failure: 'exit code 2' })]
  t.true(renderCase(results, 'floor').includes('| tool | 2, 1 failed | 2.00 | 2.00 |'))
})

test('without its base a case has no ratios, and a bar in a cell does not end it', (t) => {
  t.false(renderCase([result('tool', 2)], 'floor').includes('× floor'))
  t.is(renderTable([['a', 'x|y']]), '| a |\n| --- |\n| x\\|y |\n')
})

test('the marks of a logarithmic scale are round and hold all values between them', (t) => {
  const scale = logarithmicScale([0.3, 34], 0, 100)
  t.deepEqual(scale.marks, [0.2, 0.5, 1, 2, 5, 10, 20, 50])
  t.is(scale.at(0.2), 0)
  t.is(Math.round(scale.at(50)), 100)
  t.true(logarithmicScale([1], 0, 100).at(1) === 0, 'one value only has room too')
  t.deepEqual(logarithmicScale([0.001, 9000], 0, 1).marks, [0.001, 0.01, 0.1, 1, 10, 100, 1000, 10000])
})

test('a plot says in words what it shows, and escapes what it is given', (t) => {
  const spread = { count: 1, median: 1, least: 1, most: 1 }
  const svg = renderDotPlot('a < b', [{ label: 'floor', spread }], 'floor')
  t.true(svg.startsWith('<svg '))
  t.true(svg.includes('aria-label="a &lt; b: floor 1.00 s"'))
  const lines = renderLinePlot('t', { x: 'hosts', y: 's' }, [{ label: 'one', points: [{ x: 10, y: 2 }] }], 'floor')
  t.true(lines.includes('aria-label="t: one 2.00 at 10"'))
  t.false(/NaN|undefined|Infinity/.test(svg + lines))
})

test('labels are moved apart and keep their order', (t) => {
  t.deepEqual(spreadApart([100, 50, 104]), [100, 50, 116])
})

test('a goal is reached, missed, or not measured', (t) => {
  const results = [
    result('floor', 1),
    result('hostwright', 1.2, { controllerCpu: 0.5 }),
    result('hostwright', 9, { failure: 'x' }),
  ]
  const anchors = { 'pyinfra 2': { rerun: 10.8 }, transilience: { rerun: 4.2 } }
  const verdicts = judgeGoals(makeGoals(anchors), figuresOf([{ header, results }]))
  const of = (id: string) => verdicts.find(({ goal }) => goal.id === id)
  t.like(of('rerun-floor'), { value: 1.2, reached: true })
  t.is(of('rerun-pyinfra')?.reached, true)
  t.is(of('rerun-transilience')?.reached, false)
  t.like(of('rerun-cpu'), { value: 0.5, reached: false })
  t.like(of('warm'), { value: undefined, reached: undefined })
})

test('figures come from the newest run that has the workload, never from two', (t) => {
  const old = { header, results: [result('floor', 1), result('tool', 5)] }
  const latest = { header: { ...header, run: 's' }, results: [result('floor', 2)] }
  const figures = figuresOf([old, latest])
  t.is(figures.median('rerun', 'cold', 'floor', 'wall'), 2)
  t.is(figures.median('rerun', 'cold', 'tool', 'wall'), undefined)
})

test('a file of results is a header and a line for each result', (t) => {
  const text = `${JSON.stringify(header)}\n${JSON.stringify(result('floor', 1))}\n`
  t.deepEqual(parseRun(text), { header, results: [result('floor', 1)] })
})
