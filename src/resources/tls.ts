// Certificates of the project's own CA, for traffic between its hosts: `tls.internal`. Public ones are `acme.certificate`.
export { type InternalCertificateArgs, internalCertificate as internal } from './internal-certificate.ts'
