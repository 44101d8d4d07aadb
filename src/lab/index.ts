// `hostwright/lab`: a lab hands the engine an inventory like any other; this is how an inventory file asks for it.
export { type LabStatus, labDown, labKill, labLink, labReset, labStart, labStatus, labUp } from './lab.ts'
