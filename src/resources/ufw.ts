// The firewall of a host: `ufw.ruleset`.
export type { UfwRule } from './ufw-rule.ts'
export { type UfwRulesetArgs, ufwRuleset as ruleset } from './ufw-ruleset.ts'
