// Variables from the command line, typed by what the roles declare: `nginx.workers=8`, `@file.json`, `{"nginx":{"workers":8}}`.
import { readFileSync } from 'node:fs'
import { ProvisionError } from '../core/error.ts'
import type { RoleDefinition } from '../core/role.ts'
import { checkObject, describeValue, nearest } from '../core/schema.ts'
import { isPlainObject } from './settings.ts'

export type ExtraVars = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/**
 * Parses and checks `--extra-vars` items, the later over the earlier; throws a ProvisionError (`input`) that quotes the item.
 * `variables` are the names of objects that the playbook reads beside its roles' parameters: they are not typed.
 */
export function parseExtraVars(
  items: readonly string[],
  roles: readonly RoleDefinition[],
  variables: readonly string[] = [],
): ExtraVars {
  const vars: Record<string, Record<string, unknown>> = {}
  for (const item of items) {
    for (const { role, param, candidates } of assignmentsOf(item)) {
      vars[role] = { ...vars[role], [param]: checkedValue(item, role, param, candidates, roles, variables) }
    }
  }
  return vars
}

interface Assignment {
  readonly role: string
  readonly param: string
  /** What may be meant, the likeliest first. */
  readonly candidates: readonly [unknown, ...unknown[]]
}

function assignmentsOf(item: string): readonly Assignment[] {
  if (item.startsWith('@')) return fromObject(item, readObject(item, item.slice(1)))
  if (item.trimStart().startsWith('{')) return fromObject(item, parseObject(item, item, 'the item'))
  const [, name, text] = /^([^=]*)=(.*)$/s.exec(item) ?? []
  const [role, param, ...rest] = (name ?? '').split('.')
  if (name === undefined || text === undefined || !role || !param) {
    const message = 'expected role.parameter=value, a JSON object or @file.json'
    return fail(item, message)
  }
  if (rest.length > 0)
    return fail(
      item,
      `'${name}' names a part of a parameter`,
      `Give the whole parameter as JSON: ${role}.${param}='{ … }'`,
    )
  return [{ role, param, candidates: candidatesOf(text) }]
}

/** JSON if it is JSON and loses nothing as such (1.10 is no number here), else the text; the other one if the role wants it. */
function candidatesOf(text: string): readonly [unknown, ...unknown[]] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return [text]
  }
  return typeof value === 'number' && String(value) !== text ? [text, value] : [value, text]
}

function readObject(item: string, file: string): Readonly<Record<string, unknown>> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error
    return fail(item, code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read: ${code}`)
  }
  return parseObject(item, text, file)
}

function parseObject(item: string, text: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return fail(item, `${what} is not valid JSON: ${error instanceof Error ? error.message : error}`)
  }
  return isPlainObject(value) ? value : fail(item, `${what} is ${describeValue(value)}, expected an object of roles`)
}

function fromObject(item: string, object: Readonly<Record<string, unknown>>): readonly Assignment[] {
  return Object.entries(object).flatMap(([role, params]) => {
    if (!isPlainObject(params))
      return fail(item, `'${role}' is ${describeValue(params)}, expected an object of the role's parameters`)
    return Object.entries(params).map(([param, value]): Assignment => ({ role, param, candidates: [value] }))
  })
}

function checkedValue(
  item: string,
  role: string,
  param: string,
  candidates: readonly [unknown, ...unknown[]],
  roles: readonly RoleDefinition[],
  variables: readonly string[],
): unknown {
  const definitions = roles.filter((entry) => entry.name === role)
  if (definitions.length === 0) {
    if (variables.includes(role)) return candidates[0]
    const names = [...new Set(roles.map((entry) => entry.name)), ...variables]
    const near = nearest(role, names)
    const known = names.length > 0 ? `Known: ${names.join(', ')}.` : undefined
    return fail(item, `no role '${role}' in the playbook`, near ? `Did you mean '${near}'?` : known)
  }
  const params = definitions.find((entry) => entry.params)?.params
  if (!params) return candidates[0]
  const schema = Object.hasOwn(params, param) ? params[param] : undefined
  if (!schema) {
    const names = Object.keys(params)
    const near = nearest(param, names)
    return fail(
      item,
      `role ${role} has no parameter '${param}'`,
      near ? `Did you mean '${near}'?` : `Parameters: ${names.join(', ')}.`,
    )
  }
  const checked = candidates.map((value) => ({ value, result: checkObject({ [param]: schema }, { [param]: value }) }))
  const good = checked.find(({ result }) => 'value' in result)
  if (good) return good.value
  const first = checked[0]?.result
  const issue = first && 'issue' in first ? first.issue : 'does not fit'
  return fail(item, `role ${role}: ${issue.replace(/^option/, 'parameter')}`)
}

function fail(item: string, message: string, hint?: string): never {
  throw new ProvisionError({ code: 'input', message: `--extra-vars ${describeValue(item)}: ${message}`, hint })
}
