// The report's page in a real browser: complete without a network, usable by keyboard, readable in light and dark.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import type { RecordedEvent, RunRecord } from '../../src/core/run-record.ts'
import { renderPage } from '../../src/report/html/page.ts'
import { plainEvent } from '../../src/report/json.ts'
import { cwd, recordedRun, task, taskEnd } from '../report/events.ts'
import { type Browser, type BrowserPage, startBrowser } from './browser.ts'

const folder = mkdtempSync(join(tmpdir(), 'hostwright-report-'))
let browser: Browser
test.before(() => {
  browser = startBrowser()
})
test.after.always(async () => {
  await browser.close()
  rmSync(folder, { recursive: true, force: true })
})

const evil =
  '</script><script>document.title = "taken"</script><img src="http://192.0.2.1/x.png" onerror="document.title = 1">'
const events = [
  ...recordedRun,
  taskEnd('web1', task(9, evil), 'changed', {
    changes: [{ summary: evil, diff: { label: evil, before: '', after: evil } }],
  }),
  taskEnd('web1', task(10, 'x'.repeat(300)), 'ok', { reason: 'y'.repeat(300) }),
]
const record: RunRecord = {
  description: {
    id: '20261121T083015Z-3f9a1c',
    command: 'run',
    playbook: 'playbooks/site.ts',
    inventory: 'inventory/hosts.ts',
    check: false,
    started: '2026-11-21T08:30:15.000Z',
    outcome: 'failed',
    groups: { web1: ['all', 'web'], web2: ['all', 'web'], web10: ['all', 'web'] },
  },
  events: events.map((event, index) => ({
    at: 100 * index,
    ...plainEvent(event, { cwd, diff: true }),
  })) as RecordedEvent[],
}

async function openReport(): Promise<BrowserPage> {
  const file = join(folder, 'report.html')
  writeFileSync(file, renderPage(record))
  return await browser.open(pathToFileURL(file).href)
}

test.serial('it fetches nothing, nothing of a host runs in it, and the browser has no complaint', async (t) => {
  const page = await openReport()
  t.deepEqual(page.requests, [pathToFileURL(join(folder, 'report.html')).href])
  t.deepEqual(page.complaints, [])
  t.is(await page.evaluate('document.title'), 'failed · playbooks/site.ts · 2026-11-21T08:30:15.000Z')
  t.is(await page.evaluate('document.querySelectorAll("main img, main script").length'), 0)
  t.is(await page.evaluate('document.querySelector("main section").id'), 'failures')
})

test.serial('by keyboard: to the failed task, and through the filters', async (t) => {
  const page = await openReport()
  const focused = () => page.evaluate<string>('document.activeElement.outerHTML.slice(0, 200)')
  await page.press('Tab')
  t.regex(await focused(), /class="skip"/)
  await page.evaluate('document.querySelector("details.host#h-web2").open = false')
  for (let n = 0; !/href="#t-web2-1"/.test(await focused()); n++) {
    if (n > 30) throw new Error('the link to the failed task was not reached with 30 tabs')
    await page.press('Tab')
  }
  await page.press('Enter')
  t.is(await page.evaluate('location.hash'), '#t-web2-1')
  t.true(await page.evaluate('document.querySelector("#h-web2").open'))
  t.is(await page.evaluate('document.activeElement.id'), 't-web2-1')

  const shown = (status: string) =>
    page.evaluate<number>(`document.querySelectorAll('li[data-status=${status}]:not([hidden])').length`)
  t.true((await shown('ok')) > 0)
  await page.evaluate('document.querySelector("#filters input[value=ok]").focus()')
  await page.press(' ')
  t.is(await shown('ok'), 0)
  t.true((await shown('changed')) > 0)
})

/** The least contrast of texts with what is behind them (WCAG 2.2, 1.4.3), with the text that has it. */
const leastContrast = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor)
      if (colour.length === 3 || colour[3] > 0) return colour
    }
  }
  let least = [99, '']
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('svg, script') || ![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < least[0]) least = [contrast, element.className + ' ' + element.textContent.slice(0, 40)]
  }
  return least
})()`

for (const scheme of ['light', 'dark'] as const) {
  for (const width of [1200, 380]) {
    test.serial(`${scheme}, ${width} wide: every text can be read and nothing sticks out`, async (t) => {
      const page = await openReport()
      await page.look({ scheme, width, height: 900 })
      const [contrast, text] = await page.evaluate<[number, string]>(leastContrast)
      t.true(contrast >= 4.5, `${contrast} ${text}`)
      t.is(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0)
      const [red = 0] = await page.evaluate<number[]>(
        'getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)',
      )
      t.is(red > 128, scheme === 'light')
    })
  }
}
