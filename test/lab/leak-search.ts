// Looks for secrets where none may be: every form in which a program could show them, in texts and in running processes.
// It shares no code with the redaction, so that a fault there shows.
import { readdirSync, readFileSync } from 'node:fs'

/** The value as it is and as programs encode it. */
export function encodedForms(value: string): readonly string[] {
  const bytes = Buffer.from(value)
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(shift === 0 ? 0 : shift + 1, -1),
  )
  const hex = bytes.toString('hex')
  const url = encodeURIComponent(value)
  const json = JSON.stringify(value).slice(1, -1)
  const forms = [value, ...base64, hex, hex.toUpperCase(), url, url.replaceAll('%20', '+'), url.toLowerCase(), json]
  return [...new Set(forms)].filter((form) => form.length >= 8)
}

/** Which of the forms stand in a text, with what stands around the first. */
export function findIn(text: string, forms: readonly string[]): string | undefined {
  for (const form of forms) {
    const at = text.indexOf(form)
    if (at >= 0) return `…${text.slice(Math.max(0, at - 80), at + form.length + 20)}…`
  }
  return undefined
}

/** Where processes have shown a secret. */
export interface ProcessWatch {
  /** How often all processes were looked at. */
  readonly looks: () => number
  /** `cmdline of …` or `environ of …`, each once. */
  readonly found: () => readonly string[]
  readonly stop: () => Promise<void>
}

/**
 * Looks at the arguments and the environment of all processes, again and again. A lab's hosts share this machine's kernel,
 * so their processes are among them. `isAllowed` tells a program that is given a secret in its environment on purpose.
 */
export function watchProcesses(forms: readonly string[], isAllowed: (pid: string) => boolean): ProcessWatch {
  const needles = forms.map((form) => Buffer.from(form))
  const found = new Set<string>()
  let looks = 0
  let running = true
  const holds = (bytes: Buffer | undefined): boolean =>
    bytes !== undefined && needles.some((needle) => bytes.includes(needle))
  const look = (): void => {
    for (const pid of readdirSync('/proc')) {
      if (!/^[0-9]+$/.test(pid)) continue
      const cmdline = read(`/proc/${pid}/cmdline`)
      const name = cmdline?.toString('latin1').split('\0').slice(0, 4).join(' ') ?? ''
      if (holds(cmdline)) found.add(`cmdline of ${name}`)
      if (holds(read(`/proc/${pid}/environ`)) && !isAllowed(pid)) found.add(`environ of ${name}`)
    }
    looks++
  }
  const loop = (async () => {
    while (running) {
      look()
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  return {
    looks: () => looks,
    found: () => [...found],
    stop: async () => {
      running = false
      await loop
    },
  }
}

/** A file of /proc; processes end while one looks at them. */
function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
