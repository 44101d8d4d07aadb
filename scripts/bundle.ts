// Makes dist/ out of src/: few files instead of three hundred, which halves the command's start. What several entries need is
// in chunks that they share, so that a playbook and the command that runs it have the very same `hostwright`. Small packages
// that every run loads and that need no other are put in, with their licences; all others stay outside, ssh2 above all, so
// that a new version of them reaches who installs it. Declarations come from tsc.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'

const outdir = 'dist'
const inside = ['commander', 'diff', 'ejs', 'valibot']
const {
  dependencies,
  peerDependencies,
}: Record<string, Record<string, string>> = JSON.parse(await readFile('package.json', 'utf8'))
const outside = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => !inside.includes(name))

// declarations are tsc's; bundles of earlier builds go
for (const entry of await readdir(outdir, { recursive: true }).catch(() => []))
  if (/\.js(\.map)?$/.test(entry)) await rm(`${outdir}/${entry}`)

await build({
  entryPoints: {
    'cli/main': 'src/cli/main.ts',
    index: 'src/index.ts',
    'lab/index': 'src/lab/index.ts',
    'testing/index': 'src/testing/index.ts',
    // a process of its own, which src/secrets/age.ts starts: beside the chunk that starts it
    'chunks/age-process': 'src/secrets/age-process.js',
  },
  outdir,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: [...outside, ...outside.map((name) => `${name}/*`)],
  // commander and ejs are CommonJS and ask for parts of Node by `require`
  banner: {
    js: `import { createRequire as createRequireHere } from 'node:module'; const require = createRequireHere(import.meta.url);`,
  },
  logLevel: 'warning',
})

const licences = inside.map(async (name) => {
  const folder = `node_modules/${name}`
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry))
  if (file === undefined) throw new Error(`${folder} has no licence to ship`)
  return `${name}\n\n${await readFile(`${folder}/${file}`, 'utf8')}`
})
await writeFile(`${outdir}/LICENSES-OF-PACKAGES.txt`, (await Promise.all(licences)).join(`\n${'-'.repeat(80)}\n\n`))
