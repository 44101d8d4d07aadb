import test from 'ava'
import type { Point } from '../../judge/outages/measure.ts'
import { marksOf, renderStrips, slicesOf, type Titled } from '../../judge/outages/plot.ts'

const points: readonly Point[] = [
  [1, -40, -30, 1],
  [1, -20, -10, 1],
  [1, 0, 5000, 0],
  [1, 20, 5020, 0],
  [1, 40, 50, 1],
  [1, 60, 5060, 0],
  [0, 60, 70, 1],
]

test('slices of the same state are one, and those with both outcomes are told apart', (t) => {
  t.deepEqual(slicesOf(points, true, 40), [
    { from: -40, to: 0, state: 'served' },
    { from: 0, to: 40, state: 'failed' },
    { from: 40, to: 80, state: 'partly' },
  ])
  t.deepEqual(slicesOf(points, false, 40), [{ from: 40, to: 80, state: 'served' }])
})

test('times without a request make no slice', (t) => {
  const apart: Point[] = [
    [1, 0, 1, 1],
    [1, 200, 201, 1],
  ]
  t.deepEqual(slicesOf(apart, true, 100), [
    { from: 0, to: 100, state: 'served' },
    { from: 200, to: 300, state: 'served' },
  ])
})

test('an axis has round marks', (t) => {
  t.deepEqual(marksOf(-2000, 12_000), [-2000, 0, 2000, 4000, 6000, 8000, 10_000, 12_000])
  t.deepEqual(marksOf(-500, 900), [-500, 0, 500])
})

test('the picture tells in words what it shows, and escapes titles', (t) => {
  const interruption = { attempts: 3, failed: 1, gap: 1234, slowest: 10 }
  const measurement: Titled = {
    title: 'a <b>',
    phases: [{ name: 'event', from: 0, to: 80, write: interruption, read: interruption, steady: true }],
    points,
  }
  const svg = renderStrips('Events', [measurement], -100, 100)
  t.regex(svg, /aria-label="Events\. a &lt;b&gt;: writes paused 1234 ms, reads 1234 ms"/)
  t.false(svg.includes('a <b>'))
  t.regex(svg, /fill="#f85149"/)
})
