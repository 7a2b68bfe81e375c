/** What the tests use of the npm package syslog-client 1.1.1, which carries no types. */
declare module 'syslog-client' {
  import type { EventEmitter } from 'node:events';

  interface MessageOptions {
    facility?: number;
    severity?: number;
    rfc3164?: boolean;
    appName?: string;
    syslogHostname?: string;
    timestamp?: Date;
    msgid?: string;
  }
  class Client extends EventEmitter {
    log(message: string, options: MessageOptions, done: (error?: Error) => void): this;
    close(): this;
  }
  const syslogClient: {
    createClient(target: string, options: MessageOptions & { port: number; transport: number; tcpTimeout?: number }): Client;
    Transport: { Tcp: number; Udp: number };
    Facility: { Local0: number; Audit: number };
    Severity: { Notice: number; Informational: number };
  };
  export default syslogClient;
}
