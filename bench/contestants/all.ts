import { ansible, ansibleTuned, mitogen } from './ansible/ansible.ts'
import type { Contestant } from './contestant.ts'
import { floor, floorKept } from './floor/floor.ts'
import { hostwright, hostwrightKept } from './hostwright/hostwright.ts'

/** All contestants, in the order in which they take turns. */
export const contestants: readonly Contestant[] = [
  floor,
  hostwright,
  floorKept,
  hostwrightKept,
  mitogen,
  ansibleTuned,
  ansible,
]
