// The unit tests: no host, no network, no root.
export default {
  files: ['test/**/*.test.ts', '!test/lab/**', '!test/production/**'],
  extensions: { ts: 'module' },
  workerThreads: false,
  nodeArguments: ['--import=tsx', '--conditions=hostwright-source'],
  timeout: '2m',
}
