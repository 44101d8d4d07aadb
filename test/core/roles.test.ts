import test from 'ava'
import * as v from 'valibot'
import { definePlaybook, play } from '../../src/core/play.ts'
import { resolveParameters, role } from '../../src/core/role.ts'
import { hostname } from '../../src/resources/hostname.ts'

const web = role('web', { params: { workers: v.optional(v.number(), 1), site: v.string() } }, () => [])
const layers = (vars: object = {}, extra: object = {}) => ({
  vars: vars as Record<string, unknown>,
  extra: extra as Record<string, unknown>,
})

test('a parameter comes from default < inventory < play < command line', (t) => {
  t.deepEqual(resolveParameters(web({ site: 'a' }), 'h', layers()), { workers: 1, site: 'a' })
  t.deepEqual(resolveParameters(web({ site: 'a' }), 'h', layers({ web: { workers: 2, site: 'b' } })), {
    workers: 2,
    site: 'a',
  })
  t.deepEqual(resolveParameters(web({ site: 'a', workers: 3 }), 'h', layers({ web: { workers: 2 } })), {
    workers: 3,
    site: 'a',
  })
  t.deepEqual(resolveParameters(web({ site: 'a', workers: 3 }), 'h', layers({}, { web: { workers: 4 } })), {
    workers: 4,
    site: 'a',
  })
})

test('a missing, misspelt or ill-typed parameter names role, host, parameter and the line of the play', (t) => {
  const fail = (params: object, vars = {}) =>
    t.throws(() => resolveParameters(web(params), 'web1', layers(vars)), undefined, JSON.stringify(params))
  const missing = fail({}) as Error & { hint?: string; where?: { file: string } }
  t.is(missing.message, "role web on web1: parameter 'site' is missing")
  t.is(missing.hint, 'Set it in the play, or in the inventory as vars: { web: { … } }.')
  t.regex(missing.where?.file ?? '', /roles\.test\.ts$/)
  t.is(fail({ site: 'a', worker: 1 })?.message, "role web on web1: unknown parameter 'worker'; did you mean 'workers'?")
  t.is(
    fail({ site: 'a', workers: 'two' })?.message,
    "role web on web1: parameter 'workers': expected a number, found 'two'",
  )
  t.is(
    fail({ site: 'a' }, { web: 7 })?.message,
    "role web on web1: the inventory's variable 'web': expected an object of this role's parameters, found 7",
  )
})

test('resource arguments are checked when the task is made, with did-you-mean', (t) => {
  t.is(t.throws(() => hostname({ name: 'web1', wen: true } as never))?.message, "hostname: unknown option 'wen'")
  const near = t.throws(() => hostname({ name: 'web1', notfy: [] } as never)) as Error & { hint?: string }
  t.is(near.hint, "Did you mean 'notify'?")
  t.is(t.throws(() => hostname({} as never))?.message, "hostname: option 'name' is missing")
  t.is(t.throws(() => hostname({ name: 'a b' }))?.message, "hostname: option 'name': expected a host name, found 'a b'")
  t.is(t.throws(() => hostname('web1' as never))?.message, "hostname: expected an object of options, found 'web1'")
})

test('a play checks its options and its roles', (t) => {
  t.is(t.throws(() => play({ hosts: 'all', role: [] } as never))?.message, "play: unknown option 'role'")
  t.is(t.throws(() => play({} as never))?.message, "play: option 'hosts': expected a host pattern, found undefined")
  const uncalled = t.throws(() => play({ hosts: 'all', roles: [web] } as never)) as Error & { hint?: string }
  t.is(uncalled.message, "play: option 'roles': expected uses of roles, found a function")
  t.is(uncalled.hint, 'Call the role: nginx() or nginx({ … }).')
  t.is(
    t.throws(() => play({ hosts: 'all', serial: 'half' }))?.message,
    "play: option 'serial': expected a number of hosts or a percentage such as '30%', found 'half'",
  )
  t.is(
    t.throws(() => definePlaybook([{ hosts: 'all' }] as never))?.message,
    'definePlaybook: expected plays, found an object',
  )
})
