import { ProvisionError } from '../core/error.ts'
import { excerpt } from '../core/excerpt.ts'

/** A template's file and text, for messages. */
export interface TemplateSource {
  readonly file: string
  readonly text: string
}

/** What is wrong at a place of a template. */
export interface TemplateProblem {
  readonly message: string
  readonly line: number
  readonly column?: number | undefined
  readonly hint?: string | undefined
  readonly cause?: unknown
}

/** The error for a problem in a template: the template's own file and line, with the lines around it. */
export function templateError(source: TemplateSource, problem: TemplateProblem): ProvisionError {
  return new ProvisionError({
    code: 'template',
    message: `template ${source.file.slice(source.file.lastIndexOf('/') + 1)}: ${problem.message}`,
    where: { file: source.file, line: problem.line, column: problem.column ?? 1 },
    detail: excerpt(source.text, problem.line, problem.column),
    hint: problem.hint,
    cause: problem.cause,
  })
}
