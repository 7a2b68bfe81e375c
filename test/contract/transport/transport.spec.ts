import { describe } from '@jest/globals';
import { RelpTransport } from '../../../src/outward/transports/relp/relp.transport.js';
import { TcpTransport } from '../../../src/outward/transports/tcp/tcp.transport.js';
import { TlsTransport } from '../../../src/outward/transports/tls/tls.transport.js';
import { UdpTransport } from '../../../src/outward/transports/udp/udp.transport.js';
import { transportContract } from './transport.contract.js';

describe('the transport contract over udp', () => transportContract(() => new UdpTransport()));
describe('the transport contract over tcp', () => transportContract(() => new TcpTransport()));
describe('the transport contract over tls', () => transportContract(() => new TlsTransport(), true));
describe('the transport contract over relp', () => transportContract(() => new RelpTransport()));
describe('the transport contract over relp with tls', () => transportContract(() => new RelpTransport(), true));
