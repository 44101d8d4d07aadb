import { readFileSync } from 'node:fs'
import ejs from 'ejs'
import type { Secrets } from '../core/secret.ts'

/** What to render. */
export interface TemplateInput {
  /** Absolute path of the template, as `resolveTemplate` gives it; includes are relative to it. */
  readonly file: string
  /** The template's text. @default what the file holds */
  readonly text?: string | undefined
  /** The variables that the template sees; secrets in them, nested ones too, are revealed. */
  readonly vars: Readonly<Record<string, unknown>>
  readonly secrets: Secrets
}

/** The rendered text, exact to the byte; throws a ProvisionError (`template`) with the template's file and line. */
export function renderTemplate(input: TemplateInput): string {
  return ejs.render(input.text ?? readFileSync(input.file, 'utf8'), { ...input.vars }, { filename: input.file, escape: String })
}
