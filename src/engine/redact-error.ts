import { ProvisionError } from '../core/error.ts'

/** The same error with secrets hidden in every text. */
export function redactError(error: ProvisionError, redact: (text: string) => string): ProvisionError {
  const hidden = new ProvisionError({
    code: error.code,
    message: redact(error.message),
    where: error.where,
    detail: error.detail === undefined ? undefined : redact(error.detail),
    hint: error.hint === undefined ? undefined : redact(error.hint),
  })
  if (error.stack) hidden.stack = redact(error.stack)
  return hidden
}
