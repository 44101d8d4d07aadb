// A real headless Chromium, spoken to over two pipes (the DevTools protocol, JSON with a NUL after each message).
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

export interface Browser {
  /** Opens a page and waits until it is loaded. */
  readonly open: (url: string) => Promise<BrowserPage>
  readonly close: () => Promise<void>
}

export interface BrowserPage {
  /** The value of an expression in the page; rejects with what it throws. */
  readonly evaluate: <T>(expression: string) => Promise<T>
  /** Presses and lets go of a key, as a person would: `Tab`, `Enter`, ` `. */
  readonly press: (key: string) => Promise<void>
  readonly look: (as: { scheme: 'light' | 'dark'; width: number; height: number }) => Promise<void>
  /** A PNG of what is in view. */
  readonly screenshot: () => Promise<Buffer>
  /** Addresses of all that was fetched. */
  readonly requests: readonly string[]
  /** Exceptions, and what the browser complained about. */
  readonly complaints: readonly string[]
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
  readonly sessionId?: string
}

const arguments_ = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-pipe']

/** @param more further options of chromium, for a page with a certificate of its own say */
export function startBrowser(more: readonly string[] = []): Browser {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-browser-'))
  const child = spawn('chromium', [...arguments_, ...more, `--user-data-dir=${folder}`, 'about:blank'], {
    env: { ...process.env, HOME: folder }, // it keeps crash reports there, whatever --user-data-dir says
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  })
  const ended = endOf(child)
  const input = child.stdio[3] as Writable
  const output = child.stdio[4] as Readable
  const waiting = new Map<
    number,
    { resolve: (value: Record<string, unknown>) => void; reject: (error: Error) => void }
  >()
  const listeners = new Set<(message: Message) => void>()
  let number = 0
  let rest = ''
  ended.then(
    (why) => {
      for (const { reject } of waiting.values()) reject(new Error(`chromium ended: ${why}`))
    },
    (error: Error) => {
      for (const { reject } of waiting.values()) reject(error)
    },
  )
  output.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0')
    rest = messages.pop() ?? ''
    for (const each of messages) {
      const message = JSON.parse(each) as Message
      const call = message.id === undefined ? undefined : waiting.get(message.id)
      if (message.id !== undefined) waiting.delete(message.id)
      if (message.error) call?.reject(new Error(message.error.message))
      else call?.resolve(message.result ?? {})
      for (const listener of listeners) listener(message)
    }
  })
  const send = (method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const id = ++number
      waiting.set(id, { resolve, reject })
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })

  return {
    open: async (url) => {
      const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
      const session = String(sessionId)
      const call = (method: string, params: object = {}) => send(method, params, session)
      const requests: string[] = []
      const complaints: string[] = []
      const loaded = new Promise<void>((resolve) => {
        listeners.add(({ sessionId: from, method, params = {} }) => {
          if (from !== session) return
          if (method === 'Page.loadEventFired') resolve()
          if (method === 'Network.requestWillBeSent') requests.push((params.request as { url: string }).url)
          if (method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(params.exceptionDetails))
          if (method === 'Log.entryAdded') complaints.push((params.entry as { text: string }).text)
        })
      })
      for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await call(`${domain}.enable`)
      await call('Page.navigate', { url })
      await loaded
      return {
        requests,
        complaints,
        evaluate: async <T>(expression: string) => {
          const answer = await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
          if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails))
          return (answer.result as { value: T }).value
        },
        press: async (key) => {
          const code = { Tab: 9, Enter: 13, ' ': 32 }[key] ?? 0
          const text = { Enter: '\r', ' ': ' ' }[key]
          const event = { key, code: key === ' ' ? 'Space' : key, windowsVirtualKeyCode: code }
          await call('Input.dispatchKeyEvent', { type: 'keyDown', ...event, ...(text && { text }) })
          await call('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
        },
        look: async ({ scheme, width, height }) => {
          await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
          await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 })
        },
        screenshot: async () => {
          const { data } = await call('Page.captureScreenshot')
          return Buffer.from(String(data), 'base64')
        },
      }
    },
    close: async () => {
      child.kill('SIGKILL')
      await ended.catch(() => undefined)
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(new Error(`chromium could not be started (Debian package chromium): ${error.message}`)),
    )
    child.on('close', (code, signal) => resolve(`exit code ${code}, signal ${signal}`))
  })
}
