/**
 * The variables of a host. Roles declare theirs by augmenting this interface, keyed by the role's name:
 * `declare module 'hostwright' { interface HostVars { haproxy?: Partial<HaproxyParams> } }`.
 * (Exported with `export *` from `src/index.ts`: TypeScript merges augmentations only through that form.)
 */
// biome-ignore lint/suspicious/noEmptyInterface: open for augmentation by roles
export interface HostVars {}
