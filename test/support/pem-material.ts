import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A self-signed certificate with its key, as PEM texts, made for one test run. */
export interface PemMaterial {
  certificate: string;
  key: string;
}

export async function pemMaterial(commonName: string, valid: { from?: Date; to?: Date } = {}): Promise<PemMaterial> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const crypto = webcrypto as Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[1];
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    { name: `CN=${commonName}`, serialNumber: '0a', keys, signingAlgorithm: algorithm, notBefore: valid.from ?? new Date('2020-01-01T00:00:00Z'), notAfter: valid.to ?? new Date('2120-01-01T00:00:00Z') },
    crypto,
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { certificate: `${certificate.toString('pem')}\n`, key: `-----BEGIN PRIVATE KEY-----\n${(key.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n` };
}
