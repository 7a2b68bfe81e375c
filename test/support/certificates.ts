import 'reflect-metadata';
import { createHash, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface TestCertificate {
  /** PEM. */
  certificate: string;
  /** PKCS #8, PEM. */
  key: string;
  /** SHA-256 of the certificate, lower-case hex with colons. */
  fingerprint: string;
}

export interface CertificateRequest {
  commonName: string;
  /** Subject alternative names. */
  dns?: string[];
  ips?: string[];
  notBefore?: Date;
  notAfter?: Date;
  usage?: 'server' | 'client';
}

/** A certificate authority of a test, which issues what the test needs. */
export class TestAuthority {
  private serial = 1;

  private constructor(private readonly name: string, readonly certificate: string, private readonly keys: webcrypto.CryptoKeyPair) {}

  static async create(commonName: string): Promise<TestAuthority> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const name = `CN=${commonName}, O=Tidegate Tests`;
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01', name, keys, signingAlgorithm: ALGORITHM, notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS),
      extensions: [new x509.BasicConstraintsExtension(true, 1, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
    });
    return new TestAuthority(name, root.toString('pem'), keys);
  }

  async issue(request: CertificateRequest): Promise<TestCertificate> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const names = [...(request.dns ?? []).map((value) => ({ type: 'dns' as const, value })), ...(request.ips ?? []).map((value) => ({ type: 'ip' as const, value }))];
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: (++this.serial).toString(16).padStart(2, '0'),
      subject: `CN=${request.commonName}, O=Tidegate Tests`,
      issuer: this.name,
      notBefore: request.notBefore ?? new Date(Date.now() - DAY_MS),
      notAfter: request.notAfter ?? new Date(Date.now() + DAY_MS),
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([request.usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth]),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    const certificate = issued.toString('pem');
    return { certificate, key: x509.PemConverter.encode(key, 'PRIVATE KEY'), fingerprint: createHash('sha256').update(new NodeCertificate(certificate).raw).digest('hex').replace(/(..)(?!$)/g, '$1:') };
  }
}

/** The usual set: an authority, a server certificate for localhost and 127.0.0.1, and a client certificate. */
export async function testCertificates(): Promise<{ authority: TestAuthority; server: TestCertificate; client: TestCertificate }> {
  const authority = await TestAuthority.create('Test Authority');
  return {
    authority,
    server: await authority.issue({ commonName: 'receiver.test', dns: ['localhost', 'receiver.test'], ips: ['127.0.0.1', '::1'] }),
    client: await authority.issue({ commonName: 'tidegate-sender', usage: 'client' }),
  };
}
