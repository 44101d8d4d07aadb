// The project on this disk: what it holds, and writing into it.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { ProvisionError } from '../../core/error.ts'
import { type Answers, answersFile, checkAnswers } from '../../wizard/answers.ts'
import type { ProjectContext } from '../../wizard/files.ts'
import { packageFolder } from '../package-folder.ts'

const home = packageFolder()
const sampleFiles = ['server.js', 'package.json', 'package-lock.json', 'static/robots.txt', 'static/site.css']

/** The command of this very package, for running it again. */
export const provisionCommand = join(home, 'bin/provision.js')

/** What files of this project need to know. */
export function contextOf(folder: string): ProjectContext {
  const sample = sampleFiles.map((path) => [path, readFileSync(join(home, 'examples/app', path), 'utf8')])
  return { name: basename(folder), hostwright: packageRange(folder), sample: Object.fromEntries(sample) }
}

/** The version that is installed; a checkout is referred to by its path, since no registry may have it. */
function packageRange(folder: string): string {
  if (/[\\/]node_modules[\\/]/.test(home)) {
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string } // our own file
    return `^${version}`
  }
  return `file:${relative(folder, home) || '.'}`
}

/** A file of the project; undefined if it is not there. */
export function readIn(folder: string, path: string): string | undefined {
  const file = join(folder, path)
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file, 'utf8') : undefined
}

/** The answers of the last time; undefined in a folder that the wizard has not seen. */
export function presentAnswers(folder: string): Answers | undefined {
  const text = readIn(folder, answersFile)
  return text === undefined ? undefined : checkAnswers(parseJson(text, answersFile), answersFile)
}

export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ProvisionError({ code: 'input', message: `${source} is not JSON: ${why}`, cause: error })
  }
}

/** Writes a file whole, beside it first. */
export function writeIn(folder: string, path: string, text: string): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  const beside = `${file}.${process.pid}.new`
  writeFileSync(beside, text)
  renameSync(beside, file)
}
