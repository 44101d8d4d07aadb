// The text form of an OpenPGP key, RFC 9580 section 6: base64 and a CRC-24. apt takes it in files that end in `.asc`.

/** A binary public key as armored text. */
export function armorKey(bytes: Uint8Array): string {
  const body = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  const sum = crc24(bytes)
  const checksum = Buffer.from([sum >> 16, (sum >> 8) & 0xff, sum & 0xff]).toString('base64')
  return `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${body}\n=${checksum}\n-----END PGP PUBLIC KEY BLOCK-----\n`
}

function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce
  for (const byte of bytes) {
    crc ^= byte << 16
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1
      if (crc & 0x1000000) crc ^= 0x1864cfb
    }
  }
  return crc & 0xffffff
}
