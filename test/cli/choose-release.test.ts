import test from 'ava'
import { chooseRelease, type HostReleases } from '../../src/cli/choose-release.ts'
import { isProvisionError } from '../../src/core/error.ts'

const [c, p, o] = ['c', 'b', 'a'].map((digit) => digit.repeat(40)) as [string, string, string]
const host = (name: string, release?: string, previous?: string, kept?: readonly string[]): HostReleases => ({
  host: name,
  release,
  previous,
  kept: kept ?? [release, previous].filter((id) => id !== undefined),
})

interface Row {
  readonly title: string
  readonly hosts: readonly HostReleases[]
  readonly to?: string
  readonly expect: string | RegExp
}

const rows: readonly Row[] = [
  { title: 'the one before', hosts: [host('web1', c, p), host('web2', c, p)], expect: p },
  {
    title: 'a deployment stopped after its first host: only that one goes back',
    hosts: [host('web1', c, p), host('web2', p, o)],
    expect: p,
  },
  {
    title: 'a rollback stopped after its first host: the others follow',
    hosts: [host('web1', p, undefined, [c, p]), host('web2', c, p)],
    expect: p,
  },
  { title: 'all are back already', hosts: [host('web1', p), host('web2', p)], expect: /there is no previous release/ },
  {
    title: 'the hosts came from different releases',
    hosts: [host('web1', c, p), host('web2', c, o)],
    expect: /do not agree/,
  },
  {
    title: 'one host has no previous release and is not there either',
    hosts: [host('web1', c, p), host('web2', c)],
    expect: /do not agree/,
  },
  { title: 'nothing deployed', hosts: [host('web1', c, p), host('web2')], expect: /nothing is deployed on web2/ },
  { title: 'by name', hosts: [host('web1', c, p, [c, p, o]), host('web2', p, o)], to: 'AAAA', expect: o },
  { title: 'by name, current everywhere', hosts: [host('web1', c, p)], to: c, expect: c },
  { title: 'an unknown name', hosts: [host('web1', c, p)], to: 'ffff', expect: /no host has a release 'ffff'/ },
  { title: 'no name', hosts: [host('web1', c, p)], to: '', expect: /no host has a release ''/ },
  {
    title: 'a name that may be two',
    hosts: [host('web1', c, p, [`abc1${'0'.repeat(36)}`, `abc2${'0'.repeat(36)}`])],
    to: 'abc',
    expect: /'abc' may be each of abc100000000, abc200000000/,
  },
  {
    title: 'a name that not all have',
    hosts: [host('web1', c, p), host('web2', c, o)],
    to: 'bbb',
    expect: /release bbbbbbbbbbbb is not kept on web2/,
  },
]

for (const { title, hosts, to, expect } of rows) {
  test(`which release to go back to: ${title}`, (t) => {
    if (typeof expect === 'string') return t.is(chooseRelease('app', hosts, to), expect)
    const error = t.throws(() => chooseRelease('app', hosts, to))
    t.true(isProvisionError(error))
    t.regex(error?.message ?? '', expect)
    for (const each of hosts) t.true(isProvisionError(error) && error.detail?.includes(each.host))
    return undefined
  })
}
