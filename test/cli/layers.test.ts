import test from 'ava'
import { violationsOf } from '../../scripts/layers.ts'

const rows: readonly { title: string; path: string; text: string; expect: readonly string[] }[] = [
  {
    title: 'core imports nothing of src, types neither',
    path: 'src/core/task.ts',
    text: "// why\nimport type { sh } from '../shell/quote.ts'\n",
    expect: [
      "src/core/task.ts:2: imports '../shell/quote.ts', expected nothing else of src: core is the vocabulary of all others: what it imported, everything would depend on.",
    ],
  },
  {
    title: 'the engine knows only the interface of a connection',
    path: 'src/engine/run.ts',
    text: "import type { Connect } from '../transport/connection.ts'\nimport {\n  connect,\n} from '../transport/connect.ts'\n",
    expect: [
      "src/engine/run.ts:2: imports '../transport/connect.ts', expected core, shell, transport/connection.ts: the engine knows no resource by name and only the interface of a connection, so that both can be replaced.",
    ],
  },
  {
    title: 'packages enter in one place, also by import()',
    path: 'src/cli/program.ts',
    text: "import { Command } from 'commander'\nconst load = () => import('listr2')\nexport { x } from 'ejs'\n",
    expect: [
      "src/cli/program.ts:2: imports 'listr2', which enters in report only: so that nothing but the live view draws on a terminal.",
      "src/cli/program.ts:3: imports 'ejs', which enters in template only: so that its errors always come out with template file and line.",
    ],
  },
  {
    title: 'a new package needs a place',
    path: 'src/core/a.ts',
    text: "import 'left-pad/x.js'\n",
    expect: [
      "src/core/a.ts:1: imports the package 'left-pad/x.js', which has no layer: name it in scripts/layers.ts with a reason",
    ],
  },
  {
    title: 'only cli knows the process',
    path: 'src/lab/a.ts',
    text: "import { argv } from 'node:process'\nprocess.exit(1)\nconsole.log('x')\nprocess.env.HOME\n// process.exit(1)\nconst f = 'console.log'\n",
    expect: [
      'src/lab/a.ts:2: uses process.exit: only src/cli knows the process; everything else gets streams, arguments and signals passed in',
      'src/lab/a.ts:3: uses console.log(: only src/cli knows the process; everything else gets streams, arguments and signals passed in',
      'src/lab/a.ts: imports argv of node:process: only src/cli knows the process; everything else gets streams, arguments and signals passed in',
    ],
  },
  {
    title: 'cli may import anything of src',
    path: 'src/cli/a.ts',
    text: "import '../engine/run.ts'\nprocess.exit(1)\n",
    expect: [],
  },
  {
    title: 'roles are written as a user writes them',
    path: 'roles/nginx.ts',
    text: "import { apt } from 'hostwright'\nimport { app } from './app.ts'\nimport { sh } from '../src/shell/quote.ts'\n",
    expect: [
      "roles/nginx.ts:3: imports '../src/shell/quote.ts', expected 'hostwright', node: or roles/, playbooks/, inventory/: the example must be what a user could write",
    ],
  },
]

for (const { title, path, text, expect } of rows) {
  test(title, (t) => {
    t.deepEqual(violationsOf([{ path, text }]), [...expect])
  })
}
