// Commands and scripts: `shell.command`, `shell.script`.
export { type ShellCommandArgs, shellCommand as command } from './shell-command.ts'
export { type ShellScriptArgs, shellScript as script } from './shell-script.ts'
