// A plan as text and back. Whatever is not exactly what was written is refused, with what is wrong with it.
import { ProvisionError } from '../core/error.ts'
import { planVersion, type SavedPlan } from './plan-file.ts'
import { isSameDigest, type PlanKey } from './plan-key.ts'

const format: SavedPlan['format'] = 'hostwright plan'

/** The text of a plan, signed. */
export function renderPlan(plan: SavedPlan, key: PlanKey): string {
  return `${JSON.stringify({ ...plan, key: key.name, signature: key.digest('plan', JSON.stringify(plan)) }, undefined, 1)}\n`
}

/** Reads a plan; throws a ProvisionError that names the file and what is wrong. `key` is undefined in a project without one. */
export function parsePlan(text: string, file: string, version: string, key: PlanKey | undefined): SavedPlan {
  const refuse = (found: string, hint = 'Make a new one: provision plan'): never => {
    throw new ProvisionError({ code: 'input', message: `the plan ${file} ${found}`, hint })
  }
  if (text.trim() === '') return refuse('is empty')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refuse(text.includes(format) ? 'is truncated or damaged: it is no whole JSON' : 'is no plan: it is no JSON')
  }
  if (!isObject(value) || value.format !== format) return refuse('is no plan of provision plan')
  if (value.version !== planVersion)
    return refuse(`has the format version ${JSON.stringify(value.version)}, expected ${planVersion}`)
  if (value.hostwright !== version)
    return refuse(`was made by hostwright ${JSON.stringify(value.hostwright)}, expected ${version}, which is running`)
  const { signature, key: keyName, ...plan } = value
  if (!key || keyName !== key.name)
    return refuse(
      `was made with another plan key than this project's${key ? '' : ', which has none'}`,
      'Apply it where it was made, or bring .provision/plan.key along, as carefully as the key of a vault.',
    )
  if (typeof signature !== 'string' || !isSameDigest(signature, key.digest('plan', JSON.stringify(plan))))
    return refuse('was edited or damaged after it was made: its signature does not fit')
  return plan as unknown as SavedPlan // signed by us, so it is what we wrote
}

/** Whether a file may be written over: it is a plan, of any version. */
export function looksLikePlan(text: string): boolean {
  return text.slice(0, 200).includes(`"format": "${format}"`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
