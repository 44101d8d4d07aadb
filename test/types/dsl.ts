// What must not compile. Each @ts-expect-error is a test: tsc fails if the line below it is accepted.
import { changed, defineInventory, file, given, handler, hostname, play, role, shell, systemd, v } from 'hostwright'

const main = file.file({ dest: '/etc/motd', content: 'hello' })
const command = shell.command({ run: 'uname' })
const reload = handler(systemd.service({ unit: 'nginx', state: 'reloaded' }))

// @ts-expect-error an option that does not exist
file.file({ dest: '/etc/motd', content: 'x', moode: '0644' })
// @ts-expect-error a mode is an octal text, not a number
file.file({ dest: '/etc/motd', content: 'x', mode: 644 })
// @ts-expect-error a mode starts with 0
file.file({ dest: '/etc/motd', content: 'x', mode: '644' })
// @ts-expect-error a misspelt state
systemd.service({ unit: 'nginx', state: 'runing' })
// @ts-expect-error a missing argument
hostname({})
// @ts-expect-error a handler is a value, not a name
file.file({ dest: '/etc/motd', content: 'x', notify: 'reload nginx' })
// @ts-expect-error a task is not a handler
file.file({ dest: '/etc/motd', content: 'x', notify: main })
// @ts-expect-error a handler is not a task
changed(reload)
// @ts-expect-error a result read as the wrong type
given(command, (result) => result.stdout + 1 === 2 && result.code.length > 0)
given(command, (result) => result.stdout.includes('Linux') && result.code === 0)

const sample = role('sample', { params: { port: v.number(), name: v.optional(v.string(), 'x') } }, ({ port, name }) => {
  const both: [number, string] = [port, name]
  return file.file({ dest: '/etc/sample', content: both.join(' ') })
})
sample({ port: 1 })
sample()
// @ts-expect-error a parameter of the wrong type
sample({ port: '1' })
// @ts-expect-error a parameter that does not exist
sample({ prot: 1 })

// @ts-expect-error a play without hosts
play({ roles: [sample()] })
// @ts-expect-error the role itself instead of a use of it
play({ hosts: 'all', roles: [sample] })

defineInventory({ hosts: { web1: { address: '192.0.2.1', port: 22 } }, groups: { web: ['web1'] } })
// @ts-expect-error a port is a number
defineInventory({ hosts: { web1: { port: '22' } } })
// @ts-expect-error a misspelt connection setting
defineInventory({ hosts: { web1: { adress: '192.0.2.1' } } })
