// Packages and where they come from: `apt.package`, `apt.repository`.
export { type AptPackageArgs, aptPackage as package } from './apt-package.ts'
export { type AptRepositoryArgs, aptRepository as repository } from './apt-repository.ts'
