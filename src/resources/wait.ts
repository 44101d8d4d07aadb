// Waiting for what a service needs a moment for: `wait.port`, `wait.http`.
export { type WaitHttpArgs, waitHttp as http } from './wait-http.ts'
export { type WaitPortArgs, waitPort as port } from './wait-port.ts'
