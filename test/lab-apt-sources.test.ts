import test from 'ava'
import {
  chooseMirrors,
  parseAptSettings,
  parseDeb822Sources,
  parseListSources,
  parseMirrorList,
} from '../src/lab/apt-sources.ts'

test('deb822 stanzas are read with folded lines, comments and several addresses', (t) => {
  const text = `# Debian
Types: deb deb-src
URIs: http://one.example/debian
 http://two.example/debian/
Suites: trixie trixie-updates
Components: main
# a remark inside
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://one.example/debian-security
Suites: trixie-security
Components: main contrib
`
  t.deepEqual(parseDeb822Sources(text), [
    {
      uris: ['http://one.example/debian', 'http://two.example/debian/'],
      suites: ['trixie', 'trixie-updates'],
      components: ['main'],
    },
    { uris: ['http://one.example/debian-security'], suites: ['trixie-security'], components: ['main', 'contrib'] },
  ])
})

test('deb822 stanzas that are off or for sources only do not count', (t) => {
  const text =
    'Types: deb\nEnabled: no\nURIs: http://a/debian\nSuites: sid\nComponents: main\n\nTypes: deb-src\nURIs: http://b/debian\n'
  t.deepEqual(parseDeb822Sources(text), [])
})

test('one-line entries are read with and without options', (t) => {
  const text = `# deb http://off.example/debian sid main
deb http://one.example/debian bookworm main contrib # a remark
deb [arch=amd64 signed-by=/k.gpg] https://two.example/debian/ sid main
deb-src http://one.example/debian bookworm main
`
  t.deepEqual(parseListSources(text), [
    { uris: ['http://one.example/debian'], suites: ['bookworm'], components: ['main', 'contrib'] },
    { uris: ['https://two.example/debian/'], suites: ['sid'], components: ['main'] },
  ])
})

const choices: Record<string, { sources: string; archive: string[]; security: string[] }> = {
  'a usual Debian': {
    sources: 'deb http://m/debian/ bookworm main\ndeb http://m/debian-security bookworm-security main',
    archive: ['http://m/debian'],
    security: ['http://m/debian-security'],
  },
  'an old security line': {
    sources: 'deb http://m/debian buster main\ndeb http://s/debian-security buster/updates main',
    archive: ['http://m/debian'],
    security: ['http://s/debian-security', 'http://m/debian-security'],
  },
  'no security line: the folder beside the archive is worth a try': {
    sources: 'deb http://m/debian sid main',
    archive: ['http://m/debian'],
    security: ['http://m/debian-security'],
  },
  'a foreign "stable main" comes after Debian': {
    sources: 'deb http://browser.example/deb stable main\ndeb http://m/debian bookworm main',
    archive: ['http://m/debian', 'http://browser.example/deb'],
    security: ['http://m/debian-security'],
  },
  'a foreign component is no Debian archive': {
    sources: 'deb https://containers.example/linux/debian bookworm stable',
    archive: [],
    security: [],
  },
  'another distribution': { sources: 'deb http://m/ubuntu noble main', archive: [], security: [] },
  'a local folder cannot be reached by the hosts': {
    sources: 'deb file:/srv/debian sid main',
    archive: [],
    security: [],
  },
  'a list of mirrors': {
    sources: 'deb mirror+file:/etc/apt/mirrors/debian.list bookworm main',
    archive: ['mirror+file:/etc/apt/mirrors/debian.list'],
    security: [],
  },
}

for (const [title, { sources, archive, security }] of Object.entries(choices)) {
  test(`mirrors of ${title}`, (t) => {
    t.deepEqual(chooseMirrors(parseListSources(sources)), { archive, security })
  })
}

test('the first address of a mirror list counts', (t) => {
  t.is(
    parseMirrorList('# ours\n\nhttp://one.example/debian\tpriority:1\nhttp://two.example/debian\n'),
    'http://one.example/debian',
  )
  t.is(parseMirrorList('# empty\n'), null)
})

test('of the apt settings, those about reaching a mirror are kept', (t) => {
  const dump = `Dir::Cache "var/cache/apt";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CaInfo "/etc/ssl/own.pem";
Acquire::Check-Valid-Until "false";
Acquire::GzipIndexes "true";
Acquire::Languages:: "none";
APT::Install-Recommends "0";
`
  t.deepEqual(parseAptSettings(dump), [
    'Acquire::http::Proxy "http://proxy.example:3128";',
    'Acquire::https::CaInfo "/etc/ssl/own.pem";',
    'Acquire::Check-Valid-Until "false";',
  ])
})
