// `hostwright/testing`: for tests of your own roles.
export { type PlannedTask, type PlanOfOptions, planOf, sampleFacts } from './plan-of.ts'
export { type Ran, record } from './runner.ts'
