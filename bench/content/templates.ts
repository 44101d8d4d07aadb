// The 20 templates, 25 lines each, written once and given to each tool in its own syntax.
import { basename } from 'node:path'
import { files, type PathContent, variables } from './content.ts'

/** How a syntax writes a variable. */
type Variable = (name: 'name' | 'workers' | 'domain') => string

/** The syntaxes of the contestants' template engines. */
export const syntaxes = {
  /** Jinja, of Ansible. */
  j2: (name) => `{{ bench_${name} }}`,
  /** EJS, of hostwright. */
  ejs: (name) => `<%= ${name} %>`,
} as const satisfies Record<string, Variable>

/** The file name of the template of a file. */
export function templateName(file: PathContent, syntax: keyof typeof syntaxes): string {
  return `${String(files.indexOf(file)).padStart(2, '0')}-${basename(file.path)}.${syntax}`
}

/** The text of a template in one of the syntaxes. */
export function renderTemplate(file: PathContent, syntax: keyof typeof syntaxes): string {
  return textOf(file, syntaxes[syntax])
}

/** The text that a file shall have on a host. */
export function renderFile(file: PathContent, host: string): string {
  const values = { name: host, ...variables }
  return textOf(file, (name) => values[name])
}

function textOf(file: PathContent, variable: Variable): string {
  const [name, workers, domain] = [variable('name'), variable('workers'), variable('domain')]
  const number = files.indexOf(file)
  const body = (line: number): string => {
    if (file.path.startsWith('/etc/nginx/'))
      return `upstream bench${number}_${line}_${name} { server 127.0.0.1:${9000 + 30 * number + line}; keepalive ${workers}; }`
    if (file.path.startsWith('/etc/cron.d/')) return `${line} 3 1 1 * root /bin/true job${line}-${name}-${workers}`
    if (file.path.startsWith('/etc/profile.d/')) return `export BENCH_${number}_${line}="${name}-${domain}"`
    if (file.path.endsWith('.html'))
      return `<p class="l${line}">${name}.${domain} serves ${line * number} with ${workers} workers</p>`
    return `option${number}_${line} = ${name}.${domain}:${8000 + line}:${workers}`
  }
  const head = file.path.endsWith('.html')
    ? '<!-- bench page -->'
    : `# Managed by the bench: ${basename(file.path)} on ${name}`
  const lines = [head, ...Array.from({ length: 24 }, (_, line) => body(line))]
  return `${lines.join('\n')}\n`
}
