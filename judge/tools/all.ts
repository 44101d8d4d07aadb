// The tools, in the order in which they run: those that look first, those that push last. The data is compared after the switchovers.
import type { Tool } from '../tool.ts'
import { h2load } from './h2load.ts'
import { lynis } from './lynis.ts'
import { nmap } from './nmap.ts'
import { openscap } from './openscap.ts'
import { prometheus } from './prometheus.ts'
import { ptTableChecksum } from './pt-table-checksum.ts'
import { slowhttptest } from './slowhttptest.ts'
import { sshAudit } from './ssh-audit.ts'
import { sysbench } from './sysbench.ts'
import { testssl } from './testssl.ts'
import { wafw00f } from './wafw00f.ts'

export const tools: readonly Tool[] = [
  prometheus,
  nmap,
  sshAudit,
  testssl,
  wafw00f,
  sysbench,
  h2load,
  ptTableChecksum,
  lynis,
  openscap,
  slowhttptest,
]
