// Makes dist/ out of src/: few files instead of three hundred, which halves the command's start. What several entries need is
// in chunks that they share, so that a playbook and the command that runs it have the very same `hostwright`. Packages stay
// outside; declarations come from tsc.
import { readdir, rm } from 'node:fs/promises'
import { build } from 'esbuild'

const outdir = 'dist'

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
  packages: 'external',
  logLevel: 'warning',
})
