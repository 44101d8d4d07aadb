// npm run check: who may import what. The rules, with their reasons, are in layers.ts.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { violationsOf } from './layers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = ['src', 'roles', 'playbooks', 'inventory'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name)),
)
const violations = violationsOf(
  files.map((file) => ({ path: relative(root, file).split(sep).join('/'), text: readFileSync(file, 'utf8') })),
)
for (const violation of violations) process.stderr.write(`${violation}\n`)
process.stdout.write(`layers: ${files.length} files, ${violations.length} violations\n`)
process.exitCode = violations.length === 0 ? 0 : 1
