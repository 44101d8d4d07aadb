// The production tests: the roles of a site without weak points, on real hosts (root, Linux). They take long, so they have a command of
// their own, npm run test:production; each file can run alone.
export default {
  files: ['test/production/**/*.test.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  nodeArguments: ['--import=tsx', '--conditions=hostwright-source'],
  concurrency: 2,
  timeout: '20m',
}
