// Why a finding of a tool is left as it is. A finding that is not here makes `npm run judge` fail; so the list is also what
// a reviewer can argue with.

import { hardeningFindings } from './hardening-findings.ts'

/** An explanation of one finding. */
export interface Explanation {
  readonly tool: string
  /** The tool's name for it. */
  readonly id: string
  /** Holds for these hosts only, by pattern. @default all */
  readonly hosts?: RegExp
  readonly why: string
}

export const explanations: readonly Explanation[] = [
  ...hardeningFindings,
  {
    tool: 'testssl',
    id: 'cert_revocation',
    why: "The lab's authority (Pebble) publishes neither CRL nor OCSP. A certificate of Let's Encrypt names its CRL.",
  },
  {
    tool: 'testssl',
    id: 'DNS_CAArecord',
    why: 'A CAA record is made where the domain is administered. The lab has only addresses.',
  },
  {
    tool: 'openscap',
    id: 'no-content',
    hosts: /^db/,
    why: 'The SCAP Security Guide has content for Debian releases. MySQL 9.7 is in sid only, which is none yet.',
  },
]
