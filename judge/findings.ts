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
  {
    tool: 'testssl',
    id: 'engine_problem',
    why: "It is about the judge's own openssl, not about the site.",
  },
  {
    tool: 'testssl',
    id: 'FS_KEMs',
    why: 'OpenSSL 3.0 of bookworm has no post-quantum key exchange; HAProxy of trixie offers it.',
  },
  {
    tool: 'ssh-audit',
    id: 'CVE-2023-48795',
    why: 'All our daemons have the strict key exchange that ends Terrapin; the note is about clients that lack it.',
  },
]
