// The program that decides at boot whether a server takes writes, where its voters stand in two regions: the home region alone has a majority,
// db1 and db2 with the witness lb1; db3 is far away. Stand-ins for curl and the client answer. On real hosts: test/production/regions.test.ts.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { renderTemplate } from '../../src/template/render.ts'

const template = fileURLToPath(new URL('../../templates/mysql/open-primary.sh.ejs', import.meta.url))
const db2 = '10.0.0.12'
const lb1 = '10.0.0.21'
const db3 = '10.9.0.13'

// the term of an address is in a file of that name; nobody takes writes
const curl = `#!/bin/sh
for url; do :; done
path=\${url#http://}
case $path in */term) cat "$FAKE/\${path%%:*}" 2>/dev/null ;; *) exit 22 ;; esac
`
const client = `#!/bin/sh
case $(cat) in *read_only*) echo 1 ;; esac
`

/** What db1, closed and the primary of term 3, thinks of itself by what the others say of terms. */
function look(terms: Readonly<Record<string, string>>, elsewhere: readonly (readonly string[])[] = [[db3]]): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostwright-opener-'))
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/curl'), curl, { mode: 0o755 })
  writeFileSync(join(folder, 'bin/mysql'), client, { mode: 0o755 })
  for (const [address, term] of Object.entries({ ...terms, term: '3 db1' }))
    writeFileSync(join(folder, address), `${term}\n`)
  const vars = {
    flavour: 'mysql',
    self: 'db1',
    hinted: true,
    peers: [db2, db3],
    witnesses: [lb1],
    elsewhere,
    port: 9201,
    termFile: join(folder, 'term'),
    replicationUser: 'replicator',
    semiSync: false,
    wait: 0,
    openWithoutPeers: false,
  }
  const secrets = { reveal: (value: unknown) => String(value), redact: (text: string) => text }
  const script = join(folder, 'open-primary')
  writeFileSync(script, renderTemplate({ file: template, vars, secrets }))
  const env = { PATH: `${folder}/bin:${process.env.PATH}`, FAKE: folder }
  return spawnSync('sh', [script, 'look'], { env, encoding: 'utf8' }).stdout.trim().replace('\t', ': ')
}

const onLinux = process.platform === 'linux' ? test : test.skip // the script is for Linux hosts
const home = { [db2]: '3 db1', [lb1]: '3 db1' }

onLinux('a majority of its own region is not enough to open: another one may have taken over', (t) => {
  t.is(look(home), `wait: no answer from ${db3}, and that region may have taken over`)
  t.is(look(home, []), 'open: it is the primary of term 3', 'without regions the majority decides')
})

onLinux('it opens when the other region answers, and not if that knows of a later term', (t) => {
  t.is(look({ ...home, [db3]: '3 db1' }), 'open: it is the primary of term 3')
  t.is(look({ ...home, [db3]: '1795282138 db3' }), 'stay: db3 was made the primary (term 1795282138)')
})

onLinux('the other region alone is no majority', (t) => {
  t.regex(look({ [db3]: '3 db1' }), /^wait: no answer from .*a majority must say/)
})
