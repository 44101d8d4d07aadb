// file.*: files, directories, links, and edits of files that others own too.
export { type AbsentArgs, fileAbsent as absent } from './file-absent.ts'
export { type BlockArgs, fileBlock as block } from './file-block.ts'
export { type DirectoryArgs, fileDirectory as directory } from './file-directory.ts'
export { type FileArgs, fileFile as file } from './file-file.ts'
export { fileLine as line, type LineArgs } from './file-line.ts'
export { fileLink as link, type LinkArgs } from './file-link.ts'
export { fileTemplate as template, type TemplateArgs } from './file-template.ts'
