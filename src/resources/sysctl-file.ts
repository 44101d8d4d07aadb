// sysctl.d(5) files and key names.

/** The path below /proc/sys of a key; `.` and `/` both separate, the one that comes first decides, see sysctl.d(5). */
export function sysctlPath(key: string): string {
  const first = /[./]/.exec(key)?.[0]
  if (first !== '.') return key
  return key.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'))
}

/** A value as the kernel prints it apart from white space: words with one space between. */
export function sysctlValue(value: string | number): string {
  return String(value).trim().split(/\s+/).join(' ')
}

/** The value that a file gives a key: the last line that names it. */
export function valueInFile(content: string, key: string): string | undefined {
  let found: string | undefined
  for (const line of content.split('\n')) {
    const setting = parseLine(line)
    if (setting && sysctlPath(setting.key) === sysctlPath(key)) found = sysctlValue(setting.value)
  }
  return found
}

/** The file with the keys set (in place, one line each) or, with an undefined value, taken out; other lines stay. */
export function editSysctlFile(content: string, settings: ReadonlyMap<string, string | undefined>): string {
  const left = new Map([...settings].map(([key, value]) => [sysctlPath(key), { key, value }]))
  const lines: string[] = []
  for (const line of content.replace(/\n$/, '').split('\n')) {
    const path = sysctlPath(parseLine(line)?.key ?? '')
    const known = [...settings.keys()].some((key) => sysctlPath(key) === path)
    if (!known || path === '') {
      lines.push(line)
      continue
    }
    const setting = left.get(path)
    left.delete(path)
    if (setting?.value !== undefined) lines.push(`${setting.key} = ${setting.value}`)
  }
  for (const { key, value } of left.values()) if (value !== undefined) lines.push(`${key} = ${value}`)
  const text = lines.join('\n').replace(/^\n+/, '')
  return text === '' ? '' : `${text}\n`
}

function parseLine(line: string): { key: string; value: string } | undefined {
  const [, key, value] = /^\s*-?\s*([^#;\s=][^\s=]*)\s*=\s*(.*?)\s*$/.exec(line) ?? []
  return key === undefined || value === undefined ? undefined : { key, value }
}
