// The lab tests: real hosts (root, Linux). Each file brings up a lab of its own name, so that any file can run alone.
export default {
  files: ['test/lab/**/*.test.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  nodeArguments: ['--import=tsx', '--conditions=hostwright-source'],
  concurrency: 2,
  timeout: '20m',
}
