// Where plans and what belongs to them lie.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { SavedPlan } from '../plan/plan-file.ts'
import { readPlanKey } from '../plan/plan-key.ts'
import { looksLikePlan, parsePlan } from '../plan/seal.ts'
import type { Io } from './io.ts'
import { packageVersion } from './package-version.ts'

/** A plan's name if nobody says another. */
export const defaultPlan = 'site.plan'

export function planKeyFile({ cwd }: Pick<Io, 'cwd'>): string {
  return resolve(cwd, '.provision/plan.key')
}

/** Which plans were applied where. */
export function appliedFolder({ cwd }: Pick<Io, 'cwd'>): string {
  return resolve(cwd, '.provision/applied')
}

/** Reads a plan and checks that it is whole; throws a ProvisionError that says what is wrong with it. */
export function readPlan(io: Pick<Io, 'cwd'>, file: string): SavedPlan {
  let text: string
  try {
    text = readFileSync(resolve(io.cwd, file), 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException // an error of the file system has a code
    const known = code === 'ENOENT' ? 'is not there' : `cannot be read: ${message}`
    const hint = code === 'ENOENT' ? `provision plan -o ${file}` : undefined
    throw new ProvisionError({ code: 'input', message: `the plan ${file} ${known}`, hint, cause: error })
  }
  return parsePlan(text, file, packageVersion(), readPlanKey(planKeyFile(io)))
}

/** Throws if a plan must not or cannot be written there. */
export function checkPlanPlace({ cwd }: Pick<Io, 'cwd'>, file: string): void {
  const path = resolve(cwd, file)
  const fail = (message: string): never => {
    throw new ProvisionError({ code: 'input', message: `--out ${file}: ${message}` })
  }
  if (!existsSync(dirname(path))) fail(`the folder ${dirname(path)} is not there`)
  const status = statSync(path, { throwIfNoEntry: false })
  if (!status) return
  if (!status.isFile()) fail('expected a file, found something else')
  if (status.size > 0 && !looksLikePlan(readFileSync(path, 'utf8')))
    fail('a file that is no plan is there; expected an old plan or none')
}
