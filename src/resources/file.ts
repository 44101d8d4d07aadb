// file.*: files, directories, links, and edits of files that others own too.
export { type AbsentArgs, fileAbsent as absent } from './file-absent.ts'
export { type FileArgs, fileFile as file, fileTemplate as template, type TemplateArgs } from './file-content.ts'
export { type DirectoryArgs, fileDirectory as directory } from './file-directory.ts'
export { type BlockArgs, fileBlock as block, fileLine as line, type LineArgs } from './file-edit.ts'
export { fileLink as link, type LinkArgs } from './file-link.ts'
