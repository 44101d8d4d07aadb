// `provision rollback ROLE`: looks at all hosts of the role first, side by side, and refuses before anything is touched.
// Then its plays go back as they change: host by host with `serial`, drained with `beforeChanges`.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import type { Emit, RunEvent } from '../core/events.ts'
import type { InventoryHost } from '../core/host.ts'
import { definePlaybook, type Play, type Playbook } from '../core/play.ts'
import type { ReleasesOutcome } from '../core/role.ts'
import { nearest } from '../core/schema.ts'
import { makeHostContext, rolesOfPlay } from '../engine/host-context.ts'
import { run } from '../engine/run.ts'
import { keepConnections } from '../transport/kept.ts'
import { chooseRelease, type HostReleases, short } from './choose-release.ts'
import { chooseReport, type ReportOptions } from './choose-report.ts'
import type { Io } from './io.ts'
import { rolesIn, unlessFactsAreNeeded } from './playbook-contents.ts'
import { type PreparedRun, type PrepareOptions, prepareRun } from './prepare-run.ts'
import { outcomeCode } from './run-command.ts'
import { withReport } from './with-report.ts'

export interface RollbackOptions extends PrepareOptions, ReportOptions {
  /** The beginning of a release's identity. @default the release before the current one */
  readonly to?: string
  readonly check?: boolean
  readonly forks: number
  readonly keepRuns?: number
}

/** Goes back to an earlier release of a role on all its hosts; resolves to the exit code. */
export async function rollbackCommand(
  io: Io,
  role: string,
  playbookFile: string | undefined,
  options: RollbackOptions,
): Promise<number> {
  const file = playbookFile ?? defaultPlaybook(io)
  const prepared = await prepareRun(io, file, options)
  checkRole(role, file, prepared)
  const { request } = prepared
  const kept = keepConnections(io.connect ?? (await import('../transport/connect.ts')).makeEagerConnect())
  const whole = { ...request, connect: kept.connect, forks: options.forks }
  try {
    const shown = await chooseReport(io, options)
    const description = {
      command: 'rollback',
      playbook: file,
      check: options.check ?? false,
      options,
      request,
    } as const
    const { outcome } = await withReport(io, shown, description, prepared.warnings, async (emit, { stop, giveUp }) => {
      const part = { emit, stop, giveUp }
      const hostsLooked: HostReleases[] = []
      const events: RunEvent[] = []
      const looked = await run({
        ...whole,
        ...part,
        playbook: playsOf(role, request, 'look'),
        check: true,
        rollback: { role },
        emit: (event) => events.push(event),
        onOutcome: (host, _, outcome) => {
          if ('kept' in outcome) hostsLooked.push({ host, ...(outcome as ReleasesOutcome) }) // what a role's `look` tells
        },
      })
      if (looked.outcome !== 'ok') {
        for (const event of events) part.emit(event)
        return looked
      }
      const release = chooseRelease(role, hostsLooked, options.to)
      const playbook = playsOf(role, request, 'change')
      warnOfCrowds(playbook, request, part.emit)
      const result = await run({
        ...whole,
        ...part,
        playbook,
        check: options.check ?? false,
        rollback: { role, release },
      })
      if (result.outcome === 'ok' && !options.check)
        io.stderr.write(
          `${role} is at release ${short(release)}. The next run of a playbook deploys what its source says: mend that first.\n`,
        )
      return result
    })
    return outcomeCode(outcome)
  } finally {
    await kept.close()
  }
}

/** The plays that have the role, on the hosts that have it. */
function playsOf(role: string, request: PreparedRun['request'], purpose: 'look' | 'change'): Playbook {
  const { playbook, inventory, extraVars } = request
  const site = { playbook, inventory, extraVars, verify: false }
  const rolesOf = (play: Play, host: InventoryHost): string[] => {
    const names: string[] = []
    unlessFactsAreNeeded(() => {
      for (const use of rolesOfPlay(play, makeHostContext(host, site).host)) names.push(use.role.name)
    })
    return names
  }
  const plays = playbook.plays.flatMap((play) => {
    const hosts = inventory.select(play.hosts).filter((host) => rolesOf(play, host).includes(role))
    if (hosts.length === 0) return []
    const narrow = { ...play, hosts: hosts.map(({ name }) => name).join(','), after: undefined, runOnce: false }
    // looking changes nothing, so all hosts are looked at side by side
    return [purpose === 'look' ? { ...narrow, serial: undefined } : narrow]
  })
  return definePlaybook(plays)
}

/** A play without `serial` takes all its hosts out of service at the same time. */
function warnOfCrowds({ plays }: Playbook, { inventory }: PreparedRun['request'], emit: Emit): void {
  for (const { name, hosts, serial } of plays) {
    const count = inventory.select(hosts).length
    if (serial !== undefined || count < 2) continue
    emit({
      type: 'warning',
      host: undefined,
      message: `play ${name} goes back on ${count} hosts at the same time, so requests may fail meanwhile`,
      hint: 'One after the other, drained at the load balancer: give the play ...rolling({ … }), as playbooks/deploy.ts does.',
    })
  }
}

/** Throws if the playbook does not have the role, or the role no way back. */
function checkRole(role: string, file: string, { request }: PreparedRun): void {
  const roles = rolesIn(request.playbook, request.inventory)
  const able = roles.filter(({ rollback }) => rollback).map(({ name }) => name)
  const known = roles.find(({ name }) => name === role)
  if (known?.rollback) return
  const near = nearest(role, able)
  throw new ProvisionError({
    code: 'input',
    message: known
      ? `role ${role} has no way back: it says nothing about 'rollback'`
      : `no play of ${file} has a role '${role}'`,
    where: known?.where.get(),
    hint: near
      ? `Did you mean '${near}'?`
      : able.length > 0
        ? `Roles that can go back: ${able.join(', ')}.`
        : 'None of its roles can go back: a role needs `rollback` for that.',
  })
}

/** The plays that roll, if the project has them in a playbook of their own. */
function defaultPlaybook(io: Io): string {
  const deploy = 'playbooks/deploy.ts'
  return existsSync(resolve(io.cwd, deploy)) ? deploy : 'playbooks/site.ts'
}
