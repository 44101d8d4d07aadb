// Writes the content for tools to read: spec.json, templates/ in every syntax, and the floor's script of each host.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderFloor } from './checks.ts'
import { directories, files, lines, packages, services, sysctlFile, sysctls, users, variables } from './content.ts'
import { renderTemplate, syntaxes, templateName } from './templates.ts'

/** The content as Ansible's variables. */
export function renderSpec(): Record<string, unknown> {
  return {
    bench_workers: variables.workers,
    bench_domain: variables.domain,
    bench_packages: packages,
    bench_services: services,
    bench_users: users,
    bench_directories: directories,
    bench_templates: files.map((file) => ({ ...file, src: templateName(file, 'j2') })),
    bench_lines: lines,
    bench_sysctls: Object.entries(sysctls).map(([name, value]) => ({ name, value })),
    bench_sysctl_file: sysctlFile,
  }
}

/** Writes everything into a folder, for hosts of these names. */
export async function writeContent(folder: string, hosts: readonly string[]): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  for (const name of ['templates', 'floor']) await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, 'spec.json'), `${JSON.stringify(renderSpec(), null, 2)}\n`)
  for (const file of files) {
    for (const syntax of Object.keys(syntaxes) as (keyof typeof syntaxes)[])
      await writeFile(join(folder, 'templates', templateName(file, syntax)), renderTemplate(file, syntax))
  }
  for (const host of hosts) await writeFile(join(folder, 'floor', host), renderFloor(host))
}
